import { DiscardJob, job, signal, workflow } from 'chancy'
import { definePlugin } from 'chancy/plugin'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../dist/core/clock.js'
import { testApplication } from '../support/application.ts'
import { withMutant } from '../support/mutant.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const approved = signal<{ by: string }, 'approved'>('approved')
const rejected = signal<{ why: string }, 'rejected'>('rejected')

const runs: string[] = []
const counted = (name: string): number => runs.filter((one) => one === name).length

const order = job(
  { name: 'order', durable: true, maxAttempts: 3 },
  async ({ id }: { id: string }, ctx) => {
    const charge = await ctx.step('charge', ({ key }) => {
      runs.push(`charge ${id}`)
      return { id: `ch_${id}`, key }
    })
    ctx.set('status', 'waiting for approval')
    const answer = await ctx.waitForAny([approved, rejected], { timeout: '3d' })
    if (answer?.signal !== 'approved') return { state: 'refused', why: answer?.value.why ?? null }
    await ctx.step('ship', () => void runs.push(`ship ${id}`))
    return { state: 'shipped', by: answer.value.by, charge: charge.id }
  },
)

const double = job({ name: 'double' }, ({ n }: { n: number }) => {
  if (n < 0) throw new DiscardJob('negative')
  return n * 2
})
const failing = job({ name: 'failing' }, () => {
  throw new DiscardJob('no')
})
const parent = job({ name: 'parent', durable: true }, async ({ list }: { list: number[] }, ctx) => {
  const one = await ctx.invoke(double.job.withArgs({ n: 1 }))
  const all = await ctx.invokeAll(
    'all',
    list.map((n) => double.job.withArgs({ n })),
    { concurrency: 2 },
  )
  const failed = await ctx.invoke(failing).catch((error: Error) => error.name)
  const settled = await ctx.invokeAll(
    'settled',
    [...[5, -1].map((n) => double.job.withArgs({ n }))],
    {
      settle: true,
    },
  )
  return { one, all, failed, settled: settled.map(({ state }) => state) }
})

const paged = job({ name: 'paged', durable: true }, async ({ page }: { page: number }, ctx) => {
  const { by } = await ctx.waitForSignal(approved)
  if (page < 3) return ctx.continueWith({ page: page + 1 })
  return { page, by }
})

const slept = job({ name: 'slept', durable: true }, async ({ ms }: { ms: number }, ctx) => {
  await ctx.sleep(ms)
  return 'awake'
})

const dozing = job({ name: 'dozing', durable: true }, async (_: object, ctx) => {
  const nap = ctx.sleep('1d')
  const { by } = await ctx.waitForSignal(approved)
  await nap
  return `awake, ${by}`
})

const endless = job({ name: 'endless' }, async (_: object, { signal: stop }) => {
  await new Promise((resolve) => stop.addEventListener('abort', resolve))
})
/** Fails where `n` is negative, and ends by its signal where it is 0. */
const mixed = job({ name: 'mixed' }, async ({ n }: { n: number }, { signal: stop }) => {
  if (n < 0) throw new DiscardJob('negative')
  if (n === 0) await new Promise((resolve) => stop.addEventListener('abort', resolve))
  return n
})
const together = job(
  { name: 'together', durable: true },
  async ({ settle }: { settle: boolean }, ctx) => {
    const jobs = (settle ? [-1, 5, 6] : [0, -1, 0, 5, 6]).map((n) => mixed.job.withArgs({ n }))
    try {
      const all = await ctx.invokeAll('all', jobs, {
        ...{ settle: settle as true, concurrency: settle ? 1 : 2 },
      })
      return all.map(({ state }) => state)
    } catch (error) {
      return `${error}`
    }
  },
)

const holding = job({ name: 'holding', durable: true }, (_: object, ctx) => ctx.invoke(endless))

const patient = job({ name: 'patient', durable: true, deadline: '1500ms' }, (_: object, ctx) =>
  ctx.waitForSignal(approved),
)
let isOpen = false
const shop = job({ name: 'shop', durable: true }, async (_: object, ctx) => {
  const charge = await ctx.step('charge', () => void runs.push('charge shop'))
  await ctx.step('ship', () => {
    if (!isOpen) throw new Error('closed')
  })
  return { charge, attempt: ctx.attempt }
})

