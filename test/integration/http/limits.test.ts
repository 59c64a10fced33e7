import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Chancy, type ChancyOptions, type Driver, job, Queue, Worker } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { createHandler, type Handler, type HandlerOptions } from 'chancy/http'
import { basicAuth, bearer, hashPassword } from 'chancy/http/node'
import { cron } from 'chancy/plugins/cron'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../dist/core/reference.js'
import { parseHandlerOptions } from '../../../dist/http/options.js'
import { routesOf } from '../../../dist/http/route-list.js'
import { databaseUrl, testSchema, withClient } from '../../support/database.ts'
import { sized } from '../../support/size.ts'
import { until } from '../../support/until.ts'

const schema = testSchema()
const peer = { remoteAddress: '127.0.0.1' }
let chancy: Chancy
beforeAll(async () => {
  chancy = new Chancy(databaseUrl(schema), { schema, plugins: [cron()] })
  await chancy.migrate()
  await chancy.declare(new Queue('mail', { executor: 'inline' }))
})
afterAll(() => chancy.close())

const admin = () => ({ actor: { id: 'one' }, role: 'admin' as const })
const limits = { requestsPerSecond: 1_000_000, requestsBurst: 1_000_000 }

function ask(
  handler: Handler,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const request = new Request(`http://localhost:8000/api/v1${path}`, {
    method,
    headers: { 'x-chancy': '1', 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return handler(request, peer)
}

/** An application whose reads stay open until they may begin. */
function heldApplication(options: ChancyOptions = {}) {
  const pool = new pg.Pool({ connectionString: databaseUrl(schema), max: 4 })
  const driver: Driver = pgDriver(pool)
  let letGo = (): void => {}
  const isOpen = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let begun = 0
  const holding: Driver = {
    query: (one) => driver.query(one),
    transaction: async (work) => {
      begun++
      await isOpen
      return driver.transaction(work)
    },
    reserve: () => driver.reserve(),
    listen: (channel, listener) => driver.listen(channel, listener),
    close: () => driver.close(),
    sessions: driver.sessions,
  }
  const held = new Chancy(holding, { schema, ...options })
  const close = async (): Promise<void> => {
    await held.close()
    await pool.end()
  }
  return { held, letGo, begun: () => begun, close }
}

describe('The limits of the HTTP API', () => {
  it('run half of the sessions with reads, let as many wait as they say, and refuse the rest', async () => {
    const { held, letGo, begun, close } = heldApplication()
    const handler = createHandler(held, {
      access: admin,
      limits: { ...limits, reads: 4, waitingReads: 3, readWaitMs: 60_000 },
    })
    const asked = Array.from({ length: 9 }, () => ask(handler, 'GET', '/queues'))
    // Two run of four sessions, three wait, four are refused.
    const refused: Response[] = []
    for (const one of asked)
      void one.then((response) => response.status === 503 && refused.push(response))
    await expect.poll(() => refused.length).toBe(4)
    expect(begun()).toBe(2)
    expect(await refused[0]?.json()).toMatchObject({ code: 'BUSY', status: 503 })
    expect(refused[0]?.headers.get('retry-after')).toBe('1')
    letGo()
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(5)
    await close()
  })

  it('let a read wait no longer than they say', async () => {
    const { held, letGo, close } = heldApplication()
    const handler = createHandler(held, { access: admin, limits: { reads: 1, readWaitMs: 1 } })
    const first = ask(handler, 'GET', '/queues')
    expect(await (await ask(handler, 'GET', '/queues')).json()).toMatchObject({ code: 'BUSY' })
    letGo()
    expect((await first).status).toBe(200)
    await close()
  })

  it('end a statement that takes too long, and the next one is answered', async () => {
    const handler = createHandler(chancy, { access: admin, limits: { readMs: 250 } })
    await withClient(async (client) => {
      await client.query('BEGIN')
      await client.query(`LOCK TABLE ${schema}.queues IN ACCESS EXCLUSIVE MODE`)
      const response = await ask(handler, 'GET', '/queues')
      expect([503, 504]).toContain(response.status)
      const { code } = (await response.json()) as { code: string }
      expect(code).toMatch(/QUERY_TOO_SLOW|DATABASE_DEADLINE/)
      await client.query('ROLLBACK')
    })
    // On a busy machine a read that nothing holds may take as long.
    const status = async () => (await ask(handler, 'GET', '/queues')).status
    await until(async () => (await status()) === 200)
  })
  it('let an address fail to sign in ten times a minute, and another one is not kept', async () => {
    const password = await hashPassword('secret')
    const token = 'a-token-of-the-tests'
    const attempts = [
      {
        access: basicAuth({ ada: { password, role: 'view' } }),
        good: basic('ada', 'secret'),
        bad: (n: number) => basic('ada', `guess ${n}`),
      },
      {
        access: bearer({ [token]: 'view' }),
        good: `Bearer ${token}`,
        bad: (n: number) => `Bearer a-guess-of-the-tests-${n}`,
      },
    ]
    for (const { access, good, bad } of attempts) {
      const handler = createHandler(chancy, { access, limits: { strangersPerSecond: 1_000 } })
      const from = async (remoteAddress: string, authorization: string) => {
        const headers = { authorization }
        return handler(new Request('http://h/api/v1/session', { headers }), { remoteAddress })
      }
      expect((await from('10.0.0.1', good)).status).toBe(200)
      // More than the ten, and than come back on a slow machine before the last of them is counted.
      const tried = await Promise.all(
        Array.from({ length: 40 }, (_, n) => from('10.0.0.1', bad(n))),
      )
      const refused = tried.filter(({ status }) => status === 429)
      const failed = tried.filter(({ status }) => status === 401)
      expect(failed.length).toBeGreaterThanOrEqual(10)
      expect(failed.length + refused.length).toBe(40)
      expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await from('10.0.0.2', bad(0))).status).toBe(401)
      const many = await Promise.all(Array.from({ length: 40 }, () => from('10.0.0.3', good)))
      expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]))
      // A session that was right stays.
      expect((await from('10.0.0.1', good)).status).toBe(200)
    }
  })

  it('let a browser ask for a password, and take no name or scheme but theirs', async () => {
    const password = await hashPassword('gehe!m:ü')
    const handler = createHandler(chancy, {
      access: basicAuth({ ada: { password, role: 'operate' } }),
      limits: { strangersPerSecond: 1_000 },
    })
    const status = async (authorization: string) =>
      (await ask(handler, 'GET', '/session', undefined, { authorization })).status
    expect(await status(basic('ada', 'gehe!m:ü'))).toBe(200)
    for (const wrong of [
      basic('ada', ''),
      basic('Ada', 'gehe!m:ü'),
      basic('__proto__', 'x'),
      'Basic',
      'Basic !!',
      `Bearer ${Buffer.from('ada:gehe!m:ü').toString('base64')}`,
    ])
      expect(await status(wrong), wrong).toBe(401)
    const asked = await ask(handler, 'GET', '/session', undefined, { authorization: '' })
    expect(asked.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
  })
})

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

