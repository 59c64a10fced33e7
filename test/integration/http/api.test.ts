import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { batch, Chancy, Job, Queue } from 'chancy'
import { createHandler, type HandlerOptions, type Role } from 'chancy/http'
import { chancyFastify } from 'chancy/http/fastify'
import { bearer, toNode } from 'chancy/http/node'
import { cron } from 'chancy/plugins/cron'
import express from 'express'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../dist/core/reference.js'
import { databaseUrl, testSchema } from '../../support/database.ts'

const schema = testSchema()
const local = { remoteAddress: '127.0.0.1' }
const ROLES: readonly Role[] = ['view', 'operate', 'admin']
const UNKNOWN = '0198a000-0000-7000-8000-000000000001'
let chancy: Chancy
let jobId = ''

interface Operation {
  readonly description: string
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
type Content = Readonly<Record<string, { readonly schema: object }>>
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
let document: Document
const ajv = new Ajv2020({ strict: false })
addFormats.default(ajv)

beforeAll(async () => {
  chancy = new Chancy(databaseUrl(schema), { schema, plugins: [cron()] })
  await chancy.migrate()
  await chancy.declare(new Queue('mail', { executor: 'inline' }))
  await chancy.declare(new Queue('other', { executor: 'inline' }))
  const job = Job.named('digest', { args: { user: { id: 7, password: 'hidden' } } })
  jobId = (await chancy.push(job.withQueue('mail'))).id
  document = (await (await asked(handlerFor('admin'), 'GET', '/openapi.json')).json()) as Document
  ajv.addSchema(document, 'api')
})
afterAll(() => chancy.close())

const handlerFor = (role: Role, options: HandlerOptions = {}) =>
  createHandler(chancy, {
    access: () => ({ actor: { id: `a-${role}-${Math.random()}` }, role }),
    push: true,
    ...options,
  })

function asked(
  handler: ReturnType<typeof createHandler>,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  return handler(
    new Request(`http://localhost:8000/api/v1${path}`, {
      method,
      headers: { 'x-chancy': '1', 'content-type': 'application/json', ...headers },
      ...sent,
    }),
    local,
  )
}

/** Holds an answer against the schema that the document has for it. */
async function fitting(template: string, method: string, response: Response): Promise<unknown> {
  const operation = document.paths[template]?.[method.toLowerCase()]
  const found = operation?.responses[String(response.status)] ?? operation?.responses.default
  const [content] = Object.values(found?.content ?? {})
  const value: unknown = await response.json()
  const reference = JSON.parse(JSON.stringify(content?.schema).replaceAll('#/', 'api#/')) as object
  const check = ajv.compile(reference)
  expect(check(value), `${method} ${template}: ${ajv.errorsText(check.errors)}`).toBe(true)
  return value
}

describe('The HTTP API', () => {
  it('answers every read with what its document says, and with no field more', async () => {
    const handler = handlerFor('admin')
    const named = {
      id: jobId,
      name: 'mail',
      key: 'none',
      fingerprint: '00000000000000ff',
    } as Readonly<Record<string, string>>
    for (const [template, methods] of Object.entries(document.paths)) {
      if (methods.get === undefined || template.endsWith('/wait')) continue
      const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => named[name] ?? 'x')
      const query = template === '/events' ? '?once=1&topics=overview,queues,workers' : ''
      const response = await asked(handler, 'GET', `${path}${query}`)
      expect(response.status, path).toBeLessThan(600)
      await fitting(template, 'GET', response)
    }
  })

  it('says what the callbacks of a batch wait for', async () => {
    const { id } = await chancy.pushBatch(batch({ name: 'mailing' }), [
      Job.named('digest', { queue: 'other' }),
    ])
    const response = await asked(handlerFor('view'), 'GET', `/workflows/${id}/explain`)
    expect(await fitting('/workflows/{id}/explain', 'GET', response)).toMatchObject({
      state: 'pending',
      reasons: [{ kind: 'batch', batch: id, total: 1, open: 1, isPushing: false }],
    })
    await chancy.cancelWorkflow(id)
  })

  it('lets each role do what it may, and answers a request without one with 401', async () => {
    const stranger = createHandler(chancy, {
      access: () => null,
      push: true,
      limits: { strangersPerSecond: 1_000 },
    })
    for (const [template, methods] of Object.entries(document.paths)) {
      for (const [method, { description }] of Object.entries(methods)) {
        if (template === '/events' || template.endsWith('/wait')) continue
        const path = template.replaceAll(/\{\w+\}/g, UNKNOWN)
        const [, verb = ''] = /`(.+)`/.exec(description) ?? []
        const body = method === 'get' ? undefined : {}
        expect((await asked(stranger, method.toUpperCase(), path, body)).status, path).toBe(401)
        for (const role of ROLES) {
          const { status } = await asked(handlerFor(role), method.toUpperCase(), path, body)
          const isLacking =
            (role === 'view' && !/^session$|\.view$/.test(verb)) ||
            (role === 'view' && verb === 'audit.view') ||
            (role === 'operate' &&
              /^jobs\.(push|edit|delete)$|^queues\.(edit|delete)$|^schedules\.edit$/.test(verb))
          if (isLacking) expect(status, `${role} ${method} ${path}`).toBe(403)
          else expect([401, 500], `${role} ${method} ${path}`).not.toContain(status)
        }
      }
    }
  })

  it('serves this machine alone without access, whatever host a page has rebound', async () => {
    const open = createHandler(chancy)
    const status = async (url: string, remoteAddress: string, headers = {}) =>
      (await open(new Request(`${url}/api/v1/session`, { headers }), { remoteAddress })).status
    expect(await status('http://localhost:8000', '127.0.0.1')).toBe(200)
    expect(await status('http://localhost:8000', '10.0.0.7')).toBe(403)
    expect(await status('http://evil.example', '127.0.0.1')).toBe(403)
    expect(await status('http://localhost:8000', '127.0.0.1', { 'x-forwarded-for': 'x' })).toBe(403)
  })

  it('refuses a write from another site, or without its header', async () => {
    const handler = handlerFor('admin')
    const status = async (headers: Readonly<Record<string, string>>) =>
      (await asked(handler, 'POST', '/queues/other/pause', {}, headers)).status
    expect(await status({ 'x-chancy': '0' })).toBe(403)
    expect(await status({ origin: 'https://evil.example' })).toBe(403)
    expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await status({ origin: 'http://localhost:8000' })).toBe(200)
  })

