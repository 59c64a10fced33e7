import { Chancy, Job, Queue } from 'chancy'
import { type Access, createHandler, type Handler, type Role, type Verb } from 'chancy/http'
import { cron, schedule } from 'chancy/plugins/cron'
import { metrics } from 'chancy/plugins/metrics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseHandlerOptions } from '../../../dist/http/options.js'
import type { Route } from '../../../dist/http/route.js'
import { routesOf } from '../../../dist/http/route-list.js'
import { databaseUrl, testSchema } from '../../support/database.ts'

/** What the roles may do besides reading, as the contract has it: written down here a second time. */
const OPERATE = [
  ...['jobs.cancel', 'jobs.retry', 'queues.pause', 'failures.act', 'workflows.act'],
  ...['schedules.run', 'bulk.run', 'audit.view'],
]
const ADMIN = [
  ...['jobs.push', 'jobs.edit', 'jobs.delete', 'queues.edit', 'queues.delete', 'schedules.edit'],
]
const ROLES: readonly Role[] = ['view', 'operate', 'admin']
const UNKNOWN = '0198a000-0000-7000-8000-000000000001'
/** A role, as routes of plugins name it, or any access. */
const OTHERS = ['session', ...ROLES]

const schema = testSchema()
const peer = { remoteAddress: '127.0.0.1' }
let chancy: Chancy
let routes: readonly Route[]
/** By queue, the id of a job that waits there. */
const ids: Record<string, string> = {}

beforeAll(async () => {
  chancy = new Chancy(databaseUrl(schema), { schema, plugins: [cron(), metrics()] })
  await chancy.migrate()
  for (const name of ['mail', 'secret']) {
    await chancy.declare(new Queue(name, { executor: 'inline' }))
    const job = Job.named('digest', { queue: name })
    ids[name] = (await chancy.push(job)).id
    await schedule(chancy, { key: `of-${name}`, every: '1h', job })
  }
  routes = routesOf(chancy, parseHandlerOptions({ push: true }))
})
afterAll(() => chancy.close())

const limits = { requestsPerSecond: 1_000_000, requestsBurst: 1_000_000, strangersPerSecond: 9_999 }
const handlerOf = (access: Omit<Access, 'actor'> | null): Handler =>
  createHandler(chancy, {
    push: true,
    limits,
    access: () => access && { actor: { id: 'one' }, ...access },
  })

/** A request for a route whose body is noticed when it is read. */
async function ask(
  handler: Handler,
  { method, path, body }: Route,
  names: Readonly<Record<string, string>> = {},
  text?: string,
) {
  const all = { id: UNKNOWN, name: 'none', key: 'none', fingerprint: '00000000000000ff', ...names }
  const filled = path.replace(/:(\w+)/g, (_, name: keyof typeof all) => all[name])
  const query =
    path === '/events' ? '?once=1&topics=queues' : path.endsWith('/wait') ? '?timeoutMs=0' : ''
  let isRead = false
  const pull = (controller: ReadableStreamDefaultController): void => {
    isRead = true
    controller.enqueue(new TextEncoder().encode(text ?? '{}'))
    controller.close()
  }
  const init = {
    method,
    headers: {
      'x-chancy': '1',
      'content-type': path === '/jobs/batch' ? 'application/x-ndjson' : 'application/json',
    },
    ...(method !== 'GET' &&
      (body !== null || path === '/jobs/batch') && {
        body: new ReadableStream({ pull }, { highWaterMark: 0 }),
        duplex: 'half',
      }),
  }
  const response = await handler(
    new Request(`http://localhost:8000/api/v1${filled}${query}`, init as RequestInit),
    peer,
  )
  return { status: response.status, json: () => response.json() as Promise<Problem>, isRead }
}

interface Problem {
  readonly code: string
  readonly detail: string
  readonly details: Readonly<Record<string, unknown>>
}

