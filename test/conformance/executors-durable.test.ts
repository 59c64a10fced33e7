import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Outcome } from '../../dist/core/outcome.js'
import { DurableMemory } from '../../dist/testing/durable-memory.js'
import {
  type AttemptHandle,
  type Executor,
  InlineExecutor,
  loadJobs,
  ProcessExecutor,
  start,
  ThreadExecutor,
} from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'
import { until } from '../support/until.ts'

const pools = testPools()
const jobs = [jobModule('durable')]
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chancy-durable-'))
})
afterAll(() => rm(folder, { recursive: true }))

let count = 0
const memory = (): DurableMemory =>
  new DurableMemory(
    `01890000-0000-7000-8000-${String(++count).padStart(12, '0')}`,
    1_700_000_001_000,
  )

const made = new Map<string, Promise<Executor>>()
const makers: Readonly<Record<string, () => Promise<Executor>>> = {
  inline: async () => new InlineExecutor(await loadJobs(jobs)),
  thread: async () => new ThreadExecutor({ jobs, concurrency: 1, killAfterMs: 200 }),
  process: async () => new ProcessExecutor({ jobs, concurrency: 1, killAfterMs: 200 }),
}

/** One of each kind for all tests, since a child takes time to start. */
function make(kind: string): Promise<Executor> {
  const present = made.get(kind) ?? makers[kind]!()
  made.set(kind, present)
  return present
}

afterAll(async () => {
  for (const executor of made.values()) await (await executor).stop({ graceMs: 0 })
})

