import type { Bounds } from './job-filter.ts'

const DAY_MS = 86_400_000
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
}
const DURATION = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d|w)$/
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?(Z|[+-]\d\d:?\d\d)?)?$/
/** Beyond, PostgreSQL and JavaScript disagree on what there is. */
const MIN_YEAR = 1970
/** A day of a zone begins at most this long before or after that of UTC. */
const ZONE_MS = 16 * 3_600_000

/** A duration in milliseconds, or null. */
export function spanMs(text: string): number | null {
  const match = DURATION.exec(text)
  if (match === null) return null
  const ms = Math.round(Number(match[1]) * UNIT_MS[match[2]!]! * 1_000) / 1_000
  return ms <= 3_650 * DAY_MS ? ms : null
}

/** Whether a text is a day, a time, or a duration. */
export function isMoment(text: string): boolean {
  return spanMs(text) !== null || partsOf(text) !== null
}

export interface TimeSetting {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Of days, and of times without an offset: the name of a zone, such as `Europe/Berlin`. */
  readonly timeZone: string
}

/** From `from` on and before `to`, in milliseconds since the epoch; null: no bound. */
export interface TimeRange {
  readonly from: number | null
  readonly to: number | null
}

/** What bounds mean at a time. `isForward`: durations count from now on, and not back. */
export function timeRange(
  bounds: Bounds<string>,
  setting: TimeSetting,
  isForward: boolean,
): TimeRange {
  const of = (text: string | undefined, isEnd: boolean): number | null =>
    text === undefined ? null : instant(text, setting, isForward, isEnd)
  const { gt, gte, lt, lte } = bounds
  const from = highest(of(gte, false), of(gt, true))
  const to = lowest(of(lt, false), of(lte, true))
  return { from, to }
}

/**
 * A moment in milliseconds since the epoch. With `isEnd`: the first millisecond behind it, which for a day is the next
 * one.
 */
function instant(
  text: string,
  { now, timeZone }: TimeSetting,
  isForward: boolean,
  isEnd: boolean,
): number {
  const span = spanMs(text)
  if (span !== null) return Math.round(isForward ? now + span : now - span) + (isEnd ? 1 : 0)
  const parts = partsOf(text)
  if (parts === null) return Number.NaN
  const { local, offsetMs, isDay } = parts
  if (isDay) return instantOf(isEnd ? local + DAY_MS : local, timeZone)
  return (offsetMs === null ? instantOf(local, timeZone) : local - offsetMs) + (isEnd ? 1 : 0)
}

function partsOf(text: string): { local: number; offsetMs: number | null; isDay: boolean } | null {
  const match = TIME.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0)) as [number, number, number, number, number, number]
  const ms = Number((match[7] ?? '0').padEnd(3, '0'))
  const local = Date.UTC(year, month - 1, day, hour, minute, second, ms)
  const isReal =
    year >= MIN_YEAR &&
    new Date(local).toISOString().startsWith(text.slice(0, 10)) &&
    hour < 24 &&
    minute < 60 &&
    second < 60
  if (!isReal) return null
  return { local, offsetMs: offsetOf(match[8]), isDay: match[4] === undefined }
}

function offsetOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (text === 'Z') return 0
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(-2))]
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

/** The first instant at which the clocks of a zone show this time, or a later one where they skip it. */
function instantOf(local: number, timeZone: string): number {
  if (timeZone === 'UTC') return local
  let [low, high] = [local - ZONE_MS, local + ZONE_MS]
  const shown = clockOf(timeZone)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (shown(middle) >= local) high = middle
    else low = middle
  }
  return high
}

/** What the clocks of a zone show at an instant, as if it were a time of UTC. */
function clockOf(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  return (at) => {
    const second = Math.floor(at / 1_000) * 1_000
    const parts = new Map(
      format.formatToParts(second).map(({ type, value }) => [type, Number(value)]),
    )
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
    const shown = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    )
    return shown + (at - second)
  }
}

/** Whether there is a zone of this name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function highest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}

function lowest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}