const line = ({ method, path }: Route): string => `${method} ${path}`
const mayDo = (role: Role, verb: string): boolean => {
  if (OTHERS.includes(verb))
    return verb === 'session' || ROLES.indexOf(role) >= ROLES.indexOf(verb as Role)
  const needed = ADMIN.includes(verb) ? 'admin' : OPERATE.includes(verb) ? 'operate' : 'view'
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

describe('Every route of the table', () => {
  it('has a verb that the contract gives to a role, and one that only reads has one for reading', () => {
    expect(routes.length).toBeGreaterThan(60)
    for (const route of routes) {
      const { verb, method } = route
      const isKnown = [...OPERATE, ...ADMIN, ...OTHERS].includes(verb) || /^\w+\.view$/.test(verb)
      expect(isKnown, `${line(route)} ${verb}`).toBe(true)
      if (method === 'GET') expect(verb, line(route)).toMatch(/^(session|view|\w+\.view)$/)
      else expect(verb, line(route)).not.toMatch(/^(session|view|\w+\.view)$/)
    }
  })

  it('answers 401 where the request has no access, and reads no body of it', async () => {
    const handler = handlerOf(null)
    for (const route of routes) {
      const { status, json, isRead } = await ask(handler, route)
      expect([status, isRead], line(route)).toEqual([401, false])
      expect(await json(), line(route)).toMatchObject({ code: 'ACCESS_NEEDED' })
    }
  })

  it.each(ROLES)('lets the role "%s" do what it may, and refuses the rest unread', async (role) => {
    const handler = handlerOf({ role })
    for (const route of routes) {
      const { status, json, isRead } = await ask(handler, route)
      const what = `${role}: ${line(route)} gave ${status}`
      if (mayDo(role, route.verb)) {
        expect([401, 403], what).not.toContain(status)
        expect(status, what).toBeLessThan(500)
      } else {
        expect([status, isRead], what).toEqual([403, false])
        const { code, details } = await json()
        expect({ code, verb: details.verb }, what).toEqual({
          code: 'ACCESS_DENIED',
          verb: route.verb,
        })
      }
    }
  })

  it('is refused to an admin whose allow() takes its verb away', async () => {
    const asked: Verb[] = []
    const allow = (verb: Verb): boolean => {
      asked.push(verb)
      return false
    }
    const handler = handlerOf({ role: 'admin', allow })
    for (const route of routes) {
      if (OTHERS.includes(route.verb)) continue
      asked.length = 0
      const own = { id: ids.mail ?? '', name: 'mail', key: 'of-mail' }
      const { status } = await ask(handler, route, own, bodyOf(route))
      expect(status, line(route)).toBe(403)
      expect(asked, line(route)).toContain(route.verb)
    }
  })

  it('does not say to one that sees other queues whether a job, a queue or a schedule exists', async () => {
    const handler = handlerOf({ role: 'admin', queues: ['mail*'] })
    const secret = { id: ids.secret ?? '', name: 'secret', key: 'of-secret' }
    for (const route of routes) {
      const { about, path } = route
      if (!path.includes(':') || path.includes('/plugins/')) continue
      const hidden = await ask(handler, route, secret)
      const absent = await ask(handler, route, { name: 'secrets' })
      expect(hidden.status, line(route)).toBe(absent.status)
      if (about === 'all-queues') expect(hidden.status, line(route)).toBe(403)
      else if (hidden.status !== 400) expect(hidden.status, line(route)).toBe(404)
      const [one, other] = [await hidden.json(), await absent.json()]
      expect(one.code, line(route)).toBe(other.code)
      expect(one.detail.replace(/[0-9a-f-]{36}|"secrets?"/g, ''), line(route)).toBe(
        other.detail.replace(/[0-9a-f-]{36}|"secrets?"/g, ''),
      )
      expect(Object.keys(one.details), line(route)).toEqual(Object.keys(other.details))
    }
    expect(await chancy.getJob(ids.secret ?? '')).toMatchObject({
      state: 'pending',
      queue: 'secret',
    })
    expect((await chancy.getQueue('secret')).state).toBe('active')
  })

  it('shows one that sees some queues nothing of the others in any list', async () => {
    const handler = handlerOf({ role: 'admin', queues: ['mail*'] })
    for (const route of routes) {
      if (route.method !== 'GET' || route.path.includes(':')) continue
      const { status, json } = await ask(handler, route)
      const text = JSON.stringify(await json())
      expect([200, 403, 404], line(route)).toContain(status)
      expect(text, line(route)).not.toContain('secret')
      expect(text, line(route)).not.toContain(ids.secret)
    }
  })

  it('that writes does not exist with readOnly, whatever the role', async () => {
    const handler = createHandler(chancy, {
      readOnly: true,
      push: true,
      limits,
      access: () => ({ actor: { id: 'one' }, role: 'admin' }),
    })
    for (const route of routes) {
      if (route.method === 'GET' || route.path === '/bulk/preview') continue
      const { status, isRead } = await ask(handler, route, { id: ids.mail ?? '', name: 'mail' })
      // There may be a GET at the same path.
      expect([404, 405], line(route)).toContain(status)
      expect(isRead, line(route)).toBe(false)
    }
    expect(await chancy.getJob(ids.mail ?? '')).toMatchObject({ state: 'pending' })
  })
})

/** A body that is complete, for the routes whose bodies must have something. */
function bodyOf({ method, path }: Route): string {
  const job = { name: 'digest', queue: 'mail' }
  const bodies: Readonly<Record<string, object>> = {
    'POST /jobs': job,
    'POST /jobs/batch': job,
    'PUT /schedules/:key': { everyMs: 60_000, job },
    'POST /bulk': { action: 'cancel', ids: [UNKNOWN] },
    'POST /bulk/preview': { action: 'cancel', ids: [UNKNOWN] },
    'PATCH /bulk/:id': { ratePerSecond: 1 },
  }
  return JSON.stringify(bodies[`${method} ${path}`] ?? {})
}