describe.each(['inline', 'thread', 'process'])('a durable job in %s', (kind) => {
  const begin = async (store: DurableMemory, name: string, args = {}): Promise<AttemptHandle> =>
    start(await make(kind), name, args, {}, undefined, store.begin())

  const attempt = async (
    store: DurableMemory,
    executor: Executor,
    name: string,
    args: object,
  ): Promise<Outcome> => {
    const outcome = await start(executor, name, args, {}, undefined, store.begin()).ended
    if (outcome.kind === 'parked') store.park(outcome.waits)
    else if (outcome.kind === 'continued') store.continue()
    else store.lose()
    return outcome
  }

  it('continues from its record after each wait, and each step runs once', async () => {
    const store = memory()
    const executor = await make(kind)
    const file = path.join(folder, kind)
    const first = await attempt(store, executor, 'order', { file })
    expect(first).toMatchObject({ kind: 'parked', waits: [{ name: 'signal approved 1' }] })
    expect(store.values).toEqual({ status: 'waiting' })
    store.send('approved', '{"by":"ada"}')
    const second = await attempt(store, executor, 'order', { file })
    expect(second).toMatchObject({ kind: 'parked', waits: [{ name: 'sleep 1', kind: 'sleep' }] })
    store.nowMs += 86_400_000
    const last = await attempt(store, executor, 'order', { file })
    expect(last).toMatchObject({ kind: 'returned' })
    expect(JSON.parse((last as { result: string }).result)).toEqual({
      charge: { at: '1970-01-01T00:00:00.000Z', attempt: 1, key: 64 },
      answer: { by: 'ada' },
      failed: ['fails', 'TypeError'],
      random: [true, true],
    })
    const noted = (await readFile(file, 'utf8')).trim().split('\n')
    expect(noted.filter((line) => line === 'begun')).toHaveLength(3)
    expect(noted.filter((line) => line !== 'begun')).toEqual(['charge', 'beside', 'fails'])
    expect(store.records.map(({ name }) => name)).toEqual([
      'charge',
      'beside',
      'signal approved 1',
      'sleep 1',
      'fails',
    ])
  })

  it('is given a signal while a step runs', async () => {
    const store = memory()
    store.onSave = ({ records }) => {
      if (records.some(({ name }) => name === 'charge')) store.send('approved', '1')
    }
    const file = path.join(folder, `${kind}-live`)
    const outcome = await attempt(store, await make(kind), 'order', { file, isLive: true })
    expect(outcome).toMatchObject({ kind: 'parked', waits: [{ name: 'sleep 1' }] })
  })

  it('begins its next run', async () => {
    const store = memory()
    const executor = await make(kind)
    expect(await attempt(store, executor, 'continues', {})).toMatchObject({
      kind: 'continued',
      args: '{"n":1}',
    })
    expect(store.run).toBe(2)
    expect(await attempt(store, executor, 'continues', { n: 2 })).toMatchObject({
      kind: 'returned',
      result: '"ended"',
    })
  })

  it.each([
    ['discard', { kind: 'discarded', error: { message: 'enough' } }],
    ['unstorable', { kind: 'not-storable', error: { code: 'RESULT_NOT_SERIALIZABLE' } }],
    ['throw', { kind: 'threw', error: { name: 'StepError', cause: { message: 'no' } } }],
    ['nested', { kind: 'threw', error: { cause: { code: 'STEP_NESTED' } } }],
  ])('ends by a step: %s', async (how, expected) => {
    const store = memory()
    expect(await attempt(store, await make(kind), 'endings', { how })).toMatchObject(expected)
    expect(store.records.map(({ name }) => name)).toEqual(['before'])
  })

  it.each(['cancelled', 'interrupted', 'timed-out'] as const)(
    'saves what its step gave when it is asked to stop: %s',
    async (reason) => {
      const store = memory()
      const handle = await begin(store, 'endings', { how: 'wait' })
      await handle.begun
      handle.stop.ask(reason)
      expect((await handle.ended).kind).toBe(reason)
      expect(store.records.map(({ name }) => name)).toEqual(['before', 'ends'])
    },
  )

  it('records nothing when another attempt has it', async () => {
    const store = memory()
    const handle = await begin(store, 'endings', { how: 'wait' })
    await handle.begun
    store.lose()
    handle.stop.ask('lost')
    expect((await handle.ended).kind).toBe('interrupted')
    expect(store.records.map(({ name }) => name)).toEqual(['before'])
  })

  it('ends while it waits for the answer of a save', async () => {
    const store = memory()
    let saves = 0
    store.onSave = () => {
      saves++
      return new Promise(() => {})
    }
    const handle = await begin(store, 'waits')
    await until(() => saves === 1)
    handle.stop.ask('lost')
    expect((await handle.ended).kind).toBe('interrupted')
  })

  it('fails by the reason for which the database refuses a save', async () => {
    const store = memory()
    store.onSave = () => Promise.reject(Object.assign(new Error('refused'), { code: 'XX000' }))
    expect(await attempt(store, await make(kind), 'waits', {})).toMatchObject({
      kind: 'threw',
      error: { message: 'refused', code: 'XX000' },
    })
  })

  it('is handed a record of 2,000 steps', async () => {
    const store = memory()
    const executor = await make(kind)
    for (let n = 1; n <= 2_000; n++) {
      store.record({
        ...{ kind: 'step', name: `s${n - 1}`, result: `${n - 1}`, error: null },
        ...{ startedMs: n, endedMs: n },
      })
    }
    expect(await attempt(store, executor, 'many', { steps: 2_001 })).toMatchObject({
      kind: 'returned',
      result: '2001',
    })
    expect(store.records).toHaveLength(2_001)
  })
})

describe('a child of a durable job', () => {
  it.each([
    ['in a step', true],
    ['while it waits for the answer of a save', false],
  ])('that is killed %s is lost, and the next attempt continues', async (_, inStep) => {
    const store = memory()
    const executor = pools.process({ jobs, concurrency: 1 })
    let saves = 0
    if (!inStep) {
      store.onSave = () => {
        saves++
        return new Promise(() => {})
      }
    }
    const name = inStep ? 'endings' : 'waits'
    const handle = start(executor, name, { how: 'wait' }, {}, undefined, store.begin())
    if (inStep) await handle.begun
    else await until(() => saves === 1)
    process.kill(executor.pids[0]!, 'SIGKILL')
    expect((await handle.ended).kind).toBe('child-lost')
    const saved = store.records.map(({ name: one }) => one)
    expect(saved).toEqual(inStep ? ['before'] : ['one'])
    store.lose()
    store.onSave = () => {}
    const next = start(executor, name, { how: 'none' }, {}, undefined, store.begin())
    expect(await next.ended).toMatchObject({ kind: 'returned' })
    expect(store.records.map(({ name: one }) => one)).toEqual(
      inStep ? ['before', 'ends', 'after'] : ['one', 'two'],
    )
  })
})
