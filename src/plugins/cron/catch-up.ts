import { checkInteger, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import { jitterOf } from './jitter.ts'
import { MAX_COUNT, type Timing } from './timing.ts'

/**
 * What becomes of ticks that are late because no worker could fire them: none is fired (`'skip'`), the newest
 * (`'last'`), or the newest `all`, 1 to 1,000, oldest first.
 */
export type CatchUp = 'skip' | 'last' | { readonly all: number }

/** A tick is on time for so long after it was due, in milliseconds: another worker had to take over. */
export const GRACE_MS = 60_000

/** @throws {ConfigError} */
export function checkCatchUp(value: unknown, what: string): CatchUp {
  if (value === 'skip' || value === 'last') return value
  if (isPlainObject(value) && Object.keys(value).join() === 'all') {
    return { all: checkInteger(value.all, `${what}: all`, { min: 1, max: MAX_COUNT }) }
  }
  throw new ConfigError(`${what}: expected "skip", "last" or { all: n }, got ${inspect(value)}.`)
}

/** A schedule as its row has it, at one instant of the database. */
export interface DueSchedule {
  readonly key: string
  readonly timing: Timing
  readonly catchUp: CatchUp
  readonly jitterMs: number
  /** The tick that comes next, by the row. It is a tick even when the timing was changed since. */
  readonly nextAt: Date
  /** The time of the database. */
  readonly now: Date
}

/** A tick to come, and when it is fired: later than the tick by its jitter. */
export interface PlannedTick {
  readonly at: Date
  readonly dueAt: Date
}

/** Ticks that are left out: how many, counted to 1,000, the oldest and the newest of them. */
export interface MissedTicks {
  readonly count: number
  readonly from: Date
  readonly to: Date
}

/** What is to be done about a schedule now. */
export interface FiringPlan {
  /** The ticks to fire, oldest first. */
  readonly fire: readonly Date[]
  readonly missed: MissedTicks | null
  /** The tick after the newest that is due, or null: the schedule has ended. */
  readonly next: PlannedTick | null
}

/**
 * Which ticks of a schedule are fired now, which were missed, and which is next. Every tick from `nextAt` on is one
 * of the three, once: the next plan begins where this one ended. Nothing is due when the clock was set back.
 */
export function planFiring(schedule: DueSchedule): FiringPlan {
  const { timing, nextAt, now } = schedule
  if (timing.isOver(nextAt)) return { fire: [], missed: null, next: null }
  if (dueAt(schedule, nextAt) > now) {
    return { fire: [], missed: null, next: { at: nextAt, dueAt: dueAt(schedule, nextAt) } }
  }
  const wanted = wantedTicks(schedule)
  const due = dueTicks(schedule, Math.max(1, wanted))
  const newest = due.at(-1) ?? nextAt
  const isLate = now.getTime() - dueAt(schedule, newest).getTime() > GRACE_MS
  const fire = schedule.catchUp === 'skip' && isLate ? [] : due.slice(-wanted)
  return {
    fire,
    missed: missedTicks(schedule, fire[0] ?? null, newest),
    next: planTick(schedule, timing.next(newest)),
  }
}

/** The tick with its jitter. */
export function planTick(
  schedule: Pick<DueSchedule, 'key' | 'timing' | 'jitterMs'>,
  tick: Date | null,
): PlannedTick | null {
  return tick === null ? null : { at: tick, dueAt: dueAt(schedule, tick) }
}

function wantedTicks({ catchUp }: DueSchedule): number {
  return typeof catchUp === 'object' ? catchUp.all : 1
}

/** The newest `count` due ticks, oldest first. */
function dueTicks(schedule: DueSchedule, count: number): readonly Date[] {
  const { timing, nextAt, now } = schedule
  // The jitter of a tick ends before the next one, so that only the newest may not be due yet.
  const ticks = timing.latest(count + 1, now, nextAt)
  const newest = ticks.at(-1)
  if (newest !== undefined && dueAt(schedule, newest) > now) ticks.pop()
  return [nextAt, ...ticks].slice(-count)
}

function missedTicks(
  { timing, nextAt }: DueSchedule,
  firstFired: Date | null,
  newest: Date,
): MissedTicks | null {
  if (firstFired !== null && firstFired <= nextAt) return null
  const end = firstFired ?? new Date(newest.getTime() + 1)
  const afterFirst = new Date(nextAt.getTime() + 1)
  // The first one is counted apart: it may be of an earlier timing.
  const count = Math.min(MAX_COUNT, 1 + timing.count(afterFirst, end))
  const [last] = timing.latest(1, new Date(end.getTime() - 1), nextAt)
  return { count, from: nextAt, to: last ?? nextAt }
}

function dueAt(
  { key, timing, jitterMs }: Pick<DueSchedule, 'key' | 'timing' | 'jitterMs'>,
  tick: Date,
): Date {
  if (jitterMs === 0) return tick
  return new Date(tick.getTime() + jitterOf(key, tick, timing.next(tick), jitterMs))
}