  it('hides the jobs of other queues, and what is masked, from an access', async () => {
    const mask = { args: ['**.password'] }
    const some = createHandler(chancy, {
      access: () => ({ actor: { id: 'some' }, role: 'admin', queues: ['oth*'] }),
    })
    expect((await asked(some, 'GET', `/jobs/${jobId}`)).status).toBe(404)
    expect(await (await asked(some, 'GET', '/queues')).json()).toMatchObject({
      items: [{ name: 'other' }],
    })
    const masked = await asked(handlerFor('admin', { mask }), 'GET', `/jobs/${jobId}`)
    const text = await masked.text()
    expect(text).toContain('•••')
    expect(text).not.toContain('hidden')
  })

  it('never fails by a malformed request', async () => {
    const handler = handlerFor('admin', {
      limits: { requestsPerSecond: 1_000_000, requestsBurst: 1_000_000 },
    })
    let seed = 7
    const next = (most: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % most
    }
    const parts = [
      'jobs',
      'queues',
      'bulk',
      '%00',
      '%ff',
      '~',
      '~_w',
      '..',
      '%2F',
      '%2e%2e',
      '\u{1F4A9}',
      UNKNOWN,
      '',
    ]
    const queries = [
      '',
      '?limit=0',
      '?limit=1e9',
      '?cursor=%00',
      '?q=%22',
      '?q=state:',
      '?a=1&a=2',
      '?order=x',
      '?topics=jobs:%22',
    ]
    const bodies = [undefined, '{', '[]', '{"a":1}', 'null', '\u0000', '"x"', '{"__proto__":{}}']
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']
    const one = <T>(list: readonly T[]): T => list[next(list.length)]!
    for (let n = 0; n < 1_000; n++) {
      const path = Array.from({ length: 1 + next(4) }, () => one(parts)).join('/')
      const method = one(methods)
      const body = method === 'GET' || method === 'HEAD' ? undefined : one(bodies)
      const request = new Request(`http://localhost:8000/api/v1/${path}${one(queries)}`, {
        method,
        headers: { 'x-chancy': '1', 'content-type': one(['application/json', 'text/plain']) },
        ...(body === undefined ? {} : { body }),
      })
      const { status } = await handler(request, local)
      expect(status, `${method} ${request.url} ${body}`).not.toBe(500)
    }
  })

  it('writes down what a role was refused', async () => {
    expect((await asked(handlerFor('view'), 'POST', `/jobs/${jobId}/cancel`, {})).status).toBe(403)
    const { items } = await chancy.audit.list({ verb: 'jobs.cancel', outcome: 'refused', limit: 1 })
    expect(items).toMatchObject([{ code: 'ACCESS_DENIED', address: '127.0.0.1' }])
  })