const doubled = workflow({ name: 'doubled' }, (flow, { n }: { n: number }) => {
  const once = flow.step('once', double, { args: { n } })
  return { four: flow.step('twice', double, { args: { n: once.output } }).output }
})
const graph = job({ name: 'graph', durable: true }, async (_: object, ctx) => {
  await ctx.push(double.job.withArgs({ n: 9 }))
  const { four } = await ctx.invoke(doubled({ n: 1 }))
  const error = await ctx.invoke(doubled({ n: -1 })).catch((thrown: Error) => thrown)
  const keyed = doubled({ n: 1 }).withUniqueKey('k')
  const refused = await ctx.invoke(keyed).catch((thrown: Error) => thrown.message)
  return { four, error: String(error), refused }
})
const endlessly = workflow({ name: 'endlessly' }, (flow) => {
  flow.step('after', double, { args: { n: 1 }, after: [flow.step('endless', endless)] })
})
const dueAt = new Date('2999-01-01T00:00:00Z')
const later = job({ name: 'later', durable: true }, async (_: object, ctx) => {
  await Promise.all([
    ctx.invokeAll('soon', [double.job.withArgs({ n: 1 }).withDelay('50ms')]),
    ctx.invokeAll('later', [endless.job.withDelay('1h'), endless.job.withScheduledAt(dueAt)]),
  ])
})
const waiting = job({ name: 'waiting', durable: true }, (_: object, ctx) => ctx.invoke(endlessly()))

const JOBS = [
  graph,
  mixed,
  together,
  waiting,
  patient,
  shop,
  endless,
  later,
  holding,
  order,
  double,
  failing,
  parent,
  paged,
  slept,
  dozing,
]

async function started() {
  const chancy = app.chancy({ jobs: JOBS })
  await app.worker(chancy)
  return chancy
}

const waits = (id: string) =>
  until(
    async () => {
      const [row] = await app.sql('SELECT waits FROM $jobs WHERE id = $1', [id])
      return row?.waits === 'wait'
    },
    { timeoutMs: 20_000, everyMs: 10, what: 'a job that waits' },
  )

