import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { HealthRoutes } from '../../../src/cli/commands/worker/health-routes.ts'
import {
  type HealthAddress,
  HealthServer,
  healthAddress,
} from '../../../src/cli/commands/worker/health-server.ts'
import { Chancy } from '../../../src/index.ts'
import type { WorkerHealth } from '../../../src/worker/worker-health.ts'

const LOCAL: HealthAddress = { host: '127.0.0.1', port: 0 }
const running: WorkerHealth = {
  state: 'running',
  leaseMs: 12_000,
  running: 3,
  queues: ['mail', 'default'],
  loopLagMs: 7,
}
/** It has no plugin, and reaches no database. */
const withoutMetrics = new Chancy('postgresql://localhost:1/none', { defaultPlugins: false })

const open: HealthServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function serving(health: Partial<WorkerHealth> = {}): Promise<HealthServer> {
  const routes = new HealthRoutes(withoutMetrics, { health: () => ({ ...running, ...health }) })
  const server = await HealthServer.listen(LOCAL, routes)
  open.push(server)
  return server
}

async function ask({ port }: HealthServer, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

describe('the health server', () => {
  it('says that the loop turns', async () => {
    expect(await ask(await serving(), '/live')).toMatchObject({
      status: 200,
      body: '{"live":true}\n',
    })
  })

  it.each([
    [{}, 200, null],
    [{ state: 'starting' }, 503, 'the worker starts'],
    [{ state: 'doubtful', leaseMs: 0 }, 503, 'could not be renewed'],
    [{ state: 'paused' }, 503, 'is paused'],
    [{ state: 'stopping' }, 503, 'stops'],
    [{ state: 'stopped' }, 503, 'has stopped'],
    [{ queues: [] }, 503, 'runs no queue'],
  ] as const)('says whether a worker may claim, else why not: %o', async (health, status, why) => {
    const answer = await ask(await serving(health), '/ready?probe=1')
    expect(answer.status).toBe(status)
    const body = JSON.parse(answer.body) as Record<string, unknown>
    expect(body).toMatchObject({ ...running, ...health, ready: status === 200 })
    if (why === null) expect(body).not.toHaveProperty('why')
    else expect(body.why).toContain(why)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('answers HEAD without a body, other methods with 405, other paths with 404', async () => {
    const server = await serving()
    const head = await ask(server, '/ready', 'HEAD')
    expect([head.status, head.body]).toEqual([200, ''])
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(50)
    const post = await ask(server, '/ready', 'POST')
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect(await ask(server, '/', 'POST')).toMatchObject({ status: 404 })
    expect((await ask(server, '/readyz')).body).toContain('/live, /ready and /metrics')
  })

  it('has the figures of the worker for Prometheus, also without the plugin of metrics', async () => {
    const { status, headers, body } = await ask(await serving({ state: 'paused' }), '/metrics')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const samples = body.split('\n').filter((line) => !line.startsWith('#') && line !== '')
    expect(samples).toEqual([
      'chancy_worker_state{state="starting"} 0',
      'chancy_worker_state{state="running"} 0',
      'chancy_worker_state{state="doubtful"} 0',
      'chancy_worker_state{state="paused"} 1',
      'chancy_worker_state{state="stopping"} 0',
      'chancy_worker_state{state="stopped"} 0',
      'chancy_worker_running_attempts 3',
      'chancy_worker_queues 2',
      'chancy_worker_lease_seconds 12',
      'chancy_worker_loop_lag_seconds 0.007',
    ])
  })

  it('refuses a port that is in use in one line', async () => {
    const { port } = await serving()
    const routes = new HealthRoutes(withoutMetrics, { health: () => running })
    await expect(HealthServer.listen({ host: '127.0.0.1', port }, routes)).rejects.toThrow(
      `--health-port: port ${port} of 127.0.0.1: another process listens on it. Choose another port`,
    )
    await expect(HealthServer.listen({ host: '192.0.2.1', port: 0 }, routes)).rejects.toThrow(
      'this machine does not have the address',
    )
  })

  it('closes while clients have half a request, or an open connection', async () => {
    const server = await serving()
    const half = connect(server.port, '127.0.0.1')
    await once(half, 'connect')
    half.write('GET /live HTTP/1.1\r\nHost: x\r\n')
    const kept = request({ port: server.port, host: '127.0.0.1', path: '/live' })
    kept.end()
    const [response] = (await once(kept, 'response')) as [NodeJS.ReadableStream]
    response.resume()
    await once(response, 'end')
    const closed = once(half, 'close')
    half.on('error', () => {})
    open.splice(0)
    await server.close()
    await closed
  })

  it('answers what is no HTTP with an error, and continues', async () => {
    const server = await serving()
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('hello\r\n\r\n')
    const [text] = await once(socket, 'data')
    expect(String(text)).toContain('400 Bad Request')
    socket.destroy()
    expect((await ask(server, '/live')).status).toBe(200)
  })
})

describe('the address of the health server', () => {
  it.each([
    ['9000', { host: null, port: 9000 }],
    ['0', { host: null, port: 0 }],
    ['127.0.0.1:9000', { host: '127.0.0.1', port: 9000 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['[::1]:9000', { host: '::1', port: 9000 }],
  ])('%s', (text, address) => {
    expect(healthAddress(text)).toEqual(address)
  })

  it.each(['', 'x', '65536', '-1', ':9000', '::1:9000', '1.5', '9000/tcp', 'a:b:9000'])(
    'is not %o',
    (text) => {
      expect(() => healthAddress(text)).toThrow('It takes a port, or an address and a port')
    },
  )
})
