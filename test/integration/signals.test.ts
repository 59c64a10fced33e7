import { job, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'
import { WorkerFleet } from '../support/worker-fleet.ts'

const TWO_WORKERS = new URL('../support/processes/two-workers.mjs', import.meta.url)
const schema = testSchema()
const work = job({ name: 'work' }, (_: { ms: number }) => {})
const deaf = job({ name: 'deaf' }, (_: { ms: number }) => {})

beforeEach(async () => {
  await using app = await startApp({ schema })
  await empty(schema)
  await app.chancy.migrate()
})

const waiting = () =>
  sql<{ name: string; state: string; attempts: number; crashes: number }>(
    schema,
    'SELECT name, state, attempts, crashes FROM $schema.jobs',
  )

const isOf =
  (event: string) =>
  (said: unknown): boolean =>
    (said as { readonly event?: string }).event === event

describe('the first signal', () => {
  it('drains under load', async () => {
    await using app = await startApp({ schema })
    const { chancy } = app
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 30 }))
    await using fleet = new WorkerFleet({ schema, worker: { shutdownTimeout: '1s' } })
    // Some are far too long for the drain; most are short.
    const jobs = Array.from({ length: 3_000 }, (_, n) =>
      work.job.withArgs({ ms: n < 5 ? 60_000 : n % 40 }),
    )
    const refs = await chancy.pushMany(jobs)
    const worker = await fleet.start()
    await until(() => fleet.executions().length > 400)
    const sentAt = Date.now()
    worker.kill('SIGTERM')
    const received = await worker.next<{ at: number }>(isOf('signal'))
    const exit = await worker.exited
    const tookMs = Date.now() - sentAt
    expect(exit, worker.output).toEqual({ code: 0, signal: null })
    // Far less than the long ones would have needed.
    expect(tookMs).toBeLessThan(20_000)

    const lines = fleet.executions()
    const ended = new Set(lines.filter(({ what }) => what === 'end').map(({ id }) => id))
    const succeeded = await sql<{ id: string }>(
      schema,
      `SELECT id FROM $schema.finished_jobs WHERE state = 'succeeded'`,
    )
    // Nothing that was finished is lost, and nothing else is called finished.
    expect(new Set(succeeded.map(({ id }) => id))).toEqual(ended)
    // Nothing began after the signal was there.
    const late = lines.filter(({ what, at }) => what === 'start' && at > received.at + 600)
    expect(late).toEqual([])
    // The rest waits as if it had never been claimed.
    const rest = await waiting()
    expect(rest).toHaveLength(3_000 - ended.size)
    for (const row of rest) {
      expect(row).toEqual({ name: 'work', state: 'pending', attempts: 0, crashes: 0 })
    }
    expect(await chancy.getWorkers()).toEqual([])

    // Another worker does the rest: only what was interrupted is begun a second time.
    await sql(schema, `UPDATE $schema.jobs SET args = '{"ms": 0}'`)
    await fleet.start()
    await chancy.waitForJobs(refs, { timeout: '50s' })
    const ends = fleet.executions().filter(({ what }) => what === 'end')
    expect(ends).toHaveLength(3_000)
    expect(new Set(ends.map(({ id }) => id)).size).toBe(3_000)
    const starts = fleet.executions().filter(({ what }) => what === 'start')
    expect(starts.length - 3_000).toBeLessThanOrEqual(30)
    const counts = await sql(
      schema,
      `SELECT state, attempts, crashes, count(*)::int FROM $schema.finished_jobs GROUP BY 1, 2, 3`,
    )
    expect(counts).toEqual([{ state: 'succeeded', attempts: 1, crashes: 0, count: 3_000 }])
  })

  it('returns a job that does not honour it, without an attempt and without a crash', async () => {
    await using app = await startApp({ schema })
    await using fleet = new WorkerFleet({ schema, worker: { shutdownTimeout: '500ms' } })
    const ref = await app.chancy.push(deaf.job.withArgs({ ms: 60_000 }))
    const worker = await fleet.start()
    await until(() => fleet.executions().length === 1)
    const sentAt = performance.now()
    worker.kill('SIGTERM')
    expect(await worker.exited, worker.output).toEqual({ code: 0, signal: null })
    expect(performance.now() - sentAt).toBeLessThan(20_000)
    expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })
    expect(await waiting()).toMatchObject([{ crashes: 0 }])
  })

  it('ends a worker that has nothing to do immediately', async () => {
    await using app = await startApp({ schema })
    await using fleet = new WorkerFleet({ schema })
    const worker = await fleet.start()
    const sentAt = performance.now()
    worker.kill('SIGINT')
    expect(await worker.exited).toEqual({ code: 0, signal: null })
    // The drain alone may take half a minute.
    expect(performance.now() - sentAt).toBeLessThan(20_000)
    expect(await app.chancy.getWorkers()).toEqual([])
  })
})

