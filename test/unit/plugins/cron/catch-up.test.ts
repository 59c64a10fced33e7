import { describe, expect, it } from 'vitest'
import {
  type CatchUp,
  checkCatchUp,
  type FiringPlan,
  planFiring,
} from '../../../../src/plugins/cron/catch-up.ts'
import { type Timing, type TimingOptions, timingOf } from '../../../../src/plugins/cron/timing.ts'

const at = (text: string): Date => new Date(`2026-01-01T${text}Z`)
const declaredAt = at('00:00:00')
const iso = (ticks: readonly Date[]): string[] =>
  ticks.map((tick) => tick.toISOString().slice(11, 19))

interface Case extends TimingOptions {
  readonly catchUp: CatchUp
  readonly jitterMs?: number
}

function plan({ catchUp, jitterMs = 0, ...options }: Case, nextAt: Date, now: Date): FiringPlan {
  const timing = timingOf(options, declaredAt)
  return planFiring({ key: 'report', timing, catchUp, jitterMs, nextAt, now })
}

describe('the plan of a firing', () => {
  const hourly = { cron: '0 * * * *' }

  it('fires a tick at its instant, with every rule', () => {
    for (const catchUp of ['skip', 'last', { all: 3 }] as const) {
      const { fire, missed, next } = plan({ ...hourly, catchUp }, at('03:00:00'), at('03:00:00'))
      expect(iso(fire)).toEqual(['03:00:00'])
      expect(missed).toBeNull()
      expect(next).toEqual({ at: at('04:00:00'), dueAt: at('04:00:00') })
    }
  })

  it('fires nothing before the instant, as after a clock that was set back', () => {
    expect(plan({ ...hourly, catchUp: 'last' }, at('05:00:00'), at('01:30:00'))).toEqual({
      fire: [],
      missed: null,
      next: { at: at('05:00:00'), dueAt: at('05:00:00') },
    })
  })

  it('skips a tick that is over a minute late, and counts it as missed', () => {
    const onTime = plan({ ...hourly, catchUp: 'skip' }, at('03:00:00'), at('03:01:00'))
    expect([iso(onTime.fire), onTime.missed]).toEqual([['03:00:00'], null])
    const late = plan({ ...hourly, catchUp: 'skip' }, at('03:00:00'), at('03:01:00.001'))
    expect(late.fire).toEqual([])
    expect(late.missed).toEqual({ count: 1, from: at('03:00:00'), to: at('03:00:00') })
    expect(late.next?.at).toEqual(at('04:00:00'))
  })

  it('fires the newest tick of a schedule that comes more often than once a minute, and no other', () => {
    for (const catchUp of ['skip', 'last'] as const) {
      const { fire, missed } = plan({ every: '1s', catchUp }, at('03:00:00'), at('03:00:04.500'))
      expect(iso(fire)).toEqual(['03:00:04'])
      expect(missed).toEqual({ count: 4, from: at('03:00:00'), to: at('03:00:03') })
    }
  })

  it('goes by the rule after an hour without a database', () => {
    const outage = [at('03:00:00'), at('04:02:00')] as const
    const fired = (catchUp: CatchUp) => {
      const { fire, missed, next } = plan({ cron: '*/10 * * * *', catchUp }, ...outage)
      return [iso(fire).join(), missed?.count ?? 0, iso([next!.at]).join()]
    }
    expect(fired('last')).toEqual(['04:00:00', 6, '04:10:00'])
    expect(fired('skip')).toEqual(['', 7, '04:10:00'])
    expect(fired({ all: 1 })).toEqual(['04:00:00', 6, '04:10:00'])
    expect(fired({ all: 3 })).toEqual(['03:40:00,03:50:00,04:00:00', 4, '04:10:00'])
    expect(fired({ all: 7 })[1]).toBe(0)
    expect(fired({ all: 1_000 })[1]).toBe(0)
  })

  it('counts what was missed to 1,000, and says from when to when', () => {
    const now = new Date('2026-03-01T00:00:30Z')
    const { fire, missed } = plan({ cron: '* * * * * *', catchUp: 'last' }, at('00:00:01'), now)
    expect(fire).toEqual([now])
    expect(missed).toEqual({
      count: 1_000,
      from: at('00:00:01'),
      to: new Date('2026-03-01T00:00:29Z'),
    })
  })

  it('takes the next tick of the row for one although the timing was changed since', () => {
    const { fire, missed, next } = plan(
      { ...hourly, catchUp: { all: 10 } },
      at('03:07:12'),
      at('05:00:00'),
    )
    expect(iso(fire)).toEqual(['03:07:12', '04:00:00', '05:00:00'])
    expect(missed).toBeNull()
    expect(next?.at).toEqual(at('06:00:00'))
    const last = plan({ ...hourly, catchUp: 'last' }, at('03:07:12'), at('05:00:00'))
    expect(last.missed).toEqual({ count: 2, from: at('03:07:12'), to: at('04:00:00') })
  })

  it('ends with endsAt', () => {
    const ending = { ...hourly, catchUp: 'last', endsAt: at('04:00:00') } as const
    const { fire, missed, next } = plan(ending, at('02:00:00'), at('09:00:00'))
    expect([iso(fire), missed?.count, next]).toEqual([['03:00:00'], 1, null])
    expect(plan(ending, at('04:00:00'), at('09:00:00'))).toEqual({
      fire: [],
      missed: null,
      next: null,
    })
  })

  it('waits for the jitter of a tick, from which its lateness counts', () => {
    const jittered = { ...hourly, catchUp: 'skip', jitterMs: 3_600_000 } as const
    const { next, fire } = plan(jittered, at('03:00:00'), at('03:00:00'))
    expect(fire).toEqual([])
    const dueAt = next!.dueAt
    expect(dueAt.getTime()).toBeGreaterThan(at('03:01:00').getTime())
    expect(dueAt.getTime()).toBeLessThan(at('03:30:00').getTime())
    expect(iso(plan(jittered, at('03:00:00'), dueAt).fire)).toEqual(['03:00:00'])
    const late = new Date(dueAt.getTime() + 60_001)
    expect(plan(jittered, at('03:00:00'), late).fire).toEqual([])
  })

  it('knows three rules and nothing else', () => {
    expect(checkCatchUp({ all: 1_000 }, 'catchUp')).toEqual({ all: 1_000 })
    for (const value of ['all', { all: 0 }, { all: 1_001 }, { all: 1, last: true }, null, 5, []]) {
      expect(() => checkCatchUp(value, 'catchUp')).toThrow(/^catchUp/)
    }
  })
})

