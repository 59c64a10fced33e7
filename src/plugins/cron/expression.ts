import { Cron } from 'croner'
import { ConfigError } from '../../core/errors.ts'
import { type CronFields, countBefore, readFields } from './fields.ts'
import { checkTimeZone, constantOffset } from './zone.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Around a change of the offset the library decides: it looks this far for a time that is twice there. */
const MARGIN_MS = 3 * 3_600_000

/** How much time is counted in one step. */
const COUNTED_MS = DAY_MS

/** An expression in a zone. This file alone knows the library that finds its ticks. */
export class CronExpression {
  /** As it was given. */
  readonly text: string
  readonly timeZone: string
  readonly fields: CronFields
  #zoned: Cron | null = null
  /** The expression at one offset, in minutes: a tenth of the cost of a zone. */
  readonly #atOffset = new Map<number, Cron>()
  #dates: Cron | null = null

  /** @throws {ConfigError} when the expression is not understood or the zone is unknown */
  constructor(text: unknown, timeZone: unknown, what: string) {
    this.fields = readFields(text, `${what}: cron`)
    this.text = (text as string).trim()
    this.timeZone = checkTimeZone(timeZone, `${what}: timeZone`)
  }

  /** Whether any year has a date that it names. By the dates alone: such a date comes in every zone. */
  get everHappens(): boolean {
    return this.#datesOnly().nextRun(new Date(0)) !== null
  }

  /** The first tick after an instant, or null. */
  next(after: Date): Date | null {
    const from = wholeSecond(after)
    const quick = this.#ordinary(from)?.nextRun(new Date(from)) ?? null
    if (quick !== null && this.#isConstant(from, quick.getTime())) return quick
    return this.#inZone().nextRun(new Date(from))
  }

  /** The newest `count` ticks after `after` and up to and including `at`, oldest first. */
  latest(count: number, at: Date, after: number): Date[] {
    // The library leaves out the instant itself.
    let before = wholeSecond(at) + SECOND_MS
    const found: Date[] = []
    while (found.length < count) {
      const quick = this.#ordinary(before)?.previousRuns(1, new Date(before))[0]
      const tick =
        quick !== undefined && this.#isConstant(quick.getTime(), before)
          ? quick
          : this.#inZone().previousRuns(1, new Date(before))[0]
      if (tick === undefined || tick.getTime() <= after) break
      found.push(tick)
      before = tick.getTime()
    }
    return found.reverse()
  }

  /** How many ticks are at or after `from` and before `to`, counted to `max`. */
  count(from: Date, to: Date, max: number): number {
    let count = 0
    let at = from.getTime()
    while (at < to.getTime() && count < max) {
      const end = Math.min(at + COUNTED_MS, to.getTime())
      const offset = constantOffset(this.timeZone, at - MARGIN_MS, end + MARGIN_MS)
      count +=
        offset === null
          ? this.#walk(at, end, max - count)
          : this.#countLocal(at + offset, end + offset)
      at = end
    }
    return Math.min(count, max)
  }

  #walk(from: number, to: number, max: number): number {
    let count = 0
    let tick = this.next(new Date(from - 1))
    while (tick !== null && tick.getTime() < to && count < max) {
      count++
      tick = this.next(tick)
    }
    return count
  }

  /** At one offset: from one local time to before another, without going through the ticks. */
  #countLocal(from: number, to: number): number {
    let count = 0
    for (let day = Math.floor(from / DAY_MS) * DAY_MS; day < to; day += DAY_MS) {
      if (!this.isOnDate(day)) continue
      const [start, end] = [Math.max(0, from - day), Math.min(DAY_MS, to - day)]
      count += countBefore(this.fields, end) - countBefore(this.fields, start)
    }
    return count
  }

  /** Whether the fields of the date are true of a day, given as an instant of it in UTC. */
  isOnDate(ms: number): boolean {
    return this.#datesOnly().match(new Date(Math.floor(ms / DAY_MS) * DAY_MS))
  }

  /** Midnight of each date. At one offset no time is twice there, so that `match` can be relied on. */
  #datesOnly(): Cron {
    this.#dates ??= parse(`0 0 0 ${this.fields.date}`, { utcOffset: 0 })
    return this.#dates
  }

  #inZone(): Cron {
    this.#zoned ??= parse(this.fields.text, { timezone: this.timeZone })
    return this.#zoned
  }

  #ordinary(at: number): Cron | null {
    const offset = constantOffset(this.timeZone, at - MARGIN_MS, at + MARGIN_MS)
    if (offset === null || offset % MINUTE_MS !== 0) return null
    const minutes = offset / MINUTE_MS
    let cron = this.#atOffset.get(minutes)
    if (cron === undefined) {
      cron = parse(this.fields.text, { utcOffset: minutes })
      this.#atOffset.set(minutes, cron)
    }
    return cron
  }

  #isConstant(from: number, to: number): boolean {
    return constantOffset(this.timeZone, from - MARGIN_MS, to + MARGIN_MS) !== null
  }
}

/** A parsed expression takes 80 KB and more, most of it the years of the library. */
const MAX_PARSED = 500
const parsed = new Map<string, CronExpression>()

/**
 * An expression in a zone, parsed once for all schedules that have it.
 *
 * @throws {ConfigError}
 */
export function cronExpression(text: unknown, timeZone: unknown, what: string): CronExpression {
  if (typeof text !== 'string' || typeof timeZone !== 'string') {
    return new CronExpression(text, timeZone, what)
  }
  const id = JSON.stringify([text, timeZone])
  const known = parsed.get(id)
  if (known !== undefined) return known
  const made = new CronExpression(text, timeZone, what)
  if (parsed.size >= MAX_PARSED) parsed.clear()
  parsed.set(id, made)
  return made
}

function parse(text: string, zone: { timezone: string } | { utcOffset: number }): Cron {
  try {
    return new Cron(text, { ...zone, paused: true, mode: '6-part', fixedTimeRule: 'no-wildcard' })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`cron: ${reason}`, { cause, details: { expression: text } })
  }
}

function wholeSecond(at: Date): number {
  return Math.floor(at.getTime() / SECOND_MS) * SECOND_MS
}