/** Again and again: one that comes right after the first is an echo of it. */
async function killUntilGone(
  one: { kill(signal: NodeJS.Signals): void; readonly exited: Promise<unknown> },
  signal: NodeJS.Signals,
): Promise<void> {
  let isOver = false
  void one.exited.then(() => {
    isOver = true
  })
  const send = (): boolean => {
    one.kill(signal)
    return isOver
  }
  await until(send, { everyMs: 300 })
}

describe('an echo of the first signal', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'does not count as the second one: %s',
    async (signal) => {
      await using app = await startApp({ schema })
      await using fleet = new WorkerFleet({ schema })
      const ref = await app.chancy.push(work.job.withArgs({ ms: 1_500 }))
      const worker = await fleet.start()
      await until(() => fleet.executions().length === 1)
      // As a terminal and tsx do: to the group, and passed on some 30 ms later.
      worker.kill(signal)
      await new Promise((resolve) => setTimeout(resolve, 30))
      worker.kill(signal)
      expect(await worker.exited, worker.output).toEqual({ code: 0, signal: null })
      expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'succeeded', attempts: 1 })
    },
  )
})

describe('two workers in one process', () => {
  const start = () => {
    const order = { url: databaseUrl(schema), schema, lingerMs: 1_300 }
    return startProcess(TWO_WORKERS, { args: [JSON.stringify(order)] })
  }

  it('end together: one that has stopped does not end the job of the other', async () => {
    await using app = await startApp({ schema })
    await using both = start()
    await both.next<{ event: string }>(({ event }) => event === 'job')
    both.kill('SIGTERM')
    await both.next<{ event: string }>(({ event }) => event === 'stopped')
    // Its job runs for longer than a process may live after its last worker.
    both.send('end')
    expect(await both.exited, both.output).toEqual({ code: 0, signal: null })
    const finished = await sql(schema, 'SELECT state, attempts, crashes FROM $schema.finished_jobs')
    expect(finished).toEqual([{ state: 'succeeded', attempts: 1, crashes: 0 }])
    expect(await app.chancy.getWorkers()).toEqual([])
  })

  it('are ended immediately by the second signal', async () => {
    await using both = start()
    await both.next<{ event: string }>(({ event }) => event === 'job')
    both.kill('SIGTERM')
    await both.next<{ event: string }>(({ event }) => event === 'stopped')
    await killUntilGone(both, 'SIGTERM')
    expect(await both.exited).toEqual({ code: 143, signal: null })
  })
})

describe('the second signal', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends it immediately: %s', async (signal, code) => {
    await using app = await startApp({ schema })
    await using fleet = new WorkerFleet({ schema, worker: { shutdownTimeout: '1h' } })
    const ref = await app.chancy.push(deaf.job.withArgs({ ms: 60_000 }))
    const worker = await fleet.start()
    await until(() => fleet.executions().length === 1)
    await killUntilGone(worker, signal)
    expect(await worker.exited).toEqual({ code, signal: null })
    // Its lease runs out, and then its job runs again and the crash is counted.
    await sql(schema, `UPDATE $schema.jobs SET args = '{"ms": 0}'`)
    await fleet.start()
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(await sql(schema, 'SELECT crashes FROM $schema.finished_jobs')).toEqual([{ crashes: 1 }])
  })
})

describe('a job that does not honour the abort', () => {
  it('is released under its fence, and what it comes to later is refused', async () => {
    let end: (result: string) => void = () => {}
    const first = job({ name: 'late' }, () => {
      return new Promise<string>((resolve) => {
        end = resolve
      })
    })
    const second = job({ name: 'late' }, () => 'in time')
    await using old = await startApp({ schema, jobs: first })
    await using next = await startApp({ schema, jobs: second })
    const started = old.next('job.started')
    const worker = await old.start({ shutdownTimeout: '100ms' })
    const ref = await old.chancy.push(first)
    await started
    await worker.stop()
    expect(await next.chancy.getJob(ref)).toMatchObject({ state: 'pending', attempts: 0 })
    await next.start()
    const done = await next.chancy.waitForJob(ref)
    end('too late')
    // A turn of the loop, in which the outcome would be saved.
    await new Promise((resolve) => setImmediate(resolve))
    expect(await next.chancy.getJob(ref)).toEqual(done)
    expect(done).toMatchObject({ state: 'succeeded', result: 'in time', attempts: 1 })
  })
})
