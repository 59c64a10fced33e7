import { Job, job, Queue } from 'chancy'
import { metricsText } from 'chancy/metrics/prometheus'
import {
  getGauges,
  getMeasurements,
  getMetrics,
  getQueueRates,
  increment,
  metrics,
  observe,
} from 'chancy/plugins/metrics'
import { afterEach, describe, expect, it } from 'vitest'
import { sql, startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { emptyingText } from '../support/emptying.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const ok = job({ name: 'ok' }, () => 'ok')
const sleepy = job({ name: 'sleepy', queue: 'slow' }, () => new Promise((r) => setTimeout(r, 20)))
const flaky = job({ name: 'flaky', maxAttempts: 2, backoff: { base: 1 } }, (_, { attempt }) => {
  if (attempt === 1) throw new Error('the first attempt fails')
})
const lost = job({ name: 'lost' }, () => {
  throw new Error('always')
})
const jobs = [ok, sleepy, flaky, lost]
/** Flushes and rolls up soon. */
const quick = (options: Parameters<typeof metrics>[0] = {}) => metrics({ flush: '1s', ...options })
const started = async (options: object = {}): Promise<TestApp> => {
  const app = await startApp({ schema, jobs, plugins: [quick()], ...options })
  for (const name of ['default', 'slow'])
    await app.chancy.declare(new Queue(name, { executor: 'inline' }))
  return app
}
/** Resolves when everything that was counted until now is in the points. */
const rolledUp = async (app: TestApp): Promise<void> => {
  await app.next('plugin.passed', ({ loop }) => loop === 'flush')
  await app.next('plugin.passed', ({ loop, error }) => loop === 'roll-up' && error === null)
  await app.next('plugin.passed', ({ loop, error }) => loop === 'roll-up' && error === null)
}

afterEach(async () => {
  const tables = ['metrics_live', 'metrics_points', 'metrics_queue_counts', 'metrics_levels']
  await sql(schema, emptyingText(schema, ['jobs', 'finished_jobs', 'leader', 'queues', ...tables]))
})

describe('metrics', () => {
  it('count what attempts came to, by queue and name, with their times', async () => {
    await using app = await started()
    await app.start()
    const pushed = [
      ...Array.from({ length: 20 }, () => ok),
      ...Array.from({ length: 5 }, () => sleepy),
      flaky,
      flaky,
      lost,
    ]
    await app.chancy.waitForJobs(await app.chancy.pushMany<unknown>(pushed as never))
    // The waits may be over before the worker has counted the last of them.
    const rolled = async () =>
      (await getMetrics(app.chancy, { step: '1d' })).reduce((sum, { started }) => sum + started, 0)
    await until(async () => (await rolled()) === 30, { timeoutMs: 50_000, everyMs: 200 })
    const sums = async (query: Parameters<typeof getMetrics>[1]) => {
      const points = await getMetrics(app.chancy, { step: '1d', ...query })
      return points.map(({ at: _, waitMs, runMs, cpuMs: __, ...counts }) => ({
        ...counts,
        waits: waitMs.count,
        runs: runMs.count,
      }))
    }
    const none = { failed: 0, retried: 0, crashed: 0, cancelled: 0, snoozed: 0, released: 0 }
    expect(await sums({})).toEqual([
      { ...none, started: 30, succeeded: 27, failed: 1, retried: 2, waits: 28, runs: 30 },
    ])
    expect(await sums({ queue: 'slow' })).toEqual([
      { ...none, started: 5, succeeded: 5, waits: 5, runs: 5 },
    ])
    expect(await sums({ name: 'flaky', queue: 'default' })).toEqual([
      { ...none, started: 4, succeeded: 2, retried: 2, waits: 2, runs: 4 },
    ])
    expect(await sums({ name: 'other' })).toEqual([])
    for (const step of ['10s', '1m', '5m', '1h'] as const) {
      const points = await getMetrics(app.chancy, { step, queue: 'slow' })
      expect(
        points.reduce((sum, { succeeded }) => sum + succeeded, 0),
        step,
      ).toBe(5)
      for (const { runMs } of points) expect(runMs.p50).toBeGreaterThan(18)
    }
    const text = await metricsText(app.chancy)
    expect(text).toContain(
      'chancy_attempts_total{queue="slow",name="sleepy",outcome="succeeded"} 5\n',
    )
    expect(text).toContain('chancy_job_run_seconds_count{queue="slow",name="sleepy"} 5\n')
    expect(await getGauges(app.chancy)).toMatchObject({ workers: 1, leader: app.workers[0]?.id })
  })

  it('count measurements of the application, in a transaction of its own too', async () => {
    await using app = await started()
    await increment(app.chancy, 'mails')
    await increment(app.chancy, 'mails', 2.5)
    await observe(app.chancy, 'bytes', 1_000)
    await app.start()
    await rolledUp(app)
    const [mails] = await getMeasurements(app.chancy, 'mails', { step: '1d' })
    expect(mails).toMatchObject({ count: 2, sum: 3.5, max: 2.5 })
  })

  it('lose nothing at a stop, and at a SIGKILL what was not written since the last flush', async () => {
    const succeeded = async (): Promise<number> => {
      const [row] = await sql<{ n: number }>(
        schema,
        `SELECT coalesce(sum((e ->> 0)::int), 0)::int AS n
           FROM $schema.metrics_live l, jsonb_path_query(l.data, '$[*].c') AS e`,
      )
      return row!.n
    }
    await using app = await started({ plugins: [quick({ flush: '1m' })] })
    // The first pass of the loop is made at the start; the next one after a minute.
    const flushed = app.next('plugin.passed', ({ loop }) => loop === 'flush')
    const worker = await app.start()
    await flushed
    await app.chancy.waitForJobs(await app.chancy.pushMany(Array.from({ length: 200 }, () => ok)))
    expect(await succeeded()).toBe(0)
    await worker.stop()
    expect(await succeeded()).toBe(200)

    const script = new URL('../support/processes/metrics-worker.mjs', import.meta.url)
    await using killed = startProcess(script, { args: [databaseUrl(schema), schema] })
    await killed.next((line) => line === 'ready')
    const task = Job.named('task')
    await app.chancy.waitForJobs(await app.chancy.pushMany(Array.from({ length: 50 }, () => task)))
    const left = await app.chancy.push(Job.named('long'))
    await killed.next((line) => line === 'long')
    await until(async () => (await succeeded()) === 250)
    killed.kill('SIGKILL')
    await killed.exited
    expect(await succeeded()).toBe(250)

    // The job of the worker that is gone is recovered by another one, which counts its end.
    const recovered = app.next('jobs.recovered', ({ ids }) => ids.includes(left.id))
    await app.start()
    expect((await recovered).jobs).toMatchObject([{ name: 'long', state: 'pending' }])
    await Promise.all(app.workers.map((one) => one.stop()))
    const points = await getMetrics(app.chancy, { name: 'long', step: '10s' })
    expect(points.reduce((sum, { crashed }) => sum + crashed, 0)).toBe(1)
  })

  it('count the attempts of each queue in the last minute that all processes have written', async () => {
    await using app = await started()
    const insert = (agoSeconds: number, entries: readonly object[]) =>
      sql(
        schema,
        `INSERT INTO $schema.metrics_live (source, seq, at, data)
         SELECT gen_random_uuid(), 1,
                to_timestamp(floor((extract(epoch FROM now()) - 1) / 10) * 10 - $1::float8), $2::jsonb`,
        [agoSeconds, JSON.stringify(entries)],
      )
    const entry = (q: string, c: readonly number[], k = 'job') => ({ k, q, n: 'x', c })
    // Points of ten seconds: the last whole one, the first of the minute, and those around them.
    await insert(10, [entry('mail', [5, 1, 2, 0, 0, 0, 0]), entry('web', [1, 0, 0, 0, 0, 0, 0])])
    await insert(60, [entry('mail', [50, 0, 0, 1, 0, 0, 1]), entry('mail', [9], 'custom')])
    await insert(0, [entry('mail', [1_000, 0, 0, 0, 0, 0, 0])])
    await insert(70, [entry('mail', [1_000, 0, 0, 0, 0, 0, 0])])
    const none = { failed: 0, retried: 0, crashed: 0, cancelled: 0, snoozed: 0, released: 0 }
    // The present ten seconds may end between the statements: then the minute is that of one point later.
    expect([
      { ...none, queue: 'mail', succeeded: 55, failed: 1, retried: 2, crashed: 1, released: 1 },
      { ...none, queue: 'mail', succeeded: 1_005, failed: 1, retried: 2 },
    ]).toContainEqual(
      (await getQueueRates(app.chancy))
        .map(({ started: _, perSecond: __, ...counts }) => counts)
        .find(({ queue }) => queue === 'mail'),
    )
    expect((await getQueueRates(app.chancy)).find(({ queue }) => queue === 'web')).toEqual({
      ...none,
      queue: 'web',
      succeeded: 1,
      started: 1,
      perSecond: 1 / 60,
    })
  })
})