const HOSTILE = [
  '../x',
  '.',
  '%2F',
  '<script>alert(1)</script>',
  'a\nb\r\nSet-Cookie: x=1',
  '~YQ',
  'a?b#c&d=e',
  '__proto__',
  ...sized(
    [],
    [
      ...['..', 'a/b', '%00', '<img src=x onerror=alert(1)>', '\u{1F4A9}'.repeat(50)],
      ...['\u202Eevil\u202C', "'; DROP TABLE jobs; --", ' '],
    ],
  ),
]

describe('Names that are hostile', () => {
  it.each(HOSTILE)('pass through every route that takes a name: %j', async (name) => {
    const handler = createHandler(chancy, { access: admin, push: true, limits })
    const ids: string[] = []
    // What begins with a tilde is base64url, unless the tilde is encoded.
    const segments = [
      encodeURIComponent(name).replace('~', '%7E'),
      `~${Buffer.from(name).toString('base64url')}`,
    ]
    // A path of dots is none to any client: it stands in base64url alone.
    for (const segment of /^\.+$/.test(name) ? segments.slice(1) : segments) {
      const path = `/queues/${segment}`
      const json = async (method: string, at: string, body?: unknown) => {
        const response = await ask(handler, method, at, body)
        expect(response.status, `${method} ${at} ${name}`).toBeLessThan(300)
        return response.status === 204 ? null : ((await response.json()) as Record<string, unknown>)
      }
      expect(await json('PUT', path, { executor: 'inline' })).toMatchObject({ name })
      expect(await json('GET', path)).toMatchObject({ name })
      expect(await json('GET', `${path}/explain`)).toMatchObject({ queue: name })
      expect(await json('POST', `${path}/pause`, {})).toMatchObject({ name, state: 'paused' })
      expect(await json('POST', `${path}/resume`, {})).toMatchObject({ name, state: 'active' })
      const jobName = name.replaceAll(':', '')
      const pushed = await json('POST', '/jobs', { name: jobName, queue: name })
      ids.push(String(pushed?.id))
      expect(await json('GET', `/jobs/${pushed?.id}`)).toMatchObject({ name: jobName, queue: name })
      const listed = await json(
        'GET',
        `/jobs?queue=${encodeURIComponent(`"${name.replaceAll(/["\\]/g, '\\$&')}"`)}`,
      )
      expect(listed).toHaveProperty('items')
      const events = await json(
        'GET',
        `/events?once=1&topics=${encodeURIComponent(`queue:${name.replaceAll('%', '%25').replaceAll(',', '%2C')}`)}`,
      )
      expect(events).toMatchObject({ items: [{ data: { name }, problem: null }] })
      const schedule = `/schedules/${segment}`
      const pushes = { name: jobName, queue: name }
      expect(await json('PUT', schedule, { everyMs: 60_000, job: pushes })).toMatchObject({
        key: name,
      })
      expect(await json('GET', schedule)).toMatchObject({ schedule: { key: name } })
      expect(await json('DELETE', schedule)).toBeNull()
      expect(await json('DELETE', `${path}?jobs=keep`)).toBeNull()
    }
    const stored = await chancy.getJobs(ids)
    expect(stored.map((one) => one?.queue)).toEqual(ids.map(() => name))
  })
})

