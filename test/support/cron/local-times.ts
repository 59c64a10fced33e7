/**
 * What an expression should give, found by going through the dates of a zone one by one. It knows neither the
 * library nor the code under test: expressions are given as lists of times and a rule for dates, offsets come from Intl.
 */

const DAY_MS = 86_400_000

/** A time in which the offset of a zone stays the same: `from` is in it, `to` is not. */
export interface OffsetSpan {
  readonly from: number
  readonly to: number
  readonly offset: number
}

/** An expression by its meaning. */
export interface Meaning {
  /** Times of day in milliseconds since midnight. */
  readonly times: readonly number[]
  /** Neither a wildcard nor a step in seconds, minutes and hours: once a day, whatever the clocks do. */
  readonly isFixed: boolean
  isOn(date: LocalDate): boolean
}

export interface LocalDate {
  readonly year: number
  readonly month: number
  readonly day: number
  /** 0 is Sunday. */
  readonly weekday: number
  /** How many days its month has. */
  readonly monthLength: number
}

/** The spans of a zone between two instants: offsets are read every six hours, changes found by halving. */
export function offsetSpans(timeZone: string, from: number, to: number): OffsetSpan[] {
  const offsetAt = offsetReader(timeZone)
  const spans: OffsetSpan[] = []
  let start = from
  let offset = offsetAt(from)
  for (let at = from; at < to; at += DAY_MS / 4) {
    const end = Math.min(at + DAY_MS / 4, to)
    if (offsetAt(end) === offset) continue
    let [before, after] = [at, end]
    while (after - before > 1_000) {
      const middle = before + Math.floor((after - before) / 2_000) * 1_000
      if (offsetAt(middle) === offset) before = middle
      else after = middle
    }
    spans.push({ from: start, to: after, offset })
    start = after
    offset = offsetAt(after)
  }
  return [...spans, { from: start, to, offset }]
}

function offsetReader(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return (at) => Date.parse(`${format.format(at).replace(' ', 'T')}Z`) - at
}

/** The ticks after one instant and up to another. The spans begin two days before and end two days after. */
export function expectedTicks(
  meaning: Meaning,
  spans: readonly OffsetSpan[],
  after: number,
  upTo: number,
): number[] {
  const ticks = new Set<number>()
  const firstDay = Math.floor(after / DAY_MS) - 1
  const lastDay = Math.floor(upTo / DAY_MS) + 1
  for (let day = firstDay; day <= lastDay; day++) {
    if (!meaning.isOn(dateOf(day * DAY_MS))) continue
    // Spans that touch this date: most dates have one, and a date that does not exist has none.
    const near = spans.filter(
      ({ from, to, offset }) => from + offset < (day + 1) * DAY_MS && to + offset > day * DAY_MS,
    )
    for (const time of meaning.times) {
      const local = day * DAY_MS + time
      const occurrences = near.filter(
        ({ from, to, offset }) => local - offset >= from && local - offset < to,
      )
      if (!meaning.isFixed) for (const { offset } of occurrences) ticks.add(local - offset)
      else if (occurrences.length > 0) ticks.add(local - occurrences[0]!.offset)
      else {
        const afterGap = near.find(({ from, offset }) => from + offset > local)
        const isSameDate =
          afterGap !== undefined && Math.floor((afterGap.from + afterGap.offset) / DAY_MS) === day
        if (isSameDate) ticks.add(afterGap.from)
      }
    }
  }
  return [...ticks].filter((tick) => tick > after && tick <= upTo).sort((a, b) => a - b)
}

function dateOf(ms: number): LocalDate {
  const date = new Date(ms)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1]
  return {
    year,
    month,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    monthLength: new Date(Date.UTC(year, month, 0)).getUTCDate(),
  }
}
