import { Job, job, pgDriver, Queue, Worker } from 'chancy'
import { describe, expect, it } from 'vitest'
import { hooked, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { heldStatements } from '../support/held-statements.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const QUICK = { heartbeat: '200ms', lease: '5s' } as const
const ok = job({ name: 'ok' }, () => 'ok')

/** A job that runs until it is released. */
function gated() {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  return { gate: job({ name: 'gate' }, () => held), release: () => release() }
}

const states = async () =>
  (
    await app.sql<{ state: string; attempts: number; n: number }>(
      'SELECT state, attempts, count(*)::int AS n FROM $all_jobs GROUP BY 1, 2 ORDER BY 1, 2',
    )
  ).map(({ state, attempts, n }) => `${n} ${state} after ${attempts}`)

/** Resolves when the worker has renewed its lease twice: what it was to do without a pause is done by then. */
async function renewedTwice(chancy: ReturnType<typeof app.chancy>): Promise<void> {
  let renewals = 0
  await new Promise<void>((resolve) => {
    const end = chancy.on('lease.renewed', () => {
      if (++renewals < 3) return
      end()
      resolve()
    })
  })
}

describe('a paused worker', () => {
  it('claims nothing, of a push in its process either, and claims again when it is resumed', async () => {
    const chancy = app.chancy({ jobs: ok })
    const events: string[] = []
    chancy.on('worker.paused', () => void events.push('paused'))
    chancy.on('worker.resumed', () => void events.push('resumed'))
    const worker = await app.worker(chancy, QUICK)
    await worker.pause()
    await worker.pause()
    const reference = await chancy.push(ok)
    await renewedTwice(chancy)
    expect(await states()).toEqual(['1 pending after 0'])
    worker.resume()
    worker.resume()
    expect((await chancy.waitForJob(reference)).state).toBe('succeeded')
    expect(events).toEqual(['paused', 'resumed'])
  })

  it('leaves the other workers alone', async () => {
    const chancy = app.chancy({ jobs: ok })
    const paused = await app.worker(chancy)
    const other = app.chancy({ jobs: ok })
    await app.worker(other)
    await paused.pause()
    expect((await chancy.waitForJob(await chancy.push(ok))).state).toBe('succeeded')
    expect((await chancy.getWorkers()).length).toBe(2)
  })

  it('is named as the reason why a job waits, until it or another worker may run the job', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy, { label: 'mail-1' })
    await worker.pause()
    const reference = await chancy.push(ok)
    const reasons = async () => (await chancy.explain(reference)).reasons
    await until(async () => (await reasons()).length > 0)
    expect(await chancy.explain(reference)).toEqual({
      state: 'pending',
      runnable: false,
      reasons: [
        {
          kind: 'workers-paused',
          queue: 'default',
          workers: [{ id: worker.id, label: 'mail-1' }],
          hasMore: false,
        },
      ],
    })
    expect((await chancy.explainQueue('default')).counts).toMatchObject({
      ready: { jobs: 1 },
      'workers-paused': { jobs: 1 },
      'no-worker': { jobs: 0 },
    })
    await expect(chancy.waitForJob(reference, { timeout: 1 })).rejects.toThrow(
      `waits: the only worker of its queue "default" that knows its function is paused: "mail-1" (${worker.id}). Call resume() of it`,
    )
    expect(await chancy.getWorkers()).toMatchObject([{ alive: true, paused: true }])
    // One that does not know the function takes nothing from it.
    const other = app.chancy({ jobs: job({ name: 'other' }, () => {}) })
    const stranger = await app.worker(other)
    await until(async () => (await app.sql('SELECT 1 FROM $jobs WHERE parked')).length === 1)
    expect(await reasons()).toMatchObject([
      { kind: 'workers-paused', workers: [{ id: worker.id }] },
    ])
    expect((await chancy.explainQueue('default')).counts['workers-paused'].jobs).toBe(0)
    await stranger.stop()
    worker.resume()
    expect((await chancy.waitForJob(reference)).state).toBe('succeeded')
    await until(async () => (await chancy.getWorkers()).every(({ paused }) => !paused))
  })

  it('lets what runs end, and saves it', async () => {
    const { gate, release } = gated()
    const chancy = app.chancy({ jobs: gate })
    const started = new Promise((resolve) => chancy.on('job.started', resolve))
    const worker = await app.worker(chancy)
    const reference = await chancy.push(gate)
    await started
    await worker.pause()
    expect(worker.health()).toMatchObject({ state: 'paused', running: 1 })
    release()
    expect((await chancy.waitForJob(reference)).state).toBe('succeeded')
  })

  it('returns what a claim in flight brings, without using an attempt', async () => {
    const held = heldStatements(pgDriver(app.pool()))
    const chancy = app.chancy({ jobs: ok, notifications: false }, held.driver)
    const worker = await app.worker(chancy, QUICK)
    const claimed = held.hold('"claim_1"', 2)
    await app.chancy({ jobs: ok }).pushMany([ok, ok, ok])
    await claimed
    await until(async () => (await states()).join() === '3 running after 1')
    let isPaused = false
    const pausing = worker.pause().then(() => {
      isPaused = true
    })
    await renewedTwice(chancy)
    expect(isPaused).toBe(false)
    held.release()
    await pausing
    await until(async () => (await states()).join() === '3 pending after 0')
    worker.resume()
    await worker.idle()
    expect(await states()).toEqual(['3 succeeded after 1'])
  })

  it('keeps claims that were made after a resume during the pause', async () => {
    const held = heldStatements(pgDriver(app.pool()))
    const chancy = app.chancy({ jobs: ok, notifications: false }, held.driver)
    const worker = await app.worker(chancy, QUICK)
    const claimed = held.hold('"claim_1"', 2)
    await app.chancy({ jobs: ok }).push(ok)
    await claimed
    const pausing = worker.pause()
    worker.resume()
    held.release()
    await pausing
    await worker.idle()
    expect(await states()).toEqual(['1 succeeded after 1'])
    expect(worker.health().state).toBe('running')
  })

  it('returns what children were sent ahead and have not begun', async () => {
    const jobs = new URL('../support/jobs/naps.mjs', import.meta.url)
    const chancy = app.chancy({ jobs })
    await chancy.declare(new Queue('default', { executor: 'thread', concurrency: 1 }))
    let finished = 0
    chancy.on('job.finished', () => void finished++)
    const worker = await app.worker(chancy, QUICK)
    const total = 400
    await chancy.pushMany(Array.from({ length: total }, () => Job.named('nap')))
    await until(() => finished > 20, { everyMs: 1 })
    await worker.pause()
    await until(() => worker.health().running === 0)
    await until(async () => !(await states()).some((line) => line.includes('running')))
    const after = await states()
    expect(after.map((line) => line.replace(/^\d+/, 'n'))).toEqual([
      'n pending after 0',
      'n succeeded after 1',
    ])
    await renewedTwice(chancy)
    expect(await states()).toEqual(after)
  })

  it('is one from its start on when it was paused before', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = new Worker(chancy, { ...QUICK, signals: false })
    await worker.pause()
    await chancy.migrate()
    await chancy.push(ok)
    await worker.start()
    expect(worker.health().state).toBe('paused')
    await renewedTwice(chancy)
    expect(await states()).toEqual(['1 pending after 0'])
    worker.resume()
    await worker.idle()
    expect(await states()).toEqual(['1 succeeded after 1'])
    await worker.stop()
  })

  it('stops as any other', async () => {
    const chancy = app.chancy({ jobs: ok })
    const worker = await app.worker(chancy)
    await worker.pause()
    await worker.stop()
    expect(worker.health()).toMatchObject({ state: 'stopped', running: 0, queues: [], leaseMs: 0 })
    await worker.pause()
    expect(() => worker.resume()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('runs nothing of a claim whose answer was lost', async () => {
    const driver = pgDriver(app.pool())
    let isLost = false
    const chancy = app.chancy(
      { jobs: ok, notifications: false },
      hooked(driver, async (text, send) => {
        const answer = await send()
        if (isLost || !text.includes('"claim_1"') || answer.length < 2) return answer
        isLost = true
        void worker.pause()
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
      }),
    )
    const worker = await app.worker(chancy, QUICK)
    const reclaimed = new Promise((resolve) => chancy.on('jobs.reclaimed', resolve))
    await app.chancy({ jobs: ok }).push(ok)
    await reclaimed
    await until(async () => (await states()).join() === '1 pending after 0')
  })
})

describe('the health of a worker', () => {
  it('follows its states from its start to its end', async () => {
    const { gate, release } = gated()
    const chancy = app.chancy({ jobs: [ok, gate] })
    const worker = new Worker(chancy, { ...QUICK, signals: false })
    const initial = { state: 'starting', leaseMs: 0, running: 0, queues: [], loopLagMs: 0 }
    expect(worker.health()).toEqual(initial)
    const starting = worker.start()
    expect(worker.health().state).toBe('starting')
    const begun = new Promise((resolve) => chancy.on('job.started', resolve))
    await chancy.push(gate)
    await starting
    await begun
    const { leaseMs, ...running } = worker.health()
    expect(running).toMatchObject({ state: 'running', running: 1, queues: ['default'] })
    expect(leaseMs).toBeGreaterThan(0)
    expect(leaseMs).toBeLessThanOrEqual(5_000)
    const stopping = worker.stop()
    expect(worker.health().state).toBe('stopping')
    release()
    await stopping
    expect(worker.health().state).toBe('stopped')
  })

  it('is doubtful while its lease cannot be renewed, also while it is paused', async () => {
    await using proxy = await startProxy(databaseUrl(app.schema))
    const chancy = app.chancy({ jobs: ok }, proxy.url)
    const worker = await app.worker(chancy, { heartbeat: '100ms', lease: '600ms' })
    proxy.blackHole()
    await until(() => worker.health().state === 'doubtful')
    expect(worker.health().leaseMs).toBe(0)
    await worker.pause()
    expect(worker.health().state).toBe('doubtful')
    proxy.resume()
    await until(() => worker.health().state === 'paused')
    worker.resume()
    // Such a short lease may be in doubt again on a busy machine.
    await until(() => worker.health().state === 'running')
  })
  it('says how long the event loop was blocked', async () => {
    const worker = await app.worker(app.chancy({ jobs: ok }))
    const end = performance.now() + 800
    while (performance.now() < end);
    expect(worker.health().loopLagMs).toBeGreaterThan(250)
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(worker.health().loopLagMs).toBeGreaterThan(250)
  })

  it('is that of a stopped worker after a start that failed', async () => {
    const worker = new Worker(app.chancy(), { signals: false })
    await expect(worker.start()).rejects.toThrow('knows no job function')
    expect(worker.health().state).toBe('stopped')
    await expect(worker.idle()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