describe('What is written over HTTP', () => {
  it('is pushed once under an id, however often it is sent, alone and concurrently', async () => {
    const handler = createHandler(chancy, { access: admin, push: true, limits })
    const id = newId(Date.now())
    const body = { name: 'once', queue: 'mail', args: { n: 1 }, id }
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ask(handler, 'POST', '/jobs', body)),
    )
    // Those that were under way together may each have made it, as far as they know.
    expect(answers.map(({ status }) => status)).toContain(201)
    for (const answer of answers) {
      expect(await answer.json()).toMatchObject({ id })
      expect(answer.headers.get('location')).toBe(`jobs/${id}`)
    }
    const again = await ask(handler, 'POST', '/jobs', body)
    expect(again.status).toBe(200)
    expect(await again.json()).toMatchObject({ id, created: false })
    const { items } = await chancy.findJobs('name:once')
    expect(items).toHaveLength(1)
    const late = await ask(handler, 'POST', '/jobs', {
      ...body,
      id: '0190a000-0000-7000-8000-000000000001',
    })
    expect(late.status).toBe(400)
  })

  it('stands in the audit log with it or not at all: schedules and workflows', async () => {
    const handler = createHandler(chancy, { access: admin, limits })
    const path = '/schedules/audited'
    const body = {
      everyMs: 60_000,
      job: { name: 'digest', queue: 'mail', args: { n: 1 } },
      reason: 'why',
    }
    expect((await ask(handler, 'PUT', path, body)).status).toBe(200)
    expect((await ask(handler, 'POST', `${path}/pause`, { reason: 'too many' })).status).toBe(200)
    const { items } = await chancy.audit.list({ target: 'schedule:audited' })
    expect(items).toMatchObject([
      {
        verb: 'schedules.pause',
        reason: 'too many',
        before: { state: 'active' },
        after: { state: 'paused' },
      },
      {
        verb: 'schedules.edit',
        reason: 'why',
        before: null,
        after: { every: 60_000, args: { n: 1 } },
      },
    ])
    // What cannot be written down is not done.
    await withClient(async (client) => {
      await client.query(
        `ALTER TABLE ${schema}.audit ADD CONSTRAINT none CHECK (verb <> 'schedules.resume') NOT VALID`,
      )
      expect((await ask(handler, 'POST', `${path}/resume`, {})).status).toBe(500)
      await client.query(`ALTER TABLE ${schema}.audit DROP CONSTRAINT none`)
    })
    expect(await (await ask(handler, 'GET', path)).json()).toMatchObject({
      schedule: { state: 'paused' },
    })
  })

  it('is no fault of the server where its client leaves in the middle of the body', async () => {
    const errors: unknown[] = []
    const nothing = (): void => {}
    const logger = {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (line: unknown) => errors.push(line),
    }
    await using own = new Chancy(databaseUrl(schema), { schema, logger })
    const handler = createHandler(own, { access: admin })
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error('aborted')),
    })
    const request = new Request('http://localhost:8000/api/v1/queues/mail/pause', {
      method: 'POST',
      headers: { 'x-chancy': '1', 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit)
    expect((await handler(request, peer)).status).toBe(400)
    expect(errors).toEqual([])
  })
})

