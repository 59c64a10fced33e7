import type { ClaimedJob } from '../../core/claimed-job.ts'
import { plainArray } from '../../database/array-literal.ts'

/** Priorities whose bounds are kept; the rows of any other are scanned from the first one on. */
const MAX_CURSORS = 8
/** The part of the time that full scans may take. */
const FULL_SCAN_SHARE = 1 / 50
/** A full scan that took less may be repeated at any time. */
const CHEAP_US = 1_000
/** A full scan that took more is expensive: the watermarks of the queue are worth advancing. */
const EXPENSIVE_US = 5_000
const MIN_SPACING_MS = 2
const MAX_SPACING_MS = 2_000
/** Where a full scan takes longer than that: this many times its duration. */
const MIN_SPACING_FACTOR = 10

const ABOVE_ALL = 2 ** 31
const BELOW_ALL = -(2 ** 31) - 1
/** Positions lie strictly between these; those of jobs that go first are negative. */
const BEFORE_FIRST = -Number.MAX_SAFE_INTEGER - 1
const AFTER_LAST = Number.MAX_SAFE_INTEGER

/** The last position claimed of one priority: among those that go first, and among the others. */
interface PriorityCursor {
  readonly priority: number
  front: number
  position: number
}

/** Array literals for the ranges of a claim. */
export type Ranges = readonly [highs: string, lows: string, afters: string, befores: string]

/**
 * How far the claims of this worker have scanned the ready jobs of one queue. A scan that starts at the
 * first row each time passes every running job and, while a long-running transaction holds back the xmin
 * horizon, every dead row. So it continues where the last one ended: for each priority, among the jobs
 * that go first and among the others. Between the known priorities it scans everything, where a new
 * priority is found.
 *
 * What became visible behind a bound (a late commit, a claim that was rolled back) is found by a full scan
 * from time to time: the more expensive it is, the less often. A full scan begins at the watermarks of the
 * queue, which the database keeps.
 */
export class ScanCursor {
  /** Highest priority first. */
  #cursors: PriorityCursor[] = []
  #ranges: Ranges | null = null
  #fullScanAt = 0
  #tookUs = 0

  /** The ranges to scan now, or null for a full scan. `hasBacklog`: the last claim found as many as it asked for. */
  ranges(nowMs: number, hasBacklog: boolean): Ranges | null {
    if (nowMs >= this.#fullScanAt || this.#cursors.length === 0) return null
    // Without a backlog a full scan would follow anyway.
    if (!hasBacklog && this.#tookUs < CHEAP_US) return null
    this.#ranges ??= rangesOf(this.#cursors)
    return this.#ranges
  }

  /** A full scan began at that time and took this long. */
  scannedAll(nowMs: number, tookUs: number): void {
    this.#tookUs = tookUs
    const tookMs = tookUs / 1_000
    const most = Math.max(MAX_SPACING_MS, tookMs * MIN_SPACING_FACTOR)
    this.#fullScanAt = nowMs + Math.min(most, Math.max(MIN_SPACING_MS, tookMs / FULL_SCAN_SHARE))
  }

  /** The known priorities when a full scan is expensive, or none. */
  get expensive(): readonly number[] {
    return this.#tookUs < EXPENSIVE_US ? [] : this.#cursors.map(({ priority }) => priority)
  }

  /** How long until the next full scan is due, in milliseconds. */
  fullScanInMs(nowMs: number): number {
    return Math.max(0, this.#fullScanAt - nowMs)
  }

  /** Jobs were claimed. */
  claimed(jobs: readonly ClaimedJob[]): void {
    let cursor: PriorityCursor | undefined
    for (const { priority, position } of jobs) {
      if (cursor?.priority !== priority) cursor = this.#cursorOf(priority)
      if (position >= 0) cursor.position = Math.max(cursor.position, position)
      else cursor.front = Math.max(cursor.front, position)
    }
    this.#ranges = null
  }

  #cursorOf(priority: number): PriorityCursor {
    const known = this.#cursors.find((cursor) => cursor.priority === priority)
    if (known !== undefined) return known
    const cursor: PriorityCursor = { priority, front: BEFORE_FIRST, position: -1 }
    // Of many priorities the highest are kept: their rows are passed by every claim.
    this.#cursors = [...this.#cursors, cursor]
      .sort((a, b) => b.priority - a.priority)
      .slice(0, MAX_CURSORS)
    return cursor
  }
}

function rangesOf(cursors: readonly PriorityCursor[]): Ranges {
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
  for (const { priority, front, position } of cursors) {
    add(above, priority, BEFORE_FIRST, AFTER_LAST)
    add(priority, priority, front, 0)
    add(priority, priority, position, AFTER_LAST)
    above = priority
  }
  add(above, BELOW_ALL, BEFORE_FIRST, AFTER_LAST)
  return [plainArray(highs), plainArray(lows), plainArray(afters), plainArray(befores)]
}