describe('every tick is fired once or counted as missed', () => {
  const timings: readonly TimingOptions[] = [
    { cron: '*/7 * * * *' },
    { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
    { cron: '*/10 1-3 * * SUN', timeZone: 'Europe/Berlin' },
    { every: '45s' },
    {
      every: '1h',
      startsAt: new Date('2026-03-28T00:10:00Z'),
      endsAt: new Date('2026-04-02T00:00:00Z'),
    },
  ]
  const rules: readonly CatchUp[] = ['skip', 'last', { all: 1 }, { all: 4 }, { all: 50 }]
  const cases = timings.flatMap((options) =>
    rules.flatMap((catchUp) => [0, 900_000].map((jitterMs) => ({ options, catchUp, jitterMs }))),
  )

  it.each(cases)('%o', ({ options, catchUp, jitterMs }) => {
    const start = new Date('2026-03-27T00:00:00Z')
    const timing = timingOf(options, start)
    const fired: Date[] = []
    const missed: { from: Date; to: Date; count: number }[] = []
    const random = numbers(JSON.stringify([options, catchUp, jitterMs]).length)
    let nextAt = timing.next(start)
    let highest = start.getTime()
    let now = start.getTime()
    for (let step = 0; step < 400 && nextAt !== null; step++) {
      // A worker that looks often, one that was away for hours, and a clock that is set back.
      const dice = random()
      now +=
        dice < 0.8
          ? random() * 600_000
          : dice < 0.95
            ? random() * 12 * 3_600_000
            : -random() * 6 * 3_600_000
      const plan = planFiring({ key: 'k', timing, catchUp, jitterMs, nextAt, now: new Date(now) })
      fired.push(...plan.fire)
      if (plan.missed !== null) missed.push(plan.missed)
      for (const tick of plan.fire) expect(tick.getTime()).toBeLessThanOrEqual(now)
      highest = Math.max(highest, now)
      nextAt = plan.next?.at ?? null
    }
    const end = nextAt ?? new Date(highest + 1)
    expect(accounted(timing, fired, missed).join()).toBe(ticksOf(timing, start, end).join())
  })
})

/** Every tick that was fired, or lies in what was missed, in the order of time. */
function accounted(
  timing: Timing,
  fired: readonly Date[],
  missed: readonly { from: Date; to: Date; count: number }[],
): number[] {
  const left = missed.flatMap(({ from, to, count }) => {
    const ticks = ticksOf(timing, new Date(from.getTime() - 1), new Date(to.getTime() + 1))
    expect(count).toBe(Math.min(1_000, ticks.length))
    return ticks
  })
  return [...fired.map(Number), ...left].sort((a, b) => a - b)
}

/** The ticks after one instant and before another. */
function ticksOf(timing: Timing, after: Date, before: Date): number[] {
  const ticks: number[] = []
  let tick = timing.next(after)
  while (tick !== null && tick < before) {
    ticks.push(tick.getTime())
    tick = timing.next(tick)
  }
  return ticks
}

/** Numbers from 0 to 1 that are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
