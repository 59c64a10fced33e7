import type { ClaimedJob } from '../core/claimed-job.ts'
import { plainArray } from '../database/array-literal.ts'

/** Priorities of which a bound is kept; the line of any other is read from its beginning. */
const MAX_LANES = 8
/** A look at the whole line may take this part of the time. */
const SHARE = 1 / 50
/** A look at the whole line that took less may be had at any time. */
const CHEAP_US = 1_000
/** From here on the floors of the line are worth raising. */
const DEAR_US = 5_000
const MIN_SPACING_MS = 2
const MAX_SPACING_MS = 2_000
/** Where one takes longer than that: so many times its duration. */
const LEAST_SPACING = 10

const ABOVE_ALL = 2 ** 31
const BELOW_ALL = -(2 ** 31) - 1
/** Places lie strictly between these; those in front of the line are negative. */
const FIRST_PLACE = -Number.MAX_SAFE_INTEGER - 1
const LAST_PLACE = Number.MAX_SAFE_INTEGER

interface Lane {
  readonly priority: number
  /** The last place taken in front of the line, and in the line. */
  front: number
  line: number
}

/** Array literals for the ranges of a claim. */
export type Ranges = readonly [highs: string, lows: string, afters: string, befores: string]

/**
 * Where this worker's claims got to in the line of one queue. A claim that starts at the head again
 * and again walks over everything that runs, and, while an old transaction keeps them, over all rows
 * that are gone. So it starts where the last one ended, in each lane: a priority, in front of the
 * line or in it. Between the known lanes it looks at everything: a new priority is found there.
 *
 * What became visible behind a bound (a late commit, a claim that was rolled back) is found by a look
 * at the whole line, from time to time: the dearer it is, the seldomer. It begins at the floors of
 * the line, which the database knows.
 */
export class Lanes {
  /** Highest priority first. */
  #lanes: Lane[] = []
  #ranges: Ranges | null = null
  #wholeAt = 0
  #tookUs = 0

  /** The ranges to look at now, or null for the whole line. `isLong`: the last look found all it could take. */
  ranges(nowMs: number, isLong: boolean): Ranges | null {
    if (nowMs >= this.#wholeAt || this.#lanes.length === 0) return null
    // At the end of a line a second look would follow.
    if (!isLong && this.#tookUs < CHEAP_US) return null
    this.#ranges ??= rangesOf(this.#lanes)
    return this.#ranges
  }

  /** A look at the whole line began and took this long. */
  looked(nowMs: number, tookUs: number): void {
    this.#tookUs = tookUs
    const tookMs = tookUs / 1_000
    const most = Math.max(MAX_SPACING_MS, tookMs * LEAST_SPACING)
    this.#wholeAt = nowMs + Math.min(most, Math.max(MIN_SPACING_MS, tookMs / SHARE))
  }

  /** The known priorities, when a look at the whole line is dear, or none. */
  get dear(): readonly number[] {
    return this.#tookUs < DEAR_US ? [] : this.#lanes.map(({ priority }) => priority)
  }

  /** How long until the whole line is to be looked at again, in milliseconds. */
  wholeInMs(nowMs: number): number {
    return Math.max(0, this.#wholeAt - nowMs)
  }

  /** Jobs were claimed. */
  took(jobs: readonly ClaimedJob[]): void {
    let lane: Lane | undefined
    for (const { priority, line } of jobs) {
      if (lane?.priority !== priority) lane = this.#laneOf(priority)
      if (line >= 0) lane.line = Math.max(lane.line, line)
      else lane.front = Math.max(lane.front, line)
    }
    this.#ranges = null
  }

  #laneOf(priority: number): Lane {
    const known = this.#lanes.find((lane) => lane.priority === priority)
    if (known !== undefined) return known
    const lane: Lane = { priority, front: FIRST_PLACE, line: -1 }
    // Of many priorities the highest are kept: their rows are passed over by every claim.
    this.#lanes = [...this.#lanes, lane].sort((a, b) => b.priority - a.priority).slice(0, MAX_LANES)
    return lane
  }
}

function rangesOf(lanes: readonly Lane[]): Ranges {
  const highs: number[] = []
  const lows: number[] = []
  const afters: number[] = []
  const befores: number[] = []
  const add = (high: number, low: number, after: number, before: number): void => {
    highs.push(high)
    lows.push(low)
    afters.push(after)
    befores.push(before)
  }
  let above = ABOVE_ALL
  for (const { priority, front, line } of lanes) {
    add(above, priority, FIRST_PLACE, LAST_PLACE)
    add(priority, priority, front, 0)
    add(priority, priority, line, LAST_PLACE)
    above = priority
  }
  add(above, BELOW_ALL, FIRST_PLACE, LAST_PLACE)
  return [plainArray(highs), plainArray(lows), plainArray(afters), plainArray(befores)]
}
