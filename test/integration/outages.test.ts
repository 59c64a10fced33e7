import { job, Queue, type WorkerOptions } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { orphanRunningJobs } from '../support/orphan-running-jobs.ts'
import { startProxy } from '../support/proxy.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
/** As the defaults, in the same proportions. */
const WORKER: WorkerOptions = { lease: '9s', heartbeat: '1800ms' }
/**
 * From the end of an interruption to the first start. The promise is 3 s, and a busy machine may take a while;
 * a statement would be given up after 30 s.
 */
const HEALED_MS = 15_000

beforeEach(async () => {
  await using app = await startApp({ schema })
  await empty(schema)
  await app.chancy.declare(new Queue('default', { executor: 'inline', concurrency: 5 }))
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A job that notes when it starts, and one worker of it. */
function noted() {
  const starts = new Map<number, number[]>()
  const work = job({ name: 'work' }, async ({ n, ms }: { n: number; ms: number }) => {
    starts.set(n, [...(starts.get(n) ?? []), performance.now()])
    await pause(ms)
  })
  const first = (n: number) => starts.get(n)?.[0]
  const repeated = () => [...starts].filter(([, times]) => times.length > 1).map(([n]) => n)
  return { work, first, repeated }
}

/** Waits for a renewal, so that what follows falls right behind it. */
const renewed = (app: TestApp) => app.next('lease.renewed')

describe('an interruption in which connections die in silence', () => {
  it('that is 5 s shorter than the lease costs no lease and repeats nothing, and is over soon', {
    timeout: 60_000,
  }, async () => {
    const { work, first, repeated } = noted()
    await using proxy = await startProxy(databaseUrl())
    await using app = await startApp({ schema, jobs: work, url: proxy.url })
    await using direct = await startApp({ schema })
    const lost = app.all('worker.revoked')
    const refused = app.all('outcome.rejected')
    await app.start(WORKER)
    await renewed(app)
    for (let n = 0; n < 5; n++) await direct.chancy.push(work.job.withArgs({ n, ms: 300 }))
    await until(() => first(4) !== undefined)
    // The outcomes of the five, the next renewal and a claim fall into it.
    proxy.silence()
    const later = await direct.chancy.push(work.job.withArgs({ n: 5, ms: 0 }))
    await pause(3_900)
    proxy.endSilence()
    const endedAt = performance.now()
    await direct.chancy.waitForJob(later)
    expect(first(5)! - endedAt).toBeLessThan(HEALED_MS)
    const idle = async () => (await sql(schema, 'SELECT 1 FROM $schema.jobs')).length === 0
    await until(idle)
    expect([lost, refused, repeated()]).toEqual([[], [], []])
    expect(await sql(schema, 'SELECT DISTINCT fence FROM $schema.finished_jobs')).toHaveLength(1)
  })

  it('that falls between two renewals delays a start by no more than that', {
    timeout: 60_000,
  }, async () => {
    const { work, first } = noted()
    await using proxy = await startProxy(databaseUrl())
    await using app = await startApp({ schema, jobs: work, url: proxy.url })
    await using direct = await startApp({ schema })
    await app.start({ lease: '1m', heartbeat: '15s' })
    await renewed(app)
    proxy.silence()
    const ref = await direct.chancy.push(work.job.withArgs({ n: 0, ms: 0 }))
    await pause(1_000)
    proxy.endSilence()
    const endedAt = performance.now()
    await direct.chancy.waitForJob(ref)
    expect(first(0)! - endedAt).toBeLessThan(HEALED_MS)
  })
})

describe('a network that swallows everything', () => {
  it('does not keep a worker from stopping within its timeout and two seconds', async () => {
    const { work, first } = noted()
    await using proxy = await startProxy(databaseUrl())
    await using app = await startApp({ schema, jobs: work, url: proxy.url })
    const worker = await app.start({ ...WORKER, shutdownTimeout: '2s' })
    await app.chancy.push(work.job.withArgs({ n: 0, ms: 60_000 }))
    await until(() => first(0) !== undefined)
    proxy.silence()
    await pause(1_500)
    const startedAt = performance.now()
    await worker.stop()
    // The promise is 4 s; without a bound it took a minute, and a busy machine may take a while.
    expect(performance.now() - startedAt).toBeLessThan(15_000)
  })

  it('does not keep a worker that starts from stopping', async () => {
    const { work } = noted()
    await using proxy = await startProxy(databaseUrl())
    await using app = await startApp({ schema, jobs: work, url: proxy.url })
    proxy.silence()
    const starting = app.start({ ...WORKER, shutdownTimeout: '1s' }).catch((error) => error)
    await pause(300)
    const startedAt = performance.now()
    await app.workers[0]!.stop()
    // Without a bound it took a minute.
    expect(performance.now() - startedAt).toBeLessThan(15_000)
    proxy.cut()
    await starting
  })
})

describe('a step of the clock of the database', () => {
  /** What a step forward does to everything that was written before it. */
  const step = (seconds: number) =>
    sql(
      schema,
      `UPDATE $schema.workers SET renewed_at = renewed_at - make_interval(secs => $1),
                                  expires_at = expires_at - make_interval(secs => $1)`,
      [seconds],
    )

  it.each(sized([60], [60, -60]))(
    'by %i s declares no worker dead, and repeats nothing',
    async (seconds) => {
      const { work, first, repeated } = noted()
      await using one = await startApp({ schema, jobs: work })
      await using other = await startApp({ schema, jobs: work })
      const lost = [one.all('worker.revoked'), other.all('worker.revoked')]
      await Promise.all([one.start(), other.start()])
      // Both have been up for a lease, or neither would revoke anything.
      await Promise.all([one, other].map((app) => until(() => app.chancy.getWorkers().then(isOld))))
      const refs = await one.chancy.pushMany(
        [0, 1, 2, 3, 4, 5].map((n) => work.job.withArgs({ n, ms: 5_000 })),
      )
      await until(() => first(5) !== undefined)
      await step(seconds)
      const done = await one.chancy.waitForJobs(refs)
      for (const { state } of done) expect(state).toBe('succeeded')
      expect([lost.flat(), repeated()]).toEqual([[], []])
    },
  )

  it('backward does not make a lease last for as long as that', async () => {
    const { work } = noted()
    await using app = await startApp({ schema, jobs: work })
    await app.chancy.push(work.job.withArgs({ n: 0, ms: 0 }))
    await orphanRunningJobs(schema)
    await sql(
      schema,
      `INSERT INTO $schema.workers (id, renewed_at, expires_at)
       SELECT worker_id, now() + interval '1 hour', now() + interval '1 hour 3 s'
         FROM $schema.claims`,
    )
    const recovered = app.next('jobs.recovered')
    await app.start()
    await recovered
  })
})

const isOld = (workers: readonly { readonly startedAt: Date }[]): boolean =>
  workers.length === 2 && workers.every(({ startedAt }) => Date.now() - +startedAt > 3_500)
