import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import type { PluginAccess, SavedAttempt } from '../../../src/plugin/index.ts'
import { Recorder } from '../../../src/plugins/metrics/recorder.ts'
import type { Entry } from '../../../src/plugins/metrics/series.ts'
import { parseSettings } from '../../../src/plugins/metrics/settings.ts'
import { Tally } from '../../../src/plugins/metrics/tally.ts'

interface Written {
  readonly source: string
  readonly seq: number
  readonly ageMs: number
  readonly entries: readonly Entry[]
}

const WORKER = '01900000-0000-7000-8000-000000000001'
let nowMs = 0
let written: Written[] = []
/** What the database says instead of an answer. */
let failure: Error | null = null
let listener: (payload: { jobs: readonly object[] }) => void = () => {}
const clock: Clock = {
  now: () => nowMs,
  monotonic: () => nowMs,
  sleep: () => new Promise(() => {}),
}
const access = {
  clock,
  log: { debug() {}, info() {}, warn() {}, error() {} },
  on: (_: string, given: typeof listener) => {
    listener = given
    return () => {}
  },
  database: {
    run: async (_: unknown, [source, seq, ageMs, data]: [string, number, number, string]) => {
      written.push({ source, seq, ageMs, entries: JSON.parse(data) as Entry[] })
      if (failure !== null) throw failure
    },
  },
} as unknown as PluginAccess
const make = () => new Recorder(access, parseSettings({}))
const saved = (given: Partial<SavedAttempt> = {}): SavedAttempt =>
  ({
    queue: 'mail',
    name: 'send',
    state: 'succeeded',
    isReleased: false,
    error: null,
    waitMs: 3,
    wallMs: 5,
    cpuMs: null,
    ...given,
  }) as SavedAttempt
const ambiguous = Object.assign(new Error('lost'), { code: '08006' })
const transient = Object.assign(new Error('no connection'), { code: '08001' })

beforeEach(() => {
  nowMs = 0
  written = []
  failure = null
})

describe('a recorder', () => {
  it('writes what a worker counted once, and nothing where nothing was counted', async () => {
    const recorder = make()
    recorder.of(WORKER).add(saved())
    nowMs = 10_000
    await recorder.flush()
    await recorder.flush()
    expect(written).toMatchObject([{ source: WORKER, seq: 0, ageMs: 5_000 }])
    expect(written[0]?.entries).toMatchObject([
      { k: 'job', q: 'mail', n: 'send', c: [1, 0, 0, 0, 0, 0, 0], s: [3, 5, 0], a: [1, 1] },
    ])
  })

  it('writes a flush without an answer again as it was, under its number, before the next one', async () => {
    const recorder = make()
    recorder.of(WORKER).add(saved())
    failure = ambiguous
    await expect(recorder.flush()).rejects.toBe(ambiguous)
    recorder.of(WORKER).add(saved({ name: 'other' }))
    failure = null
    await recorder.flush()
    expect(written.map(({ seq, entries }) => [seq, entries.map(({ n }) => n)])).toEqual([
      [0, ['send']],
      [0, ['send']],
      [1, ['other']],
    ])
  })

  it('gives up a flush in doubt after ten minutes, and keeps one that was surely not written', async () => {
    for (const [error, seqs] of [
      [ambiguous, [1]],
      [transient, [0, 1]],
    ] as const) {
      const recorder = make()
      recorder.of(WORKER).add(saved())
      failure = error
      await expect(recorder.flush()).rejects.toBe(error)
      recorder.of(WORKER).add(saved())
      nowMs += 601_000
      failure = null
      written = []
      await recorder.flush()
      expect(written.map(({ seq }) => seq)).toEqual(seqs)
    }
  })

  it('counts recovered jobs, by what became of them', async () => {
    const recorder = make()
    const job = { id: '1', queue: 'mail', name: 'send' }
    listener({
      jobs: [
        { ...job, state: 'pending' },
        { ...job, state: 'failed' },
      ],
    })
    await recorder.flush()
    expect(written[0]?.entries[0]?.c).toEqual([0, 1, 0, 1, 0, 0, 0])
  })

  it('never counts under a number twice, also after a pause', async () => {
    const recorder = make()
    for (let n = 0; n < 3; n++) {
      recorder.of(WORKER).add(saved())
      await recorder.flush()
      for (let idle = 0; idle < 40; idle++) await recorder.flush()
    }
    expect(written.map(({ seq }) => seq)).toEqual([0, 1, 2])
  })
})

describe('a tally', () => {
  it('tells each outcome of an attempt', () => {
    const tally = new Tally(500)
    const crash = { kind: 'crash' } as SavedAttempt['error']
    for (const given of [
      { state: 'succeeded' },
      { state: 'failed', error: crash },
      { state: 'retrying' },
      { state: 'retrying', error: crash },
      { state: 'cancelled' },
      { state: 'pending' },
      { state: 'pending', isReleased: true },
    ] as const)
      tally.add(saved(given))
    expect(tally.take()[0]?.c).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  it('holds a bounded number of series: what is over it counts as (other) of its queue', () => {
    const tally = new Tally(2)
    for (const name of ['a', 'b', 'c', 'd']) tally.add(saved({ name }))
    tally.add(saved({ queue: 'new', name: 'e' }))
    const found = tally.take().map(({ q, n, c }) => [q, n, c[0]])
    expect(found).toEqual([
      ['mail', 'a', 1],
      ['mail', 'b', 1],
      ['mail', '(other)', 2],
      ['(other)', '(other)', 1],
    ])
  })

  it('forgets a series that is not used any more, and makes room for another', () => {
    const tally = new Tally(1)
    tally.add(saved({ name: 'old' }))
    for (let n = 0; n < 40; n++) tally.take()
    tally.add(saved({ name: 'new' }))
    expect(tally.take().map(({ n }) => n)).toEqual(['new'])
  })

  it('counts queues of any name', () => {
    const tally = new Tally(10)
    for (const queue of ['__proto__', 'constructor', ''])
      tally.add(saved({ queue, name: '__proto__' }))
    expect(tally.take().map(({ q, c }) => [q, c[0]])).toEqual([
      ['__proto__', 1],
      ['constructor', 1],
      ['', 1],
    ])
  })
})