it('The document is valid OpenAPI 3.1, and has every route and nothing else', async () => {
  const given: HandlerOptions = { access: admin, push: true }
  const response = await ask(createHandler(chancy, given), 'GET', '/openapi.json')
  const source = await response.text()
  const config = await createConfig({ extends: ['spec'] })
  const problems = await lintFromString({ source, config })
  expect(problems.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([])
  const { paths } = JSON.parse(source) as { paths: Record<string, Record<string, object>> }
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const routes = routesOf(chancy, parseHandlerOptions({ push: true }))
  const served = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
  expect(documented.sort()).toEqual(served.sort())
})

it('Metrics that are not served are not there, and those that are take no POST', async () => {
  const status = async (method: string, options: HandlerOptions) => {
    const handler = createHandler(chancy, { access: admin, ...options })
    return (await handler(new Request('http://h/metrics', { method }), peer)).status
  }
  expect(await status('GET', { metrics: false })).toBe(404)
  expect(await status('POST', {})).toBe(405)
})

it('The overview says where workers run more than one version', async () => {
  const kinds = async (): Promise<string[]> => {
    const path = '/events?once=1&topics=overview'
    const response = await ask(createHandler(chancy, { access: admin }), 'GET', path)
    const { items } = (await response.json()) as {
      items: [{ data: { findings: { kind: string }[] } }]
    }
    return items[0].data.findings.map(({ kind }) => kind)
  }
  const jobs = job({ name: 'any' }, () => {})
  await using own = new Chancy(databaseUrl(schema), { schema, jobs })
  const first = new Worker(own, { version: '1.0.0', signals: false })
  await first.start()
  expect(await kinds()).not.toContain('versions-mixed')
  const second = new Worker(own, { version: '1.1.0', signals: false })
  await second.start()
  expect(await kinds()).toContain('versions-mixed')
  await Promise.all([first.stop(), second.stop()])
})

it('A link to sign in leads to no other host', async () => {
  const token = 'a-token-of-the-tests'
  const handler = createHandler(chancy, { access: bearer({ [token]: 'view' }) })
  const response = await handler(new Request(`http://h//evil.example/?token=${token}`), peer)
  expect(response.headers.get('location')).toBe('/evil.example/')
})

it('/metrics is OpenMetrics for a client that asks for it, and the text of Prometheus for others', async () => {
  const handler = createHandler(chancy, { access: admin })
  const ask = async (accept: string | null) => {
    const init = accept === null ? {} : { headers: { accept } }
    const answer = await handler(new Request('http://h/metrics', init), peer)
    return { type: answer.headers.get('content-type'), text: await answer.text() }
  }
  // As Prometheus asks.
  const open = await ask(
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3',
  )
  expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  expect(open.text).toMatch(/^# TYPE chancy_workers gauge$/m)
  expect(open.text.match(/^# EOF$/gm)).toHaveLength(1)
  expect(open.text.endsWith('# EOF\n')).toBe(true)
  for (const accept of [
    null,
    '*/*',
    'text/plain',
    'application/openmetrics-text;q=0, text/plain',
  ]) {
    const plain = await ask(accept)
    expect(plain.type).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(plain.text).not.toContain('# EOF')
  }
})
