import {
  type BatchEnd,
  batch,
  type Chancy,
  type EndedWorkflow,
  Job,
  JobStateError,
  job,
  NotFoundError,
  pgDriver,
  Queue,
  WaitTimedOutError,
  WorkflowReference,
} from 'chancy'
import { describe, expect, it } from 'vitest'
import { connectionLost, hooked, testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const gates = new Map<string, () => void>()

const load = job(
  { name: 'load' },
  ({ how = 'fine', gate }: { how?: 'fine' | 'bad' | 'held'; gate?: string }, { signal }) => {
    if (how === 'bad') throw new Error('cannot be loaded')
    if (how === 'fine') return how
    return new Promise<string>((resolve, reject) => {
      gates.set(gate ?? '', () => resolve('held'))
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  },
)
const callback = (name: string) => job({ name, queue: 'callbacks' }, (end: BatchEnd) => end)
const succeeded = callback('succeeded')
const failed = callback('failed')
const ended = callback('ended')
const imported = batch({
  name: 'import',
  onSucceeded: succeeded,
  onFailed: failed,
  onEnded: ended,
  meta: { by: 'ada' },
})
const fine = (count: number) => Array.from({ length: count }, () => load.job.withArgs({}))
const inline = new Queue('default', { executor: 'inline', concurrency: 4 })

/** The callbacks that were pushed, with what they got. */
async function callbacks(): Promise<[name: string, batch: BatchEnd['batch']][]> {
  const rows = await app.sql<{ name: string; args: BatchEnd }>(
    "SELECT name, args FROM $jobs WHERE queue = 'callbacks' ORDER BY position",
  )
  return rows.map(({ name, args }) => [name, args.batch])
}

async function running(jobs = [load]): Promise<Chancy> {
  const chancy = app.chancy({ jobs })
  await chancy.declare(inline)
  await app.worker(chancy, { queues: ['default'] })
  return chancy
}

const waited = (chancy: Chancy, ref: WorkflowReference): Promise<EndedWorkflow> =>
  chancy.waitForWorkflow(ref, { timeout: '50s' })

describe('a batch', () => {
  it('pushes the callbacks that fit when all of its jobs have ended, once, with their numbers', async () => {
    const chancy = await running()
    const events: unknown[] = []
    chancy.on('batch.finished', (event) => events.push(event))
    const ref = await chancy.pushBatch(imported, fine(25), { batchSize: 10 })
    const counts = { total: 25, succeeded: 25, failed: 0, cancelled: 0 }
    expect(await waited(chancy, ref)).toMatchObject({
      ...{ name: 'import', state: 'succeeded', failure: null, meta: { by: 'ada' }, steps: [] },
      batch: { ...counts, isPushing: false },
    })
    const expected = { id: ref.id, name: 'import', ...counts }
    expect(await callbacks()).toEqual([
      ['succeeded', expected],
      ['ended', expected],
    ])
    await until(() => events.length > 0)
    expect(events).toEqual([{ id: ref.id, state: 'succeeded' }])
  })

  it('has failed when a job failed or was cancelled, and says how many', async () => {
    const chancy = app.chancy({ jobs: [load] })
    await chancy.declare(inline)
    const later = load.job.withArgs({}).withDelay('1h')
    const jobs = [...fine(3), load.job.withArgs({ how: 'bad' }).withMaxAttempts(2), later]
    const ref = await chancy.pushBatch(imported, jobs)
    const [waiting] = await chancy.listJobs({ state: 'pending' })
    expect(await chancy.explain(ref)).toEqual({
      ...{ state: 'pending', runnable: false },
      reasons: [{ kind: 'batch', batch: ref.id, total: 5, open: 5, isPushing: false }],
    })
    expect(await chancy.explain(waiting!)).toMatchObject({
      reasons: [{ kind: 'scheduled' }, { kind: 'no-worker' }],
    })
    expect(await chancy.cancel(waiting!)).toBe('cancelled')
    await app.worker(chancy, { queues: ['default'] })
    expect(await waited(chancy, ref)).toMatchObject({
      state: 'failed',
      failure: { step: null, kind: 'error', message: 'Of 5 jobs 1 failed and 1 were cancelled.' },
      batch: { total: 5, succeeded: 3, failed: 1, cancelled: 1 },
    })
    expect((await callbacks()).map(([name]) => name)).toEqual(['failed', 'ended'])
    expect(await chancy.explain(ref)).toEqual({ state: 'failed', runnable: false, reasons: [] })
  })

  it('does not end before the iterable has, and then with its last job', async () => {
    const chancy = await running()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    async function* rows() {
      yield* fine(4)
      await held
      yield* fine(2)
    }
    const pushing = chancy.pushBatch(imported, rows(), { batchSize: 2 })
    const [open] = await until(async () => {
      const found = await chancy.listWorkflows({ kind: 'batch', state: 'running' })
      return found[0]?.counts.succeeded === 4 ? found : null
    })
    expect(open).toMatchObject({
      counts: { open: 0, succeeded: 4 },
      batch: { total: 4, isPushing: true },
    })
    await expect(chancy.waitForWorkflow(open!, { timeout: 10 })).rejects.toThrow(
      /Of 4 jobs 0 have not ended, and more are being pushed\./,
    )
    expect(await chancy.explain(open!)).toMatchObject({
      reasons: [{ kind: 'batch', total: 4, open: 0, isPushing: true }],
    })
    expect(await callbacks()).toEqual([])
    release()
    const ref = await pushing
    expect(await waited(chancy, ref)).toMatchObject({ state: 'succeeded', batch: { total: 6 } })
    expect(await callbacks()).toHaveLength(2)
  })

  it('without jobs ends immediately', async () => {
    const chancy = app.chancy()
    const ref = await chancy.pushBatch(imported, [])
    expect(await chancy.getWorkflow(ref)).toMatchObject({
      state: 'succeeded',
      batch: { total: 0, isPushing: false },
    })
    expect((await callbacks()).map(([name]) => name)).toEqual(['succeeded', 'ended'])
  })

  it('counts the jobs whose unique key was free', async () => {
    const chancy = app.chancy()
    const keyed = (key: string) => load.job.withArgs({}).withUniqueKey(key)
    await chancy.push(keyed('a'))
    const ref = await chancy.pushBatch(imported, [keyed('a'), keyed('b'), keyed('b'), keyed('c')])
    expect(await chancy.getWorkflow(ref)).toMatchObject({ batch: { total: 2 } })
    expect(await app.count()).toBe(3)
  })

  it('is there with the commit of a caller, or not at all', async () => {
    const chancy = await running()
    const client = await app.client()
    for (const end of ['ROLLBACK', 'COMMIT']) {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      const ref = await chancy.pushBatch(imported, fine(3), { session: client, batchSize: 2 })
      expect(await chancy.getWorkflow(ref)).toBeNull()
      await client.query(end)
      if (end === 'ROLLBACK') expect(await app.count()).toBe(0)
      else expect(await waited(chancy, ref)).toMatchObject({ batch: { succeeded: 3 } })
    }
    expect(await callbacks()).toHaveLength(2)
  })

  it('is cancelled: what waits ends, what runs is asked, and only onEnded is pushed', async () => {
    const chancy = await running()
    const ref = await chancy.pushBatch(imported, [
      load.job.withArgs({ how: 'held', gate: 'cancel' }),
      ...fine(3).map((one) => one.withDelay('1h')),
    ])
    await until(() => gates.has('cancel'))
    expect(await chancy.cancelWorkflow(ref)).toBe('requested')
    expect(await waited(chancy, ref)).toMatchObject({
      ...{ state: 'cancelled', failure: null },
      batch: { total: 4, cancelled: 4 },
    })
    expect((await callbacks()).map(([name]) => name)).toEqual(['ended'])
    expect(await chancy.cancelWorkflow(ref)).toBe('finished')
    const messages = (await chancy.listJobs({ state: 'cancelled' })).map(
      ({ errors }) => errors.at(-1)?.message,
    )
    expect(messages.filter((one) => one === 'Its batch was cancelled.')).toHaveLength(3)
  })

  it('that was cancelled while it was pushed takes no more jobs', async () => {
    const chancy = app.chancy()
    async function* rows() {
      yield* fine(2)
      const [open] = await until(async () => {
        const found = await chancy.listWorkflows({ kind: 'batch' })
        return found[0]?.batch?.total === 2 ? found : null
      })
      expect(await chancy.cancelWorkflow(open!)).toBe('cancelled')
      yield* fine(2)
    }
    const error = await chancy.pushBatch(imported, rows(), { batchSize: 2 }).catch((one) => one)
    expect(error).toBeInstanceOf(JobStateError)
    expect(error).toMatchObject({
      message: expect.stringMatching(/^The batch \S+ was cancelled, and takes no more jobs/),
      details: { state: 'cancelled', pushed: 2 },
    })
    expect(await app.sql('SELECT 1 FROM $jobs WHERE owner_id IS NOT NULL')).toEqual([])
  })

  it('fails with its iterable, and what waits of it is cancelled', async () => {
    const chancy = app.chancy()
    function* rows() {
      yield* fine(1_500)
      throw new RangeError('line 1501 is broken')
    }
    await expect(chancy.pushBatch(imported, rows(), { batchSize: 700 })).rejects.toThrow(RangeError)
    const [one] = await chancy.listWorkflows()
    expect(one).toMatchObject({
      state: 'failed',
      failure: { kind: 'error', message: 'The push failed: line 1501 is broken' },
      counts: { open: 0, cancelled: 1_400 },
    })
    expect((await callbacks()).map(([name]) => name)).toEqual(['failed', 'ended'])
  })

  it('refuses a job that is wrong by its index, and one with whenTaken', async () => {
    const chancy = app.chancy()
    const wrong = [load.job.withArgs({}), load.job.withArgs({ how: 1n as never })]
    await expect(chancy.pushBatch(imported, wrong)).rejects.toThrow(/^pushBatch: job 1: /)
    const taking = load.job.withArgs({}).withUniqueKey('k', { whenTaken: 'replace' })
    await expect(chancy.pushBatch(imported, [taking])).rejects.toThrow(/has whenTaken/)
    expect((await chancy.listWorkflows()).map(({ state }) => state)).toEqual(['failed', 'failed'])
  })

  it('whose process is lost while it pushes fails when its lease has passed', async () => {
    const chancy = await running()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    async function* rows() {
      yield* fine(2)
      await held
    }
    const pushing = chancy.pushBatch(imported, rows(), { batchSize: 2 })
    pushing.catch(() => {})
    await until(async () => (await chancy.listWorkflows())[0]?.batch?.total === 2)
    const [open] = await chancy.listWorkflows()
    await app.sql("UPDATE $workflows SET pushed_until = now() - interval '1 s'")
    expect(await waited(chancy, WorkflowReference.from(open!.id))).toMatchObject({
      state: 'failed',
      failure: { message: expect.stringContaining('was lost') },
    })
    release()
    // The call itself finds nothing more to do.
    await pushing
    expect((await callbacks()).map(([name]) => name)).toEqual(['failed', 'ended'])
  })

  it('fails after its deadline, and what is open is cancelled', async () => {
    const chancy = await running()
    const short = batch({ name: 'short', deadline: '50ms', onFailed: failed })
    const ref = await chancy.pushBatch(
      short,
      fine(2).map((one) => one.withDelay('1h')),
    )
    expect(await waited(chancy, ref)).toMatchObject({
      ...{ state: 'failed', failure: { kind: 'deadline' } },
      batch: { cancelled: 2 },
    })
    expect(await callbacks()).toHaveLength(1)
  })

  it('takes jobs from its own jobs, and ends with the last of these', async () => {
    const tree = job({ name: 'tree' }, async ({ depth }: { depth: number }, context) => {
      if (depth === 0) return
      const more = [1, 2].map(() => Job.named('tree', { args: { depth: depth - 1 } }))
      expect(await chancy.addToBatch(context.batch!, more)).toBe(2)
    })
    const chancy = await running([tree] as never)
    const ref = await chancy.pushBatch(imported, [tree.job.withArgs({ depth: 4 })])
    expect(await waited(chancy, ref)).toMatchObject({
      state: 'succeeded',
      batch: { total: 31, succeeded: 31 },
    })
    await expect(chancy.addToBatch(ref, fine(1))).rejects.toMatchObject({
      message: expect.stringMatching(/has ended, succeeded, and takes no more jobs/),
      details: { added: 0 },
    })
    const unknown = WorkflowReference.from('01900000-0000-7000-8000-000000000000')
    await expect(chancy.addToBatch(unknown, fine(1))).rejects.toThrow(NotFoundError)
    expect(await callbacks()).toHaveLength(2)
  })

  it('has counted a job that is retried later', async () => {
    const chancy = await running()
    const ref = await chancy.pushBatch(imported, [load.job.withArgs({ how: 'bad' })])
    await waited(chancy, ref)
    const [bad] = await chancy.listJobs({ state: 'failed' })
    await chancy.retry(bad!)
    expect(await chancy.waitForJob(bad!)).toMatchObject({ state: 'failed', attempts: 2 })
    expect(await chancy.getWorkflow(ref)).toMatchObject({ batch: { total: 1, failed: 1 } })
    expect(await callbacks()).toHaveLength(2)
    await expect(chancy.retryWorkflow(ref)).rejects.toThrow(/is a batch, which has no steps/)
  })

  it('counts each job once when the answers to its pushes are lost', async () => {
    const own = pgDriver(app.pool(4))
    const cut = new Set<string>()
    const driver = hooked(own, async (text, send) => {
      const name = /"(\w*batch)_1"/.exec(text)?.[1]
      const answer = await send()
      // Each function once, and a push a second time too.
      const key = name === undefined ? '' : cut.has(name) ? `${name} again` : name
      const isCut = name === 'push_batch' ? !cut.has(key) : key === name && name !== undefined
      if (!isCut) return answer
      cut.add(key)
      throw connectionLost()
    })
    const other = await running()
    const chancy = app.chancy({}, driver)
    const ref = await chancy.pushBatch(imported, fine(30), { batchSize: 10 })
    expect([...cut].sort()).toEqual(['begin_batch', 'push_batch', 'push_batch again', 'seal_batch'])
    expect(await waited(other, ref)).toMatchObject({ batch: { total: 30, succeeded: 30 } })
    expect(await callbacks()).toHaveLength(2)
  })

  it('ends when ends of its jobs were left, whatever the order in which they are counted', async () => {
    const chancy = app.chancy()
    const ref = await chancy.pushBatch(imported, [])
    await app.sql(
      `UPDATE $workflows SET state = 'running', finished_at = NULL, open = 2500, size = 2500`,
    )
    await app.sql("DELETE FROM $jobs WHERE queue = 'callbacks'")
    await app.sql(`INSERT INTO $step_ends (owner_id, state, result)
                   SELECT '${ref.id}', 'counted', '{"succeeded": 1}' FROM generate_series(1, 2500)`)
    const verdicts: unknown[] = []
    for (let calls = 0; calls < 3; calls++) {
      const rows = await app.sql<{ verdict: string }>(
        `SELECT verdict FROM $flow_1(ARRAY['${ref.id}']::uuid[], true)`,
      )
      verdicts.push(rows.map(({ verdict }) => verdict))
    }
    expect(verdicts).toEqual([['left'], ['left'], ['ready', 'batch']])
    expect(await callbacks()).toHaveLength(2)
  })

  it('ends with this process: a push that close() cuts short fails', async () => {
    const other = app.chancy()
    const chancy = app.chancy()
    async function* rows() {
      yield* fine(2)
      await new Promise(() => {})
    }
    const pushing = chancy.pushBatch(imported, rows(), { batchSize: 2 }).catch((error) => error)
    await until(async () => (await other.listWorkflows())[0]?.batch?.total === 2)
    await chancy.close()
    expect(await pushing).toMatchObject({ code: 'CLOSED' })
    expect(await other.listWorkflows()).toMatchObject([{ state: 'failed' }])
  })
})

describe('batch()', () => {
  it('refuses what only a job with its arguments can have', () => {
    const by = job({ name: 'by', concurrency: { max: 1, key: () => 'k' } }, (_: BatchEnd) => {})
    expect(() => batch({ name: 'b', onEnded: by })).toThrow(/^Batch "b": onEnded: the concurrency/)
    expect(() => batch({ name: 'b', onEnded: ended.job.withUniqueKey('k') })).toThrow(/unique key/)
    expect(() => batch({ name: '' })).toThrow(/name/)
    expect(() => batch({ name: 'b', onDone: ended } as never)).toThrow(/onDone/)
  })

  it('is what pushBatch takes, with an iterable', async () => {
    const chancy = app.chancy()
    await expect(chancy.pushBatch({ name: 'b' } as never, [])).rejects.toThrow(
      /what batch\(\) gives/,
    )
    await expect(chancy.pushBatch(imported, 7 as never)).rejects.toThrow(/an iterable of jobs/)
    expect(WaitTimedOutError).toBeDefined()
  })
})
