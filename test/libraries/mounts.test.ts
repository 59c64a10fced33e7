import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Chancy, Queue } from 'chancy'
import { createHandler, type Handler } from 'chancy/http'
import { bearer } from 'chancy/http/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'
import { hosts, type Listening } from './hosts.ts'
import { install } from './install.ts'

const TOKEN = 'a-token-of-the-tests'
const QUEUE = 'a/b <img>'
const why = await install('frameworks')
const schema = testSchema()
let chancy: Chancy

beforeAll(async () => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  // Does nothing where it is built.
  expect(spawnSync(process.execPath, ['scripts/dashboard.mjs'], { cwd }).status).toBe(0)
  chancy = new Chancy(databaseUrl(schema), { schema })
  await chancy.migrate()
  await chancy.declare(new Queue('mail', { executor: 'inline' }))
})
afterAll(() => chancy.close())

for (const host of hosts) {
  const isMissing = host.isInstalled === true && why !== undefined
  if (isMissing) console.log(`${host.name}: skipped, ${why}`)
  describe.skipIf(isMissing).each(['/', '/a/b'])(`${host.name} with the handler at %s`, (base) => {
    const below = base === '/' ? '' : base
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      'x-chancy': '1',
      'content-type': 'application/json',
    }
    let handler: Handler
    let server: Listening
    let origin = ''
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${origin}${below}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { ...headers, ...init.headers },
      })

    beforeAll(async () => {
      handler = createHandler(chancy, {
        basePath: base,
        stripped: host.isStripping === true,
        access: bearer({ [TOKEN]: 'admin' }),
        limits: { streams: 1 },
      })
      server = await host.open(handler, base)
      origin = `http://127.0.0.1:${server.port}`
    })
    afterAll(async () => {
      await handler.close()
      await server.close()
    })

    it('shows the page at the mount, with a slash and without, and below it', async () => {
      for (const path of ['', '/', '/jobs/some?q=state:failed', '/queues/a%2Fb']) {
        const response = await ask(path)
        expect(response.status, path).toBe(200)
        expect(response.headers.get('content-type'), path).toContain('text/html')
        expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
        expect(await response.text()).toContain(`<base href="${below}/">`)
      }
    })

    it('serves every file that the page names, compressed and with a tag', async () => {
      const html = await (await ask('/')).text()
      const names = [...html.matchAll(/<(?:script|link)[^>]+(?:src|href)="([^"]+)"/g)]
      expect(names.length).toBeGreaterThan(2)
      let compressed = 0
      for (const [, name] of names) {
        const response = await ask(`/${name}`, { headers: { 'accept-encoding': 'br' } })
        expect(response.status, name).toBe(200)
        expect(response.headers.get('content-type'), name).toMatch(/javascript|css|svg/)
        const etag = response.headers.get('etag') ?? ''
        const { byteLength } = await response.arrayBuffer()
        expect(byteLength).toBeGreaterThan(0)
        // Of a small file nothing is gained.
        if (name?.endsWith('.js') === true && byteLength > 1_000) {
          expect(response.headers.get('content-encoding'), name).toBe('br')
          compressed++
        }
        const same = { 'accept-encoding': 'br', 'if-none-match': etag }
        expect((await ask(`/${name}`, { headers: same })).status, name).toBe(304)
      }
      expect(compressed).toBeGreaterThan(0)
    })

    it('answers JSON, a known state with 304, a HEAD without a body, and a refusal', async () => {
      const first = await ask('/api/v1/queues')
      expect(first.status).toBe(200)
      expect(await first.json()).toMatchObject({ items: [{ name: 'mail' }, {}].slice(0, 1) })
      const tag = { 'if-none-match': first.headers.get('etag') ?? '' }
      expect((await ask('/api/v1/queues', { headers: tag })).status).toBe(304)
      const head = await ask('/api/v1/openapi.json', { method: 'HEAD' })
      expect(head.status).toBe(200)
      expect(await head.text()).toBe('')
      const zipped = await ask('/api/v1/openapi.json', { headers: { 'accept-encoding': 'gzip' } })
      expect(zipped.headers.get('content-encoding')).toBe('gzip')
      expect(await zipped.json()).toMatchObject({ openapi: '3.1.0' })
      const refused = await ask('/api/v1/queues', { headers: { authorization: '' } })
      expect(refused.status).toBe(401)
      expect(await refused.json()).toMatchObject({ code: 'ACCESS_NEEDED' })
    })

    it('takes the bodies of actions, and names with a slash', async () => {
      const encoded = `/api/v1/queues/${encodeURIComponent(QUEUE)}`
      const body = JSON.stringify({ executor: 'inline', concurrency: 3 })
      const put = await ask(encoded, { method: 'PUT', body })
      expect(await put.json()).toMatchObject({ name: QUEUE, concurrency: 3 })
      const plain = `/api/v1/queues/~${Buffer.from(QUEUE).toString('base64url')}`
      expect(await (await ask(plain)).json()).toMatchObject({ name: QUEUE })
      const reason = JSON.stringify({ reason: 'the mail server is down' })
      const paused = await ask('/api/v1/queues/mail/pause', { method: 'POST', body: reason })
      expect(await paused.json()).toMatchObject({ name: 'mail', state: 'paused' })
      const [entry] = (await chancy.audit.list({ limit: 1 })).items
      expect(entry).toMatchObject({ verb: 'queues.pause', reason: 'the mail server is down' })
      // Next.js does not say where a request comes from.
      expect(entry?.address).toBe(host.name.includes('Next') ? null : '127.0.0.1')
      const bare = await ask('/api/v1/queues/mail/resume', { method: 'POST' })
      expect(await bare.json()).toMatchObject({ state: 'active' })
      expect((await ask(plain, { method: 'DELETE' })).status).toBe(204)
    })

    it('refuses a body that is too large, another type, and another origin', async () => {
      const path = '/api/v1/queues/mail/pause'
      const large = JSON.stringify({ reason: 'x'.repeat(1_200_000) })
      const response = await ask(path, { method: 'POST', body: large })
      // A client that sent it on this connection could not use it again.
      if (host.parses !== true) expect(response.headers.get('connection')).toBe('close')
      expect(response.status).toBe(413)
      if (host.parses !== true) expect(await response.json()).toMatchObject({ code: 'TOO_LARGE' })
      const text = { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } }
      expect((await ask(path, text)).status).toBe(415)
      const from = (site: string) => ({ method: 'POST', body: '{}', headers: { origin: site } })
      expect((await ask(path, from('https://evil.example'))).status).toBe(403)
      expect((await ask('/api/v1/queues/mail/resume', from(origin))).status).toBe(200)
    })

    it('sends the states of topics, and ends a stream whose reader has left', async () => {
      const leave = new AbortController()
      const path = '/api/v1/events?topics=queues'
      const response = await ask(path, { signal: leave.signal })
      expect(response.headers.get('content-type')).toContain('text/event-stream')
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let seen = ''
      while (!seen.includes('event: topic')) seen += (await reader.read()).value ?? ''
      expect((await ask(path)).status).toBe(429)
      leave.abort()
      await reader.read().catch(() => {})
      // One stream is allowed: there is a place when the server has noticed.
      await until(async () => {
        const again = new AbortController()
        const { status } = await ask(path, { signal: again.signal })
        again.abort()
        return status === 200
      })
    })

    it('answers what there is not with a problem, and leaves what stands beside it alone', async () => {
      for (const path of ['/api/v1/none', '/api/none', '/api/v1/jobs/%ff', '/api/v1/queues/']) {
        const response = await ask(path)
        expect([400, 404], path).toContain(response.status)
        if (path.includes('%ff') && host.refusesPaths === true) continue
        expect(response.headers.get('content-type'), path).toContain('application/problem+json')
      }
      expect((await ask('/api/v1/session', { method: 'PATCH', body: '{}' })).status).toBe(405)
      if (host.hasOthers) expect(await (await fetch(`${origin}/beside`)).text()).toBe('beside')
      if (base !== '/') expect((await fetch(`${origin}/a/bc`, { headers })).status).toBe(404)
    })

    it('takes a browser in by a link, and leads it back below the mount', async () => {
      const response = await ask(`/queues?token=${TOKEN}&q=1`, { headers: { authorization: '' } })
      expect(response.status).toBe(303)
      expect(response.headers.get('location')).toBe(`${below}/queues?q=1`)
      const cookie = response.headers.get('set-cookie') ?? ''
      expect(cookie).toContain(`Path=${below}/;`.replace(/;$/, ''))
      const signedIn = { authorization: '', cookie: cookie.split(';')[0] ?? '' }
      expect((await ask('/api/v1/session', { headers: signedIn })).status).toBe(200)
    })
  })
}