describe('a durable job', () => {
  it('continues with a signal, and runs each of its steps once', async () => {
    const chancy = await started()
    const events: string[] = []
    for (const name of ['job.waiting', 'job.resumed', 'signal.sent'] as const)
      chancy.on(name, ({ id }) => void events.push(`${name} ${id}`))
    const ref = await chancy.push(order.job.withArgs({ id: 'a' }))
    await waits(ref.id)
    // The row waits before the worker has the answer to what wrote it.
    await until(() => events.length === 1)
    expect(await chancy.signal(ref, approved, { by: 'ada' })).toBe('sent')
    expect((await chancy.waitForJob(ref)).result).toEqual({
      ...{ state: 'shipped', by: 'ada', charge: 'ch_a' },
    })
    expect([counted('charge a'), counted('ship a')]).toEqual([1, 1])
    expect((await chancy.getSteps(ref)).map(({ n, kind, name }) => `${n} ${kind} ${name}`)).toEqual(
      [...['1 step charge', expect.stringMatching(/^2 any /), '3 step ship']],
    )
    // The sender and the worker are notified of one commit, in any order.
    expect(events[0]).toBe(`job.waiting ${ref.id}`)
    expect(events.slice(1).sort()).toEqual([`job.resumed ${ref.id}`, `signal.sent ${ref.id}`])
    expect(await chancy.signal(ref, approved, { by: 'bob' })).toBe('finished')
  })

  it('shows what it set and what it waits for, in pages and explanations too', async () => {
    const chancy = await started()
    const ref = await chancy.push(order.job.withArgs({ id: 'b' }))
    await waits(ref.id)
    const waitsFor = [
      {
        kind: 'signal',
        name: expect.any(String),
        signals: ['approved', 'rejected'],
        until: expect.any(Date),
      },
    ]
    const shown = { values: { status: 'waiting for approval' }, waitsFor }
    expect(await chancy.getJob(ref)).toMatchObject(shown)
    expect(await chancy.listJobs({ waitsFor: { signal: 'rejected' } })).toMatchObject([
      { id: ref.id, ...shown },
    ])
    for (const other of [
      { waitsFor: { signal: 'no' } },
      { waitsFor: { signal: 'rejected' }, queue: 'no' },
    ])
      expect(await chancy.listJobs(other)).toEqual([])
    const { runnable, reasons } = await chancy.explain(ref)
    expect(runnable).toBe(false)
    expect(reasons).toEqual([
      { kind: 'signal', signals: ['approved', 'rejected'], until: expect.any(Date) },
    ])
    await chancy.signal(ref, approved, { by: 'ada' })
    const done = await chancy.waitForJob(ref)
    expect(done.values).toEqual(shown.values)
    expect(done.waitsFor).toBeUndefined()

    const asleep = await chancy.push(slept.job.withArgs({ ms: 60_000 }))
    await waits(asleep.id)
    expect((await chancy.explain(asleep)).reasons).toEqual([
      { kind: 'scheduled', at: expect.any(Date) },
    ])
    const invokes = await chancy.push(holding)
    await waits(invokes.id)
    expect((await chancy.explain(invokes)).reasons).toEqual([
      { kind: 'job', step: expect.any(String) },
    ])
    for (const one of [asleep, invokes]) await chancy.cancel(one)
    await until(async () => (await app.sql('SELECT FROM $jobs')).length === 0)
  })

  it('gets what was sent before it ran, and begins a next run that keeps what it has not taken', async () => {
    const chancy = app.chancy({ jobs: JOBS })
    const ref = await chancy.push(paged.job.withArgs({ page: 1 }).withUniqueKey('paged'))
    for (const by of ['a', 'b', 'c', 'd'])
      await chancy.signal({ uniqueKey: 'paged' }, approved, { by })
    const dropped = new Promise((resolve) => chancy.on('signal.dropped', resolve))
    await app.worker(chancy)
    expect((await chancy.waitForJob(ref)).result).toEqual({ page: 3, by: 'c' })
    expect(await dropped).toEqual({ id: ref.id, name: 'approved', count: 1 })
  })

  it('is pushed by the signal that finds none with its key', async () => {
    const chancy = await started()
    const target = paged.job.withArgs({ page: 3 }).withUniqueKey('once')
    expect(await chancy.signal(target, approved, { by: 'ada' })).toBe('sent')
    const [{ id }] = (await app.sql<{ id: string }>(`SELECT id::text AS id FROM $all_jobs`)) as [
      { id: string },
    ]
    expect((await chancy.waitForJob(id)).result).toEqual({ page: 3, by: 'ada' })
    await expect(chancy.signal({ uniqueKey: 'none' }, approved, { by: 'x' })).rejects.toThrow(
      'unique key',
    )
    await expect(
      chancy.signal(paged.job.withArgs({ page: 1 }), approved, { by: 'x' }),
    ).rejects.toThrow('no unique key')
  })

  it('gets the results of the jobs that it invokes, one after the other and together', async () => {
    const chancy = await started()
    const ref = await chancy.push(parent.job.withArgs({ list: [1, 2, 3, 4, 5] }).withPriority(7))
    expect((await chancy.waitForJob(ref)).result).toEqual({
      one: 2,
      all: [2, 4, 6, 8, 10],
      failed: 'StepError',
      settled: ['succeeded', 'failed'],
    })
    const children = await app.sql(`SELECT DISTINCT priority FROM $all_jobs WHERE name = 'double'`)
    expect(children).toEqual([{ priority: 7 }])
    expect(
      await app.sql(`SELECT count(*)::int AS n FROM $all_jobs WHERE name <> 'parent'`),
    ).toEqual([{ n: 9 }])
  })

  it('invokes jobs of which the first failure cancels the others, unless all are waited for', async () => {
    const chancy = await started()
    const [failed, settled] = await chancy.pushMany(
      [false, true].map((settle) => together.job.withArgs({ settle })),
    )
    const statesOf = async (ref: typeof failed) => {
      const rows = await app.sql<{ state: string }>(
        `SELECT s.state FROM $steps s JOIN $workflows w ON w.id = s.owner_id WHERE w.owner_id = $1 ORDER BY s.n`,
        [ref!.id],
      )
      return rows.map(({ state }) => state)
    }
    const done = await chancy.waitForJob(failed!)
    expect(done.result).toMatch(/^StepError: .*negative/)
    await until(async () => !(await statesOf(failed)).includes('open'), { everyMs: 10 })
    expect(await statesOf(failed)).toEqual([
      ...['cancelled', 'failed', 'cancelled', 'cancelled', 'cancelled'],
    ])
    expect((await chancy.waitForJob(settled!)).result).toEqual(['failed', 'succeeded', 'succeeded'])
    expect(await statesOf(settled)).toEqual(['failed', 'succeeded', 'succeeded'])
  })

  it('gets the output of the workflows that it invokes, and each job it pushes passes the hooks', async () => {
    const tags = definePlugin({
      name: 'test.tags',
      onPush: (pushed) => ({ ...pushed, meta: { ...pushed.meta, 'test.tags': pushed.name } }),
    })
    const chancy = app.chancy({ jobs: JOBS, plugins: [tags] })
    await app.worker(chancy)
    const ref = await chancy.push(graph.job.withPriority(4))
    const { result } = await chancy.waitForJob(ref)
    expect(result).toEqual({
      four: 4,
      error: expect.stringContaining('negative'),
      refused: expect.stringContaining('unique key'),
    })
    const flows = await chancy.listWorkflows({ name: 'doubled' })
    expect(flows.map(({ state }) => state).sort()).toEqual(['failed', 'succeeded'])
    const rows = await app.sql(
      `SELECT DISTINCT priority, meta ->> 'test.tags' AS tagged, count(*)::int AS n FROM $all_jobs
        WHERE name = 'double' GROUP BY 1, 2`,
    )
    expect(rows).toEqual([{ priority: 4, tagged: 'double', n: 5 }])
  })

  it('invokes jobs at their time', async () => {
    const chancy = await started()
    const ref = await chancy.push(later)
    await waits(ref.id)
    const jobs = await chancy.listJobs({ name: 'endless' })
    const [delayed, scheduled] = jobs.sort((a, b) => Number(a.scheduledAt) - Number(b.scheduledAt))
    expect(delayed!.scheduledAt!.getTime() - delayed!.createdAt.getTime()).toBeCloseTo(
      3_600_000,
      -3,
    )
    expect(Math.abs(scheduled!.scheduledAt!.getTime() - dueAt.getTime())).toBeLessThan(5)
    await until(
      async () => (await chancy.listJobs({ state: 'succeeded', name: 'double' })).length === 1,
    )
    await chancy.cancel(ref)
  })

  it('cancels the workflow that it invoked with itself', async () => {
    const chancy = await started()
    const ref = await chancy.push(waiting)
    await waits(ref.id)
    const [flow] = await chancy.listWorkflows({ name: 'endlessly' })
    expect(await chancy.cancel(ref)).toBe('cancelled')
    const ended = await chancy.waitForWorkflow(flow!, { timeout: '20s' })
    expect(ended.state).toBe('cancelled')
  })

  it('fails at its deadline, also while it waits', async () => {
    const chancy = await started()
    const waiting = new Promise((resolve) => chancy.on('job.waiting', resolve))
    const ref = await chancy.push(patient)
    const done = await chancy.waitForJob(ref)
    expect(await waiting).toMatchObject({ id: ref.id })
    expect(done.state).toBe('failed')
    expect(done.errors.map(({ kind }) => kind)).toEqual(['deadline'])
  })

  it('that has failed continues from its last step when it is retried', async () => {
    const chancy = await started()
    const ref = await chancy.push(shop)
    const failed = await chancy.waitForJob(ref)
    expect(failed.state).toBe('failed')
    expect(failed.errors[0]?.message).toContain('closed')
    isOpen = true
    await chancy.retry(ref)
    expect((await chancy.waitForJob(ref, { states: ['succeeded'] })).state).toBe('succeeded')
    expect(counted('charge shop')).toBe(1)
    expect((await chancy.getSteps(ref)).map(({ name }) => name)).toEqual(['charge', 'ship'])
  })

  it('sleeps without a slot', async () => {
    const chancy = await started()
    const waiting = new Promise((resolve) => chancy.on('job.waiting', resolve))
    const ref = await chancy.push(slept.job.withArgs({ ms: 1_200 }))
    expect((await chancy.waitForJob(ref)).result).toBe('awake')
    expect(await waiting).toMatchObject({ id: ref.id })
    const [row] = await app.sql<{ ms: number }>(
      'SELECT extract(epoch FROM finished_at - created_at)::float8 * 1000 AS ms FROM $finished_jobs',
    )
    expect(row?.ms).toBeGreaterThan(1_200)
  })

  it('sleeps by the clock of the database, over replays, workers and their clocks', async () => {
    const ahead = { ...systemClock, now: () => Date.now() + 172_800_000 }
    const [one, two] = [{}, { clock: ahead }].map((own) => app.chancy({ jobs: JOBS, ...own }))
    let worker = await app.worker(one!)
    const ref = await one!.push(dozing)
    await waits(ref.id)
    const dueOf = async () => {
      const [row] = await app.sql<{ ms: number }>(
        `SELECT (extract(epoch FROM run_at) * 1000)::float8 AS ms FROM $jobs WHERE waits = 'wait'`,
      )
      return row
    }
    const due = (await dueOf())!.ms
    await worker.stop()
    // Replayed by another worker, whose clock is two days ahead.
    worker = await app.worker(two!)
    const replayed = new Promise((resolve) => two!.on('job.waiting', resolve))
    await two!.signal(ref, approved, { by: 'ada' })
    await replayed
    await waits(ref.id)
    expect((await dueOf())?.ms).toBe(due)
    await worker.stop()
    const atLater = (time: string, work: () => Promise<void>) =>
      withMutant(app.schema, 'now_1', { from: /now\(\)/, to: `now() + interval '${time}'` }, () =>
        withMutant(
          app.schema,
          'clock_1',
          { from: /clock_timestamp\(\)/, to: `clock_timestamp() + interval '${time}'` },
          work,
        ),
      )
    for (const time of ['-1 day', '23 hours 59 minutes'])
      await atLater(time, async () => {
        expect(await app.sql('SELECT staged FROM $stage_1(10, NULL)')).toEqual([{ staged: 0 }])
      })
    await atLater('24 hours', async () => {
      await app.worker(one!, { lease: '1h' })
      const done = await one!.waitForJob(ref)
      expect(done.result).toBe('awake, ada')
      const [step] = (await one!.getSteps(ref)).filter(({ kind }) => kind === 'sleep')
      expect(step!.endedAt.getTime()).toBeGreaterThanOrEqual(Math.floor(due))
      expect(Math.abs(due - step!.startedAt.getTime() - 86_400_000)).toBeLessThan(1_000)
    })
  })

  it('continues with a signal that a transaction of a caller sends by its commit', async () => {
    const chancy = await started()
    const ref = await chancy.push(order.job.withArgs({ id: 'b' }))
    await waits(ref.id)
    const caller = await app.client()
    await caller.query('BEGIN')
    await chancy.signal(ref, rejected, { why: 'late' }, { session: caller })
    expect((await chancy.getJob(ref))?.state).toBe('pending')
    await caller.query('COMMIT')
    expect((await chancy.waitForJob(ref)).result).toEqual({ state: 'refused', why: 'late' })
  })

  it('ends immediately when it is cancelled while it waits, and what it invoked after it', async () => {
    const chancy = await started()
    const ref = await chancy.push(holding)
    const child = await until(
      async () => {
        const [row] = await app.sql<{ id: string }>(
          `SELECT id::text AS id FROM $jobs WHERE name = 'endless'`,
        )
        return row?.id
      },
      { timeoutMs: 20_000, everyMs: 10, what: 'a child' },
    )
    await waits(ref.id)
    expect(await chancy.cancel(ref)).toBe('cancelled')
    expect((await chancy.waitForJob(child)).state).toBe('cancelled')
  })
})
