import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, testDatabase } from '../support/database.ts'
import { EngineSession } from '../support/flows/engine-session.ts'
import { diamond, orderedUuid, plan, step } from '../support/flows/graph.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'

const schema = testDatabase()
let hand: EngineSession

beforeAll(async () => {
  await freshSchema(databaseUrl(schema), schema)
  hand = await EngineSession.open(databaseUrl(schema), schema)
})
afterAll(async () => {
  await hand[Symbol.asyncDispose]()
  await dropSchema(databaseUrl(schema), schema)
})

const itemsOf = (path: string[], concurrency: number | null = null) => ({
  deps: [0],
  map: { over: { step: 0, path }, concurrency },
  holes: [
    { at: ['item'], from: 'item' as const, path: [] },
    { at: ['index'], from: 'index' as const, path: [] },
    { at: ['same'], from: 0, path: ['n'] },
  ],
  args: { item: null, index: null, same: null },
})

describe('the arguments of a step', () => {
  it('are filled from the outputs when it is ready, and a part of nothing is null', async () => {
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, {
        deps: [0],
        holes: [
          { at: ['a'], from: 0, path: ['deep', 1, 'x'] },
          { at: ['b'], from: 0, path: ['no', 'such'] },
        ],
        args: { a: null, b: 7 },
      }),
    ])
    await hand.push(one)
    const [, second] = await hand.drain(({ args }) => ({ n: args.n, deep: [0, { x: 'ü' }] }))
    expect(second).toEqual({ flow: one.id, n: 1, a: 'ü', b: null })
  })

  it('fail the step, kind input, when they are larger than 1 MiB, and nothing else', async () => {
    const large = 'x'.repeat(700_000)
    const hole = (at: string) => ({ at: [at], from: 0, path: [] })
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, { deps: [0], holes: [hole('a'), hole('b')], args: { a: null, b: null } }),
      step(flow, 2, { deps: [0] }),
      step(flow, 3, { deps: [1], runWhen: 'any-failed' }),
    ])
    await hand.push(one)
    await hand.drain(({ args }) => (args.n === 0 ? large : null))
    expect(await hand.states(one.id)).toEqual({
      s0: 'succeeded',
      s1: 'failed',
      s2: 'succeeded',
      s3: 'succeeded',
    })
    expect(await hand.flow(one.id)).toMatchObject({
      state: 'failed',
      failure: { step: 's1', kind: 'input' },
    })
  })

  it('skip the step where runIf is anything but true', async () => {
    const path = (part: string) => ({ deps: [0], runIf: { step: 0, path: [part] } })
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, path('yes')),
      step(flow, 2, path('one')),
      step(flow, 3, path('none')),
      step(flow, 4, { deps: [3], runWhen: 'none-failed' }),
    ])
    await hand.push(one)
    await hand.drain(() => ({ yes: true, one: 1 }))
    const states = await hand.states(one.id)
    expect(states).toEqual({
      s0: 'succeeded',
      s1: 'succeeded',
      s2: 'skipped',
      s3: 'skipped',
      s4: 'succeeded',
    })
    expect(await hand.flow(one.id)).toMatchObject({ state: 'succeeded', failure: null })
  })
})

describe('a map', () => {
  it('makes a job for each item, and gives the list of what they gave, in its order', async () => {
    const one = plan(
      (flow) => [
        step(flow, 0),
        step(flow, 1, itemsOf(['list'], 2)),
        step(flow, 2, {
          deps: [1],
          holes: [
            { at: ['all'], from: 1, path: [] },
            { at: ['second'], from: 1, path: [1, 'got'] },
          ],
          args: { all: null, second: null },
        }),
      ],
      { output: { value: 'null', holes: [{ at: [], from: 1, path: [] }] } },
    )
    await hand.push(one)
    const seen = await hand.drain(({ args }) =>
      args.n === 0 ? { n: 9, list: ['a', null, { b: 1 }] } : { got: args.item ?? null },
    )
    const items = seen.filter(({ n }) => n === 1)
    expect(items).toEqual(
      ['a', null, { b: 1 }].map((item, index) => ({ flow: one.id, n: 1, item, index, same: 9 })),
    )
    const all = [{ got: 'a' }, { got: null }, { got: { b: 1 } }]
    expect(seen.at(-1)).toEqual({ flow: one.id, n: 2, all, second: null })
    expect(await hand.flow(one.id)).toMatchObject({ state: 'succeeded', output: all })
  })

  it.each([
    ['an empty list ends it with an empty list', [], 'succeeded', 'succeeded'],
    ['null fails it', null, 'failed', 'skipped'],
    ['a text fails it', 'abc', 'failed', 'skipped'],
  ])('over %s', async (_what, list, state, behind) => {
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, itemsOf(['list'])),
      step(flow, 2, { deps: [1] }),
    ])
    await hand.push(one)
    await hand.drain(() => ({ list }))
    expect(await hand.states(one.id)).toEqual({ s0: 'succeeded', s1: state, s2: behind })
  })

  it('of more than 10,000 steps fails before it makes one', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, itemsOf(['list']))])
    await hand.push(one)
    await hand.drain(() => ({ list: Array.from({ length: 10_000 }, () => 0) }))
    expect(await hand.states(one.id)).toEqual({ s0: 'succeeded', s1: 'failed' })
    expect(await hand.flow(one.id)).toMatchObject({ failure: { step: 's1', kind: 'input' } })
  })
})

