import { inspect } from '../../core/check.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { type CronExpression, cronExpression } from './expression.ts'
import { Interval } from './interval.ts'

/** When a schedule has its ticks: `cron` or `every`. */
export interface TimingOptions {
  /** A cron expression of five fields, or of six with the second first. */
  readonly cron?: string | undefined
  /** The time from tick to tick, from `'1s'`, counted from `startsAt` or else from the first declaration. */
  readonly every?: Duration | undefined
  /** The zone of `cron`, an IANA name. Default: `'UTC'`. */
  readonly timeZone?: string | undefined
  /** The first instant that may be a tick. Default: none. */
  readonly startsAt?: Date | undefined
  /** The first instant that is too late for a tick. Default: none. */
  readonly endsAt?: Date | undefined
}

interface SpecLimits {
  /** The form of this object. A release that changes its meaning writes another number. */
  readonly version: 1
  readonly startsAt?: string
  readonly endsAt?: string
}

/** A timing as a row keeps it, in JSON. Instants are texts in ISO 8601, in UTC. */
export type TimingSpec =
  | (SpecLimits & { readonly cron: string; readonly timeZone: string })
  /** `every` in milliseconds; `anchor` is where it counts from. */
  | (SpecLimits & { readonly every: number; readonly anchor: string })

/** The names of the options of a timing. */
export const TIMING_OPTIONS = ['cron', 'every', 'timeZone', 'startsAt', 'endsAt'] as const

const DEFAULT_ZONE = 'UTC'
const MIN_EVERY_MS = 1_000
/** Ticks are counted to here; a count of this many means at least as many. */
export const MAX_COUNT = 1_000

/**
 * The ticks of a schedule: instants, ascending, each of which is one firing. Immutable. `timingOf` makes one of
 * options, `readTiming` of what a row keeps.
 */
export class Timing {
  /** What a row keeps. */
  readonly spec: TimingSpec
  readonly #ticks: CronExpression | Interval
  readonly #startMs: number
  readonly #endMs: number

  /** @throws {ConfigError} when the expression or the zone is not known here */
  constructor(spec: TimingSpec, what = 'schedule') {
    this.spec = spec
    this.#startMs =
      spec.startsAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(spec.startsAt)
    this.#endMs = spec.endsAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(spec.endsAt)
    this.#ticks =
      'cron' in spec
        ? cronExpression(spec.cron, spec.timeZone, what)
        : new Interval(spec.every, firstTickMs(spec.every, spec.anchor, spec.startsAt))
  }

  /** The expression, or null with `every`. */
  get expression(): CronExpression | null {
    return this.#ticks instanceof Interval ? null : this.#ticks
  }

  /** The first tick after an instant, or null: there is none before `endsAt`. */
  next(after: Date): Date | null {
    const from = Math.max(after.getTime(), this.#startMs - 1)
    return this.#beforeEnd(this.#ticks.next(new Date(from)))
  }

  /** The first tick at an instant or after it, or null. */
  nextFrom(from: Date): Date | null {
    return this.next(new Date(from.getTime() - 1))
  }

  /**
   * The newest `count` ticks up to and including `at`, oldest first; with `after`, only those that are later. It
   * walks back from the newest, so it costs no more than what it returns.
   */
  latest(count: number, at: Date, after?: Date): Date[] {
    const to = new Date(Math.min(at.getTime(), this.#endMs - 1))
    const bound = after?.getTime() ?? Number.NEGATIVE_INFINITY
    return this.#ticks.latest(count, to, Math.max(bound, this.#startMs - 1))
  }

  /** How many ticks are at or after `from` and before `to`, counted to 1,000. */
  count(from: Date, to: Date): number {
    const start = new Date(Math.max(from.getTime(), this.#startMs))
    const end = new Date(Math.min(to.getTime(), this.#endMs))
    return this.#ticks.count(start, end, MAX_COUNT)
  }

  /** Whether an instant is too late for a tick. */
  isOver(at: Date): boolean {
    return at.getTime() >= this.#endMs
  }

  #beforeEnd(tick: Date | null): Date | null {
    return tick === null || this.isOver(tick) ? null : tick
  }
}

/** With `startsAt` that is the first tick, else the first one is an interval after the declaration. */
function firstTickMs(every: number, anchor: string, startsAt: string | undefined): number {
  return startsAt === undefined ? Date.parse(anchor) + every : Date.parse(startsAt)
}

/**
 * Checks the options of a timing. `declaredAt` is when the key was declared first, by the clock of the database:
 * `every` without `startsAt` counts from there, so a later declaration of the same key gives the same instant.
 *
 * @throws {ConfigError} with the reason, also for an expression that never happens
 */
export function timingOf(options: TimingOptions, declaredAt: Date, what = 'schedule'): Timing {
  const { cron, every, timeZone, startsAt, endsAt } = options
  if ((cron === undefined) === (every === undefined)) {
    throw new ConfigError(
      `${what}: expected either cron or every, got ${cron === undefined ? 'neither' : 'both'}.`,
    )
  }
  const limits = limitsOf(startsAt, endsAt, what)
  if (cron !== undefined) {
    const timing = new Timing(
      { version: 1, cron, timeZone: timeZone === undefined ? DEFAULT_ZONE : timeZone, ...limits },
      what,
    )
    if (timing.expression?.everHappens === false) throw neverHappens(cron, what)
    return timing
  }
  if (timeZone !== undefined) {
    throw new ConfigError(
      `${what}: timeZone goes with cron only; every counts real time, the same in all zones. Leave timeZone out, or write a cron expression.`,
    )
  }
  const everyMs = durationMs(every, `${what}: every`)
  if (everyMs < MIN_EVERY_MS) {
    throw new ConfigError(`${what}: every: expected at least 1s, got ${inspect(every)}.`)
  }
  const anchor = limits.startsAt ?? declaredAt.toISOString()
  return new Timing({ version: 1, every: everyMs, anchor, ...limits }, what)
}

function neverHappens(cron: string, what: string): ConfigError {
  return new ConfigError(
    `${what}: cron: no year has such a date, so ${inspect(cron)} never happens. Correct its day of month, month and day of week.`,
    { details: { expression: cron, reason: 'never happens' } },
  )
}

function limitsOf(
  startsAt: unknown,
  endsAt: unknown,
  what: string,
): { readonly startsAt?: string; readonly endsAt?: string } {
  const start = startsAt === undefined ? undefined : instant(startsAt, `${what}: startsAt`)
  const end = endsAt === undefined ? undefined : instant(endsAt, `${what}: endsAt`)
  if (start !== undefined && end !== undefined && end <= start) {
    throw new ConfigError(
      `${what}: endsAt: expected an instant after startsAt (${start.toISOString()}), got ${end.toISOString()}.`,
    )
  }
  return {
    ...(start === undefined ? {} : { startsAt: start.toISOString() }),
    ...(end === undefined ? {} : { endsAt: end.toISOString() }),
  }
}

/** The library knows the years 1 to 9999, and so do all zones. */
const [MIN_YEAR, MAX_YEAR] = [1_000, 9_999]

function instant(value: unknown, what: string): Date {
  if (value instanceof Date) {
    const year = value.getUTCFullYear()
    if (year >= MIN_YEAR && year <= MAX_YEAR) return new Date(value)
  }
  throw new ConfigError(
    `${what}: expected a Date of the years ${MIN_YEAR} to ${MAX_YEAR}, got ${inspect(value)}.`,
  )
}
