import { describe, expect, it } from 'vitest'
import { plainStyle } from '../../../../src/cli/terminal/style.ts'
import { textWidth } from '../../../../src/cli/terminal/text-width.ts'
import type { TopJob, TopQueue, TopState, TopWorker } from '../../../../src/cli/top/top-state.ts'
import { numberText, shares, topLines } from '../../../../src/cli/top/top-view.ts'

const at = new Date('2027-01-31T08:00:00Z')
const ago = (ms: number) => new Date(at.getTime() - ms)
const id = (n: number) => `0192f3a4-8b1c-7d2e-9f30-${String(n).padStart(12, '0')}`
const worker = (n: number, own: Partial<TopWorker> = {}): TopWorker => ({
  ...{ id: id(n), label: 'web-1', tags: [], queues: ['default', 'mail'], leads: n === 0 },
  ...{ paused: false, version: null, figures: null },
  ...{ startedAt: ago(3_723_000), renewedAt: ago(1_200), expiresAt: at, alive: true, running: 2 },
  ...own,
})
const queue = (name: string, own: Partial<TopQueue> = {}): TopQueue => ({
  name,
  state: 'active',
  jobs: {
    ...{ queue: name, waiting: 1_204, running: 2, scheduled: 0, blocked: 12 },
    ...{ oldestMs: 12_345, isEstimate: false, ageMs: 900 },
  },
  rate: {
    ...{ queue: name, perSecond: 812.34, started: 48_740, succeeded: 48_737, failed: 1 },
    ...{ retried: 2, crashed: 0, cancelled: 0, snoozed: 0, released: 0 },
  },
  ...own,
})
const jobOf = (n: number, own: Partial<TopJob> = {}): TopJob => ({
  ...{ id: id(n), name: 'send-mail', queue: 'mail', attempts: 1, maxAttempts: 3 },
  ...{ progress: { page: n }, workerId: id(0), startedAt: ago(n * 1_000) },
  ...own,
})
const state = (own: Partial<TopState> = {}): TopState => ({
  ...{ at, hasMore: false, countsAgeMs: 1_400, hasMetrics: true },
  workers: [worker(0), worker(1, { alive: false, running: 0 })],
  queues: [queue('default'), queue('mail', { state: 'paused' })],
  running: [jobOf(1), jobOf(5), jobOf(3)],
  ...own,
})
const view = (
  given: TopState,
  columns = 80,
  rows = 24,
  problem: string | null = null,
): readonly string[] =>
  topLines(given, {
    columns,
    rows,
    style: plainStyle,
    title: 'db.example.org:5432/app, schema chancy',
    problem,
  })

describe('The view of top', () => {
  it('says of a worker that it is paused, and not that it leads', () => {
    const lines = view(state({ workers: [worker(0, { paused: true })] })).join('\n')
    expect(lines).toMatch(/ paused +2 /)
    expect(lines).not.toContain('leads')
  })

  it('shows workers, queues and running jobs, the longest first, in 80 columns', () => {
    expect(view(state()).map((line) => line.trimEnd())).toEqual([
      'chancy top  db.example.org:5432/app, schema chancy                  08:00:00 UTC',
      '1 worker · 3 running · 2,408 waiting · 0 scheduled · 1,625/s · 6 failed in a mi…',
      '',
      'WORKER                                STATE  RUNNING     UP  QUEUES',
      `${id(0)}  leads        2  1h 2m  default mail`,
      `${id(1)}  lost         0  1h 2m  default mail`,
      '',
      'QUEUE    STATE   WAITING  RUNNING  SCHEDULED  BLOCKED  OLDEST  ENDED/S  FAILED',
      'default  active    1,204        0          0       12     12s      812       3',
      'mail     paused    1,204        3          0       12     12s      812       3',
      '',
      'RUNNING JOB  ID                                    QUEUE  FOR  TRY',
      `send-mail    ${id(5)}  mail    5s  1/3`,
      `send-mail    ${id(3)}  mail    3s  1/3`,
      `send-mail    ${id(1)}  mail    1s  1/3`,
      'q quit · counted 1s ago; ended/s and failed: a whole minute',
    ])
  })

  it('fits every terminal, whatever it shows, and says what is left out', () => {
    const many = state({
      workers: Array.from({ length: 30 }, (_, n) => worker(n, { label: '名前'.repeat(40) })),
      queues: Array.from({ length: 200 }, (_, n) => queue(`queue-${n}-${'x'.repeat(n)}`)),
      running: Array.from({ length: 100 }, (_, n) =>
        jobOf(n, { name: `job\x1b[2J\n${n}`, queue: '郵便'.repeat(30) }),
      ),
      hasMore: true,
    })
    for (const [columns, rows] of [
      [80, 24],
      [200, 60],
      [120, 30],
      [60, 14],
      [40, 10],
      [20, 5],
      [1, 1],
    ] as const) {
      for (const given of [many, state(), state({ workers: [], queues: [], running: [] })]) {
        const lines = view(given, columns, rows)
        expect(lines.length).toBeLessThanOrEqual(rows)
        for (const line of lines) {
          expect(textWidth(line), line).toBeLessThanOrEqual(columns)
          expect(line).not.toMatch(/[\x00-\x1f]/)
        }
      }
    }
    const text = view(many, 120, 30).join('\n')
    expect(text).toMatch(/… 2\d more\n/)
    expect(text).toMatch(/… 9\d or more/)
    // Where not all fit, those with the most to do come first.
    const busy = queue('zz-busy', { jobs: { ...queue('x').jobs!, waiting: 90_000 } })
    expect(view(state({ queues: [...many.queues, busy] }), 80, 24).join('\n')).toContain('zz-busy')
  })

  it('has more in a wide terminal: labels, renewals and progress', () => {
    const text = view(state(), 120).join('\n')
    expect(text).toMatch(/RENEWED\s+LABEL/)
    expect(text).toContain('web-1')
    expect(text).toContain('{"page":5}')
  })

  it('says why nothing is new, and what it cannot know', () => {
    expect(view(state(), 80, 24, 'nothing new for 12s: connect ECONNREFUSED')[1]).toBe(
      'nothing new for 12s: connect ECONNREFUSED',
    )
    const without = view(state({ hasMetrics: false, countsAgeMs: null })).join('\n')
    expect(without).toContain('without the plugin of metrics')
    expect(without).not.toContain('waiting ·')
    const fresh = view(
      state({ countsAgeMs: null, queues: [queue('default', { jobs: null, rate: null })] }),
    )
    expect(fresh.join('\n')).toMatch(/default\s+-\s+0\s+-/)
    expect(fresh.at(-1)).toContain('counted when a worker has run')
  })
})

describe('The height of a view', () => {
  it('is shared in turns, so that a long section leaves the others their lines', () => {
    expect(shares([2, 100, 3], 15)).toEqual([2, 10, 3])
    expect(shares([100, 100, 100], 9)).toEqual([3, 3, 3])
    expect(shares([1, 1, 1], 50)).toEqual([1, 1, 1])
    expect(shares([5, 5, 5], 0)).toEqual([1, 1, 1])
  })

  it('and numbers have six characters at most', () => {
    const rows = [
      [0, '0'],
      [1_204, '1,204'],
      [99_999, '99,999'],
      [123_456, '123k'],
      [4_540_000, '4.5M'],
      [250_000_000, '250M'],
    ] as const
    for (const [value, text] of rows) expect(numberText(value)).toBe(text)
  })
})
