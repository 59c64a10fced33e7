import { describe, expect, it } from 'vitest'
import { QueueTrends } from '../../../src/http/routes/queue-trends.ts'

const START = 1_800_000_000_000

/** The last forecast after counts at seconds from the start. */
function after(counts: readonly (readonly [seconds: number, waiting: number])[]): unknown {
  const trends = new QueueTrends()
  let last: unknown
  for (const [seconds, waiting] of counts)
    last = trends
      .forecasts([{ queue: 'mail', waiting, ageMs: 2_000 }], START + seconds * 1_000)
      .get('mail')
  return last
}

describe('The forecast of a queue', () => {
  it.each([
    ['is not known by one count', [[0, 500]], null],
    [
      'nor by two that are close',
      [
        [0, 500],
        [19, 100],
      ],
      null,
    ],
    [
      'says when it is empty',
      [
        [0, 500],
        [30, 400],
        [60, 300],
      ],
      { drainMs: 90_000, growsPerSecond: null },
    ],
    [
      'says how it grows',
      [
        [0, 100],
        [50, 600],
      ],
      { drainMs: null, growsPerSecond: 10 },
    ],
    [
      'says neither while it stays',
      [
        [0, 100],
        [60, 100],
      ],
      { drainMs: null, growsPerSecond: null },
    ],
    [
      'is none to wait for in an empty queue',
      [
        [0, 0],
        [60, 0],
      ],
      { drainMs: 0, growsPerSecond: null },
    ],
    [
      'forgets what is older than five minutes',
      [
        [0, 90_000],
        [200, 1_000],
        [400, 800],
      ],
      { drainMs: 800_000, growsPerSecond: null },
    ],
  ] as const)('%s', (_, counts, expected) => {
    expect(after(counts)).toEqual(expected)
  })

  it('goes by when the jobs were counted, and not by when it is asked', () => {
    const trends = new QueueTrends()
    const ask = (seconds: number, waiting: number, ageMs: number) =>
      trends.forecasts([{ queue: 'mail', waiting, ageMs }], START + seconds * 1_000).get('mail')
    expect(ask(0, 500, 0)).toBeNull()
    // The same count, which is a minute old.
    expect(ask(60, 500, 60_000)).toBeNull()
    expect(ask(61, 0, 1_000)).toEqual({ drainMs: 0, growsPerSecond: null })
  })

  it('is unknown where nothing was counted, and forgotten with its queue', () => {
    const trends = new QueueTrends()
    expect(
      trends.forecasts([{ queue: 'a', waiting: 5, ageMs: null }], START).get('a'),
    ).toBeUndefined()
    trends.forecasts([{ queue: 'a', waiting: 5, ageMs: 0 }], START)
    trends.forecasts([], START + 10_000)
    expect(
      trends.forecasts([{ queue: 'a', waiting: 1, ageMs: 0 }], START + 60_000).get('a'),
    ).toBeNull()
  })
})
