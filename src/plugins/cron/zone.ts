import { inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'

const formats = new Map<string, Intl.DateTimeFormat>()

/** A name that stands for an offset: `+02:00`, `UTC+2`, `GMT-3`. Intl takes some of them. */
const OFFSET = /^(?:(?:UTC|GMT)?[+-]\d|[+-])/i

/**
 * Checks the name of a zone against the zone data of this Node.
 *
 * @throws {ConfigError}
 */
export function checkTimeZone(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') {
    throw new ConfigError(
      `${what}: expected the IANA name of a zone such as "Europe/Berlin", got ${inspect(value)}.`,
    )
  }
  if (OFFSET.test(value)) {
    throw new ConfigError(
      `${what}: an offset knows no summer time; expected the IANA name of a zone such as "Europe/Berlin", got ${inspect(value)}.`,
    )
  }
  try {
    formatFor(value)
  } catch (cause) {
    throw new ConfigError(
      `${what}: expected the IANA name of a zone that this Node knows (zone data ${process.versions.tz ?? 'unknown'}), got ${inspect(value)}.`,
      { cause, details: { timeZone: value, zoneData: process.versions.tz ?? null } },
    )
  }
  return value
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  return format
}

/**
 * The local time of an instant, as milliseconds since the epoch of a clock that shows it in UTC. What is
 * below a second is dropped.
 */
export function localMs(at: number, timeZone: string): number {
  const found: Record<string, number> = {}
  let isBefore = false
  for (const { type, value } of formatFor(timeZone).formatToParts(at)) {
    if (type === 'era') isBefore = value.startsWith('B')
    else if (type !== 'literal') found[type] = Number(value)
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found
  const local = new Date(0)
  local.setUTCFullYear(isBefore ? 1 - year : year, month - 1, day)
  return local.setUTCHours(hour, minute, second, 0)
}

/** How far the local time is ahead of UTC at an instant, in milliseconds. */
export function offsetMs(at: number, timeZone: string): number {
  return localMs(at, timeZone) - Math.floor(at / 1_000) * 1_000
}

const SPAN_MS = 86_400_000
/** The most days that are compared. */
const MAX_COMPARED = 40
/** Days whose offsets are kept for one zone: three years. */
const MAX_SPANS = 1_100
const spans = new Map<string, Map<number, number | null>>()

/**
 * The offset that a zone has from one instant to another, when it is the same all the time, else null. Of a long
 * time it is not found out, which is null as well. No zone moves its clocks forth and back within a day, so the two
 * ends of a day say whether it changed.
 */
export function constantOffset(timeZone: string, from: number, to: number): number | null {
  const first = Math.floor(from / SPAN_MS)
  const last = Math.floor(to / SPAN_MS)
  if (last - first > MAX_COMPARED) return null
  const offset = spanOffset(timeZone, first)
  for (let span = first + 1; span <= last && offset !== null; span++) {
    if (spanOffset(timeZone, span) !== offset) return null
  }
  return offset
}

function spanOffset(timeZone: string, span: number): number | null {
  let known = spans.get(timeZone)
  if (known === undefined) {
    known = new Map()
    spans.set(timeZone, known)
  }
  let offset = known.get(span)
  if (offset === undefined) {
    const start = offsetMs(span * SPAN_MS, timeZone)
    offset = offsetMs((span + 1) * SPAN_MS, timeZone) === start ? start : null
    if (known.size >= MAX_SPANS) known.clear()
    known.set(span, offset)
  }
  return offset
}
