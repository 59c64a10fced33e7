import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Chancy, Job, job, Worker } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { HealthRoutes } from '../../../dist/cli/commands/worker/health-routes.js'
import { HealthServer } from '../../../dist/cli/commands/worker/health-server.js'
import { runCommand } from '../../support/command.ts'
import { databaseUrl, prepareSchema, testSchema, withClient } from '../../support/database.ts'
import { startProcess } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

const schema = testSchema()
const app = fileURLToPath(new URL('../../support/apps/working.mjs', import.meta.url))
const main = new URL('../../../dist/cli/main.js', import.meta.url)
const env = { WORKING_DSN: databaseUrl(schema), WORKING_SCHEMA: schema }

beforeAll(() => prepareSchema(schema))

const states = () =>
  withClient(async (client) => {
    const { rows } = await client.query<{ name: string; state: string; n: number }>(
      `SELECT name, state, count(*)::int AS n FROM ${schema}.all_jobs GROUP BY 1, 2 ORDER BY 1, 2`,
    )
    return rows.map(({ name, state, n }) => `${n} ${name} ${state}`)
  })
const empty = () =>
  withClient((client) => client.query(`TRUNCATE ${schema}.jobs, ${schema}.finished_jobs`))
const port = async (output: () => string): Promise<number> =>
  until(
    () => Number(/"port":(\d+),"msg":"health endpoints served"/.exec(output())?.[1] ?? 0) || null,
  )

async function ask(at: number, path: string) {
  const response = await fetch(`http://127.0.0.1:${at}${path}`)
  return { status: response.status, body: await response.text() }
}

describe('chancy worker start --drain', () => {
  it('runs what is due and what follows from it, and ends with 0', async () => {
    await using chancy = new Chancy(databaseUrl(schema), { schema, notifications: false })
    await chancy.pushMany([
      ...Array.from({ length: 10 }, () => Job.named('chain').withArgs({ left: 4 })),
      Job.named('chain').withDelay('1h'),
      Job.named('unknown'),
    ])
    const args = ['--app', app, 'worker', 'start', '--drain', '--health-port', '127.0.0.1:0']
    await using worker = startProcess(main, { args, env })
    expect(await worker.exited).toEqual({ code: 0, signal: null })
    expect(await states()).toEqual(['1 chain pending', '50 chain succeeded', '1 unknown pending'])
    expect(worker.output).toContain('worker stopped')
    await empty()
  })

  it('ends with 143 by SIGTERM, since something may be due still', async () => {
    await using chancy = new Chancy(databaseUrl(schema), { schema })
    await chancy.push(Job.named('hang'))
    const args = ['--app', app, 'worker', 'start', '--drain', '--shutdown-timeout', '0s']
    await using worker = startProcess(main, { args, env })
    await until(async () => (await states()).join() === '1 hang running')
    // A job may run before the start is announced, and only then is the end.
    await until(() => worker.output.includes('worker started'))
    worker.kill('SIGTERM')
    expect(await worker.exited).toEqual({ code: 143, signal: null })
    expect(await states()).toEqual(['1 hang pending'])
    await empty()
  })
})

describe('chancy worker start, at a second signal', () => {
  it.each([
    ['SIGTERM', 'SIGINT', 130],
    ['SIGINT', 'SIGTERM', 143],
  ] as const)(
    'after %s ends immediately by %s with %i, while a job hangs',
    async (first, second, code) => {
      await using chancy = new Chancy(databaseUrl(schema), { schema })
      await chancy.push(Job.named('hang'))
      const args = ['--app', app, 'worker', 'start', '--shutdown-timeout', '10m']
      await using worker = startProcess(main, { args, env })
      await until(async () => (await states()).join() === '1 hang running')
      // A job may run before the start is announced, and only then is the end.
      await until(() => worker.output.includes('worker started'))
      worker.kill(first)
      await until(() => worker.output.includes('worker stopping'))
      worker.kill(second)
      expect(await worker.exited).toEqual({ code, signal: null })
      await empty()
    },
  )
})