describe('the end of a workflow', () => {
  it('is a failure where a step failed that may not, whatever ran because of it', async () => {
    const graph = (mayFail: boolean) =>
      plan((flow) => [
        step(flow, 0, { mayFail }),
        step(flow, 1, { deps: [0], runWhen: 'any-failed' }),
      ])
    const [failed, fine] = [graph(false), graph(true)]
    await hand.push(failed, fine)
    await hand.drain(({ args }) => (args.n === 0 ? 'fail' : null))
    expect(await hand.flow(failed.id)).toMatchObject({
      state: 'failed',
      failure: { step: 's0', kind: 'error', message: 'on purpose' },
    })
    expect(await hand.flow(fine.id)).toMatchObject({ state: 'succeeded', failure: null })
  })

  it('comes with the first failure where onFailure cancels the rest', async () => {
    const one = plan(
      (flow) => [
        step(flow, 0),
        step(flow, 1),
        step(flow, 2, { deps: [1] }),
        step(flow, 3, { deps: [0], runWhen: 'any-failed' }),
      ],
      { onFailure: 'cancel' },
    )
    await hand.push(one)
    const [first] = await hand.claim(1)
    await hand.finish([first!], () => 'fail')
    expect(await hand.drain()).toEqual([])
    expect(await hand.states(one.id)).toEqual({
      s0: 'failed',
      s1: 'cancelled',
      s2: 'cancelled',
      s3: 'cancelled',
    })
    expect(await hand.flow(one.id)).toMatchObject({
      state: 'failed',
      failure: { step: 's0', kind: 'error' },
    })
  })

  it('comes with its deadline, by a sweep, and running steps are asked to stop', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })], { deadlineMs: 1 })
    await hand.push(one)
    const jobs = await hand.claim()
    const swept = await hand.sql<{ verdict: string; owner: string }>(
      'SELECT verdict, owner FROM SCHEMA.sweep_flows_1(10)',
    )
    expect(swept).toContainEqual({ verdict: 'asked', owner: jobs[0]!.id })
    await hand.finish(jobs, () => null)
    expect(await hand.states(one.id)).toEqual({ s0: 'cancelled', s1: 'cancelled' })
    expect(await hand.flow(one.id)).toMatchObject({
      state: 'failed',
      failure: { kind: 'deadline' },
    })
  })

  it('is followed by the end of its rows when its retention has passed, and no steps stay behind', async () => {
    const one = plan((flow) => [step(flow, 0)], { retentionMs: 1 })
    await hand.push(one)
    await hand.drain()
    await hand.sql('SELECT * FROM SCHEMA.sweep_flows_1(1000)')
    expect(await hand.sql('SELECT 1 FROM SCHEMA.workflows WHERE id = $1', [one.id])).toEqual([])
    expect(await hand.sql('SELECT 1 FROM SCHEMA.steps WHERE owner_id = $1', [one.id])).toEqual([])
  })
})

