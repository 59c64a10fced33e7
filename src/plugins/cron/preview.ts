import { checkInteger, checkOptions, inspect } from '../../core/check.ts'
import { systemClock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import type { CronExpression } from './expression.ts'
import { timesOfDay } from './fields.ts'
import { TIMING_OPTIONS, type TimingOptions, timingOf } from './timing.ts'
import { localMs, offsetMs } from './zone.ts'

/** One tick of a schedule, as its zone shows it. */
export interface PreviewTick {
  readonly at: Date
  /** The local time, as in `'2026-03-29T03:00:00'`. */
  readonly local: string
  /** How far local time is ahead of UTC, as in `'+02:00'`. */
  readonly offset: string
  /** What summer time does to the tick: it was moved out of a gap, or its local time comes twice. */
  readonly note?: string
}

/** Options of `preview`. */
export interface PreviewOptions {
  /** How many ticks: 1 to 1,000. Default: 10. */
  readonly count?: number | undefined
  /** Ticks at this instant and after it are shown. Default: the present. */
  readonly from?: Date | undefined
}

const DAY_MS = 86_400_000
const OTHER_OPTIONS = ['key', 'job', 'catchUp', 'overlap', 'jitter', 'paused']
const DEFAULT_COUNT = 10
const MAX_PREVIEW = 1_000
/** A local time that comes twice does so within this time, in milliseconds. */
const OVERLAP_MS = 3 * 3_600_000
/** The most times of a gap that a note names. */
const MAX_NAMED = 3

/**
 * The next ticks that options of a schedule give, without a database. Options beside those of the timing, such as
 * `key` and `job`, are not looked at, so those of `schedule` can be given whole; `jitter` is not in the ticks.
 *
 * @throws {ConfigError} for all that `schedule` refuses in a timing
 */
export function preview(options: TimingOptions, given?: PreviewOptions): PreviewTick[] {
  checkOptions(options ?? null, [...TIMING_OPTIONS, ...OTHER_OPTIONS], 'preview')
  const { count, from } = checkOptions(given, ['count', 'from'], 'preview') as PreviewOptions
  const limit = checkInteger(count ?? DEFAULT_COUNT, 'preview: count', { min: 1, max: MAX_PREVIEW })
  const start = from ?? new Date(systemClock.now())
  if (!(start instanceof Date) || Number.isNaN(start.getTime())) {
    throw new ConfigError(`preview: from: expected a Date, got ${inspect(from)}.`)
  }
  const timing = timingOf(options, start, 'preview')
  const { expression } = timing
  const ticks: PreviewTick[] = []
  let at = timing.nextFrom(start)
  while (at !== null && ticks.length < limit) {
    ticks.push(shown(at, expression))
    at = timing.next(at)
  }
  return ticks
}

function shown(at: Date, expression: CronExpression | null): PreviewTick {
  const timeZone = expression?.timeZone ?? 'UTC'
  const ms = at.getTime()
  const note = expression === null ? null : (movedNote(ms, expression) ?? twiceNote(ms, timeZone))
  return {
    at,
    local: new Date(localMs(ms, timeZone)).toISOString().slice(0, 19),
    offset: offsetText(offsetMs(ms, timeZone)),
    ...(note === null ? {} : { note }),
  }
}

/** The times of its own date that a gap left out, when the tick stands at the end of the gap. */
function movedNote(at: number, expression: CronExpression): string | null {
  const { fields, timeZone } = expression
  if (!fields.isFixedTime) return null
  const end = localMs(at, timeZone)
  const gapMs = offsetMs(at, timeZone) - offsetMs(at - 1_000, timeZone)
  const midnight = Math.floor(end / DAY_MS) * DAY_MS
  if (gapMs <= 0 || !expression.isOnDate(midnight)) return null
  const skipped = timesOfDay(fields, Math.max(0, end - gapMs - midnight), end - midnight)
  if (skipped.length === 0) return null
  const named = skipped.slice(0, MAX_NAMED).map(clockText)
  if (skipped.length > MAX_NAMED) named.push('…')
  const verb = skipped.length === 1 ? 'does' : 'do'
  return `moved: ${named.join(', ')} ${verb} not exist on ${new Date(midnight).toISOString().slice(0, 10)}`
}

function twiceNote(at: number, timeZone: string): string | null {
  const local = localMs(at, timeZone)
  const offset = offsetMs(at, timeZone)
  const isTwin = (other: number) => other !== at && localMs(other, timeZone) === local
  const name = clockText(((local % DAY_MS) + DAY_MS) % DAY_MS)
  if (isTwin(at + offset - offsetMs(at + OVERLAP_MS, timeZone))) return `first of two ${name}`
  if (isTwin(at + offset - offsetMs(at - OVERLAP_MS, timeZone))) return `second of two ${name}`
  return null
}

/** `02:30`, or `02:30:15` where there are seconds. */
function clockText(timeOfDayMs: number): string {
  const text = new Date(timeOfDayMs).toISOString().slice(11, 19)
  return text.endsWith(':00') ? text.slice(0, 5) : text
}

function offsetText(ms: number): string {
  const text = new Date(Math.abs(ms)).toISOString().slice(11, 19)
  return `${ms < 0 ? '-' : '+'}${text.endsWith(':00') ? text.slice(0, 5) : text}`
}