describe('chancy worker start --health-port', () => {
  it('answers probes while the process runs, not while it is suspended, and again afterwards', async () => {
    const args = ['--app', app, 'worker', 'start', '--health-port', '0']
    await using worker = startProcess(main, { args, env })
    const at = await port(() => worker.output)
    await until(async () => (await ask(at, '/ready')).status === 200)
    expect((await ask(at, '/live')).status).toBe(200)
    const metrics = await ask(at, '/metrics')
    expect(metrics.body).toContain('# TYPE chancy_workers gauge')
    expect(metrics.body).toContain('chancy_worker_state{state="running"} 1')
    expect(metrics.body).toContain('chancy_worker_fleet_read 1')
    worker.kill('SIGSTOP')
    let isAnswered = false
    const live = ask(at, '/live').then((answer) => {
      isAnswered = true
      return answer
    })
    // The machine answers for other processes meanwhile.
    for (let n = 0; n < 20; n++) await states()
    expect(isAnswered).toBe(false)
    worker.kill('SIGCONT')
    expect((await live).status).toBe(200)
    await until(async () => (await ask(at, '/ready')).status === 200)
    worker.kill('SIGTERM')
    expect(await worker.exited).toEqual({ code: 0, signal: null })
  })

  it('says in one line that the port is taken, and exits with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const args = ['--app', app, 'worker', 'start', '--health-port', `127.0.0.1:${port}`]
    await using worker = startProcess(main, { args, env })
    expect(await worker.exited).toEqual({ code: 1, signal: null })
    expect(worker.output.trim()).toBe(
      `error: --health-port: port ${port} of 127.0.0.1: another process listens on it. Choose another port, or end that process.`,
    )
    taken.close()
  })

  it('refuses what is no port as wrong usage', async () => {
    const ran = await runCommand(['worker', 'start', '--health-port', 'http'])
    expect(ran.code).toBe(2)
    expect(ran.err).toContain('It takes a port, or an address and a port')
  })
})

describe('the health endpoints of a worker', () => {
  const ok = job({ name: 'ok' }, () => 'ok')

  it('say that it starts, that its lease is doubtful, and that the fleet cannot be read', async () => {
    await using proxy = await startProxy(databaseUrl(schema))
    await using chancy = new Chancy(proxy.url, { schema, jobs: ok })
    await using worker = new Worker(chancy, { heartbeat: '200ms', lease: '1500ms', signals: false })
    const routes = new HealthRoutes(chancy, worker)
    const server = await HealthServer.listen({ host: '127.0.0.1', port: 0 }, routes)
    const ready = async () => (await ask(server.port, '/ready')).body
    try {
      proxy.refuse()
      const starting = worker.start()
      expect(await ready()).toContain('the worker starts')
      expect((await ask(server.port, '/live')).status).toBe(200)
      proxy.refuse(false)
      await starting
      await until(async () => (await ask(server.port, '/ready')).status === 200)
      await until(async () =>
        (await ask(server.port, '/metrics')).body.includes('chancy_worker_fleet_read 1'),
      )
      proxy.blackHole()
      await until(async () => (await ask(server.port, '/ready')).status === 503)
      await until(async () => (await ready()).includes('could not be renewed'))
      const metrics = await until(async () => {
        const { body } = await ask(server.port, '/metrics')
        return body.includes('chancy_worker_fleet_read 0') ? body : null
      })
      expect(metrics).toContain('chancy_worker_state{state="doubtful"} 1')
      expect(metrics).not.toContain('chancy_attempts_total')
      proxy.resume()
      await until(async () => (await ask(server.port, '/ready')).status === 200)
      await worker.pause()
      await until(async () => (await ready()).includes('the worker is paused'))
    } finally {
      await server.close()
    }
  })
})