describe('a push', () => {
  it('of a taken key gives the first workflow, and with once also the ended one', async () => {
    const make = (once: boolean) => plan((flow) => [step(flow, 0)], { uniqueKey: 'k', once })
    const [first, second, third, fourth] = [make(false), make(false), make(false), make(true)]
    expect(await hand.push(first)).toEqual([{ id: first.id, created: true }])
    expect(await hand.push(first)).toEqual([{ id: first.id, created: true }])
    expect(await hand.push(second)).toEqual([{ id: first.id, created: false }])
    await hand.drain()
    expect(await hand.push(third)).toEqual([{ id: third.id, created: true }])
    await hand.drain()
    expect(await hand.push(fourth)).toEqual([{ id: third.id, created: false }])
  })

  it('of one key by 16 sessions makes one workflow', async () => {
    const hands = await Promise.all(
      Array.from({ length: 16 }, () => EngineSession.open(databaseUrl(schema), schema)),
    )
    const pushed = await Promise.all(
      hands.map((one) =>
        one.push(
          plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })], { uniqueKey: 'race' }),
        ),
      ),
    )
    for (const one of hands) await one[Symbol.asyncDispose]()
    expect(new Set(pushed.map(([one]) => one!.id)).size).toBe(1)
    expect(pushed.filter(([one]) => one!.created)).toHaveLength(1)
    expect(await hand.drain()).toHaveLength(2)
  })

  it('in a transaction that is rolled back leaves nothing', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })])
    await hand.sql('BEGIN')
    await hand.push(one)
    await hand.sql('ROLLBACK')
    for (const table of ['workflows WHERE id', 'steps WHERE owner_id', 'jobs WHERE owner_id'])
      expect(await hand.sql(`SELECT 1 FROM SCHEMA.${table} = $1`, [one.id])).toEqual([])
  })
})

