import { connect } from 'node:net'
import { Chancy, type Driver } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { createHandler } from 'chancy/http'
import { serve } from 'chancy/http/node'
import { cron } from 'chancy/plugins/cron'
import { metrics } from 'chancy/plugins/metrics'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseHandlerOptions } from '../../../dist/http/options.js'
import type { Route } from '../../../dist/http/route.js'
import { routesOf } from '../../../dist/http/route-list.js'
import { databaseUrl, testSchema } from '../../support/database.ts'
import { malformed } from '../../support/malformed-requests.ts'

const schema = testSchema()
const sent: string[] = []
const pool = new pg.Pool({ connectionString: databaseUrl(schema), max: 4 })
let chancy: Chancy
let routes: readonly Route[]

/** Notes all that goes to the server, the begin of a transaction too. */
function noting(driver: Driver): Driver {
  const query: Driver['query'] = (one) => {
    sent.push(one.text)
    return driver.query(one)
  }
  return {
    query,
    transaction: (work) => {
      sent.push('BEGIN')
      return driver.transaction(work)
    },
    reserve: () => {
      sent.push('a session')
      return driver.reserve()
    },
    listen: (channel, listener) => driver.listen(channel, listener),
    close: () => driver.close(),
    sessions: driver.sessions,
  }
}

beforeAll(async () => {
  chancy = new Chancy(noting(pgDriver(pool)), { schema, plugins: [cron(), metrics()] })
  await chancy.migrate()
  routes = routesOf(chancy, parseHandlerOptions({ push: true }))
})
afterAll(async () => {
  await chancy.close()
  await pool.end()
})

// They are sent one after the other, so that the statements of each are known.
it('refuses 5,000 malformed requests, each by a problem and without a statement', {
  timeout: 120_000,
}, async () => {
  const limits = { requestsPerSecond: 1_000_000, requestsBurst: 1_000_000 }
  const handler = createHandler(chancy, {
    push: true,
    limits,
    access: () => ({ actor: { id: 'one' }, role: 'admin' }),
  })
  const wrong: string[] = []
  const statuses = new Map<number, number>()
  for (const { what, request } of malformed(routes, 5_000)) {
    sent.length = 0
    const response = await handler(request, { remoteAddress: '127.0.0.1' })
    const { status, headers } = response
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    const isProblem = headers.get('content-type') === 'application/problem+json'
    const body = isProblem ? await response.text() : ''
    if (!isProblem) await response.body?.cancel()
    const isRefused = status >= 400 && status < 500 && status !== 401 && isProblem
    if (!isRefused || sent.length > 0)
      wrong.push(
        `${what}: ${request.method} ${request.url.slice(0, 200)} gave ${status} ${body.slice(0, 200)} after ${sent.length} statements: ${sent.join('; ').slice(0, 100)}`,
      )
  }
  expect(wrong.slice(0, 20)).toEqual([])
  // Each kind of refusal was met.
  for (const status of [400, 403, 404, 405, 413, 415])
    expect(statuses.get(status)).toBeGreaterThan(20)
})

it('survives what is no HTTP at all', async () => {
  const handler = createHandler(chancy, { dashboard: false })
  await using server = await serve(handler, { port: 0 })
  const texts = [
    'GET',
    '\0\0\0\0\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /api/v1/session HTTP/1.1\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /api/v1/session HTTP/1.1\r\nHost: a b\r\n\r\n',
    'GET /api/v1/session HTTP/1.1\r\nHost: localhost/../x\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'TRACE /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    'POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    'POST /api/v1/queues/x/pause HTTP/1.1\r\nHost: localhost\r\nX-Chancy: 1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    'GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  ]
  for (const text of texts) {
    const answer = await raw(server.port, text)
    expect(answer, text.slice(0, 60)).toMatch(/^$|^HTTP\/1\.1 (4\d\d|200|303)/)
    expect(answer, text.slice(0, 60)).not.toMatch(/^HTTP\/1\.1 5/)
  }
  expect((await fetch(`${server.url}api/v1/session`)).status).toBe(200)
})

/** What comes back until the server closes, or all that it has sent when the client ends. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let seen = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      seen += chunk
    })
    // A server that has answered may reset a client that still sends.
    socket.on('error', () => {})
    socket.on('close', () => resolve(seen))
    socket.end(text)
  })
}