  it('refuses what is over a limit: requests, bodies, URLs and streams', async () => {
    const access = () => ({ actor: { id: 'one' }, role: 'admin' as const })
    const limits = {
      requestsBurst: 6,
      requestsPerSecond: 1,
      bodyBytes: 50,
      urlBytes: 200,
      streams: 1,
    }
    const handler = createHandler(chancy, { access, limits })
    const status = async (method: string, path: string, body?: unknown) =>
      (await asked(handler, method, path, body)).status
    expect(await status('POST', '/queues/other/pause', { reason: 'x'.repeat(60) })).toBe(413)
    expect(await status('GET', `/queues?${'x'.repeat(200)}`)).toBe(413)
    expect(await status('GET', '/events?topics=queues')).toBe(200)
    expect(await status('GET', '/events?topics=queues')).toBe(429)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => asked(handler, 'GET', '/session')),
    )
    const refused = answers.filter((one) => one.status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
    await handler.close()
  })

  it('sends the state of a topic, and the new one when it has changed', async () => {
    const handler = handlerFor('view')
    const response = await asked(handler, 'GET', '/events?topics=queue:other')
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let seen = ''
    const until = async (text: string): Promise<void> => {
      while (!seen.includes(text)) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`the stream ended before ${text}`)
        seen += value
      }
    }
    await until('event: topic')
    await chancy.declare(new Queue('other', { executor: 'inline', tags: ['new'] }), {
      upsert: true,
    })
    await until('"tags":["new"]')
    await handler.close()
    while (!(await reader.read()).done);
  })

  it('answers 201 to one of many that push one id concurrently, and 200 to the others', async () => {
    const handler = handlerFor('admin')
    const body = { name: 'mail.once', id: newId(Date.now()) }
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => asked(handler, 'POST', '/jobs', body)),
    )
    const created = await Promise.all(
      answers.map(async (one) => ((await one.json()) as { readonly created: boolean }).created),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(15).fill(200), 201])
    expect(answers.map(({ status }) => status === 201)).toEqual(created)
  })

  it('pushes a job and a batch where the option push allows it', async () => {
    const handler = handlerFor('admin', { push: { names: ['mail.*'] } })
    const pushed = await asked(handler, 'POST', '/jobs', { name: 'mail.one', args: { n: 1 } })
    expect(pushed.status).toBe(201)
    const { id } = (await fitting('/jobs', 'POST', pushed)) as { readonly id: string }
    expect(await chancy.getJob(id)).toMatchObject({ name: 'mail.one', args: { n: 1 } })
    expect((await asked(handler, 'POST', '/jobs', { name: 'digest' })).status).toBe(403)
    const batch = await handler(
      new Request('http://localhost:8000/api/v1/jobs/batch', {
        method: 'POST',
        headers: { 'x-chancy': '1', 'content-type': 'application/x-ndjson' },
        body: '{"name":"mail.a"}\n{"name":"mail.b"}\n',
      }),
      local,
    )
    expect(batch.status).toBe(201)
  })
})

const hosts: Readonly<
  Record<string, (base: string) => Promise<{ port: number; close(): Promise<unknown> }>>
> = {
  'node:http': (base) => listening(createServer(toNode(mounted(base)))),
  'Express 5': async (base) => {
    const app = express()
    app.use(express.json())
    app.use(base, toNode(mounted(base)))
    return listening(createServer(app))
  },
  Fastify: async (base) => {
    const app = fastify()
    await app.register(chancyFastify(mounted(base)) as never, { prefix: base === '/' ? '' : base })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  },
}

const TOKEN = 'a-token-of-the-tests'
const mounted = (basePath: string) =>
  createHandler(chancy, { basePath, access: bearer({ [TOKEN]: 'admin' }) })

async function listening(server: ReturnType<typeof createServer>) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port: (server.address() as AddressInfo).port, close }
}

for (const [name, host] of Object.entries(hosts)) {
  for (const base of ['/', '/a/b']) {
    describe(`Mounted in ${name} at ${base}`, () => {
      it('answers pages, JSON, bodies and encoded names as anywhere', async () => {
        const { port, close } = await host(base)
        const root = `http://127.0.0.1:${port}${base === '/' ? '' : base}`
        const headers = {
          authorization: `Bearer ${TOKEN}`,
          'x-chancy': '1',
          'content-type': 'application/json',
        }
        try {
          expect((await fetch(`${root}/api/v1/session`)).status).toBe(401)
          expect((await fetch(`${root}/api/v1/session`, { headers })).status).toBe(200)
          for (const path of ['', '/', '/jobs/some'])
            expect(
              (await fetch(`${root}${path}`, { headers })).headers.get('content-type'),
            ).toContain('text/html')
          const queue = `${root}/api/v1/queues/${encodeURIComponent('a/b <img>')}`
          const body = JSON.stringify({ executor: 'inline', concurrency: 3 })
          const put = await fetch(queue, { method: 'PUT', headers, body })
          expect(await put.json()).toMatchObject({ name: 'a/b <img>', concurrency: 3 })
          const encoded = `~${Buffer.from('a/b <img>').toString('base64url')}`
          expect((await fetch(`${root}/api/v1/queues/${encoded}`, { headers })).status).toBe(200)
          const foreign = { ...headers, origin: 'https://evil.example' }
          expect((await fetch(queue, { method: 'DELETE', headers: foreign })).status).toBe(403)
        } finally {
          await close()
        }
      })
    })
  }
}