describe('a fan-out of 1,500 steps', () => {
  it('changes about a thousand steps in a transaction, and the rest in the next ones', async () => {
    const one = diamond(1_500)
    await hand.push(one)
    await hand.finish(await hand.claim(1), () => null)
    const sizes = await hand.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM SCHEMA.steps WHERE owner_id = $1 AND state = 'open' GROUP BY xmin ORDER BY 1`,
      [one.id],
    )
    expect(sizes.reduce((sum, { n }) => sum + n, 0)).toBe(1_500)
    expect(Math.max(...sizes.map(({ n }) => n))).toBeLessThanOrEqual(1_000)
    const cancels = await hand.sql('SELECT * FROM SCHEMA.cancel_flow_1($1)', [one.id])
    expect(cancels).toMatchObject([{ verdict: 'requested', is_left: true }])
    for (let isLeft = true; isLeft; ) {
      const [row] = await hand.sql<{ is_left: boolean }>('SELECT * FROM SCHEMA.cancel_flow_1($1)', [
        one.id,
      ])
      isLeft = row!.is_left
    }
    expect(await hand.flow(one.id)).toMatchObject({ state: 'cancelled', open: 0 })
  })
})

describe('a retry', () => {
  const retry = async (
    id: string,
    names: string[] | null = null,
  ): Promise<Record<string, unknown>> => {
    const [row] = await hand.sql('SELECT * FROM SCHEMA.retry_flow_1($1, $2, NULL, false)', [
      id,
      names,
    ])
    return row!
  }

  it('runs what failed again, and opens what was skipped for it, also when its days were dropped', async () => {
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, { deps: [0], holes: [{ at: ['v'], from: 0, path: ['v'] }], args: { v: null } }),
      step(flow, 2, { deps: [1] }),
      step(flow, 3, { deps: [1], runWhen: 'any-failed' }),
    ])
    await hand.push(one)
    await hand.drain(({ args }) => (args.n === 1 ? 'fail' : { v: 5 }))
    expect(await hand.states(one.id)).toEqual({
      s0: 'succeeded',
      s1: 'failed',
      s2: 'skipped',
      s3: 'succeeded',
    })
    // As when the partition of that day is dropped.
    await hand.sql('DELETE FROM SCHEMA.finished_jobs')
    expect(await retry(one.id)).toMatchObject({ verdict: 'retried', steps: 2, queues: ['flows'] })
    expect(await hand.flow(one.id)).toMatchObject({
      state: 'running',
      open: 2,
      bad: 0,
      failure: null,
    })
    expect(await hand.drain()).toEqual([
      { flow: one.id, n: 1, v: 5 },
      { flow: one.id, n: 2 },
    ])
    expect(await hand.flow(one.id)).toMatchObject({ state: 'succeeded', open: 0, bad: 0 })
    const kept = await hand.sql<{ attempts: number }>(
      `SELECT f.attempts FROM SCHEMA.finished_jobs f WHERE f.owner_id = $1 AND f.owner_step = 1`,
      [one.id],
    )
    expect(kept).toEqual([{ attempts: 2 }])
  })

  it('of a map runs the items that failed, and keeps the others', async () => {
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, itemsOf(['list'])),
      step(flow, 2, { deps: [1] }),
    ])
    await hand.push(one)
    await hand.drain(({ args }) =>
      args.n === 0 ? { list: [1, 2, 3] } : args.item === 2 ? 'fail' : null,
    )
    expect(await hand.states(one.id)).toMatchObject({
      s1: 'failed',
      's1[1]': 'failed',
      s2: 'skipped',
    })
    expect(await retry(one.id)).toMatchObject({ verdict: 'retried' })
    expect((await hand.drain()).map(({ n, item }) => [n, item])).toEqual([
      [1, 2],
      [2, undefined],
    ])
    expect(await hand.flow(one.id)).toMatchObject({ state: 'succeeded' })
  })

  it('of named steps runs them and all behind them, where they succeeded too', async () => {
    const one = plan((flow) => [
      step(flow, 0),
      step(flow, 1, { ...itemsOf(['list']) }),
      step(flow, 2, { deps: [1] }),
      step(flow, 3),
    ])
    await hand.push(one)
    await hand.drain(({ args }) => (args.n === 0 ? { list: [1, 2] } : null))
    expect(await retry(one.id, ['no'])).toMatchObject({ verdict: 'unknown-step', detail: 'no' })
    expect(await retry(one.id, ['s0'])).toMatchObject({ verdict: 'retried' })
    const seen = await hand.drain(({ args }) => (args.n === 0 ? { list: [7] } : null))
    expect(seen.map(({ n, item }) => [n, item])).toEqual([
      [0, undefined],
      [1, 7],
      [2, undefined],
    ])
    expect(await hand.states(one.id)).toEqual({
      s0: 'succeeded',
      s1: 'succeeded',
      s2: 'succeeded',
      s3: 'succeeded',
      's1[0]': 'succeeded',
    })
    expect(await retry(one.id)).toMatchObject({ verdict: 'succeeded', steps: 0 })
  })

  it('of the job of a step is one of the step', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })])
    await hand.push(one)
    await hand.drain(() => 'fail')
    const [row] = await hand.sql('SELECT * FROM SCHEMA.retry_1($1, false)', [one.steps[0]!.job!.id])
    expect(row).toEqual({ verdict: 'retried', queue: 'flows' })
    await hand.drain()
    expect(await hand.states(one.id)).toEqual({ s0: 'succeeded', s1: 'succeeded' })
  })
})

describe('a worker of the release before', () => {
  it('ends no step silently: finish_1 finds the owners, and what it leaves is swept', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })])
    await hand.push(one)
    const [first] = await hand.claim()
    const rows = await hand.sql<{ verdict: string | null }>(
      `SELECT verdict FROM SCHEMA.finish_1($1, ARRAY[$2]::tid[], ARRAY[$3]::uuid[], ARRAY[$4]::bigint[], NULL, NULL, NULL,
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL)`,
      [hand.worker, first!.ctid, first!.id, first!.fence],
    )
    expect(rows.map(({ verdict }) => verdict)).toEqual(['ready', null])
    expect(await hand.drain()).toHaveLength(1)
    expect(await hand.flow(one.id)).toMatchObject({ state: 'succeeded' })
  })
})

describe('a lost worker', () => {
  it('fails a step that has crashed too often, and the steps behind it are decided', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0], runWhen: 'any-failed' })])
    const other = await EngineSession.open(databaseUrl(schema), schema)
    await hand.push(one)
    await hand.sql(`UPDATE SCHEMA.jobs SET crashes = 2 WHERE id = $1`, [one.steps[0]!.job!.id])
    await other.claim()
    await hand.sql('UPDATE SCHEMA.workers SET revoked_at = now() WHERE id = $1', [other.worker])
    await other[Symbol.asyncDispose]()
    await hand.sql('SELECT * FROM SCHEMA.recover_1(100, 3, 0)')
    expect(await hand.drain()).toEqual([{ flow: one.id, n: 1 }])
    expect(await hand.flow(one.id)).toMatchObject({
      state: 'failed',
      failure: { step: 's0', kind: 'crash' },
    })
  })
})

describe('many jobs that are cancelled or retried together', () => {
  it('leave steps that wait to a cancel of their own, under the lock of their workflow', async () => {
    const one = plan((flow) => [step(flow, 0), step(flow, 1, { deps: [0] })])
    await hand.push(one)
    const ids = one.steps.map(({ job }) => job!.id)
    expect(await hand.sql('SELECT * FROM SCHEMA.cancel_many_1($1, false)', [ids])).toEqual([])
    const [row] = await hand.sql('SELECT verdict FROM SCHEMA.cancel_1($1, false)', [ids[1]])
    expect(row).toEqual({ verdict: 'cancelled' })
    await hand.drain()
    expect(await hand.states(one.id)).toEqual({ s0: 'succeeded', s1: 'cancelled' })
    expect(await hand.sql('SELECT * FROM SCHEMA.retry_many_1($1, false)', [ids])).toEqual([])
    await hand.sql('SELECT * FROM SCHEMA.cancel_flow_1($1)', [orderedUuid()])
  })
})
