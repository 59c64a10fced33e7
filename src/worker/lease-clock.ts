const SLOTS = 5
const TRUSTED_UNTIL = 0
const STEADY_SINCE = 1
const TICKED_AT = 2
const RENEWED_AT = 3
const TERM = 4

/** How long a renewal is good for. */
export interface LeaseTimes {
  readonly leaseMs: number
  readonly heartbeatMs: number
}

/**
 * What the heartbeat's thread and the worker's loop know of each other, in memory that both see: the
 * loop may be blocked for seconds when a message comes. All times are of the monotonic clock of the
 * machine, which threads share (unlike `performance.now()`), in nanoseconds.
 *
 * Each id that a worker takes is a term. What is said of an earlier term changes nothing any more.
 */
export class LeaseClock {
  readonly buffer: SharedArrayBuffer
  readonly #slots: BigInt64Array

  constructor(buffer = new SharedArrayBuffer(SLOTS * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#slots = new BigInt64Array(buffer)
  }

  get term(): bigint {
    return Atomics.load(this.#slots, TERM)
  }

  /**
   * A renewal succeeded. Trust counts from before its request, since it is not known when it was done.
   * Renewals are steady while none of them was missed: a lost connection that is replaced in time does
   * not interrupt them, an outage does.
   */
  renewed(term: bigint, requestedAt: bigint, times: LeaseTimes): void {
    const { leaseMs, heartbeatMs } = times
    const before = Atomics.load(this.#slots, RENEWED_AT)
    if (term !== this.term || requestedAt <= before) return
    const gapMs = toMs(requestedAt - before)
    const wasMissed = gapMs > Math.max(2 * heartbeatMs, heartbeatMs + MISSED_MS)
    if (!this.isTrusted() || wasMissed) Atomics.store(this.#slots, STEADY_SINCE, requestedAt)
    Atomics.store(this.#slots, RENEWED_AT, requestedAt)
    Atomics.store(this.#slots, TRUSTED_UNTIL, requestedAt + toNs(leaseMs - marginMs(leaseMs)))
  }

  /** The lease of this term is gone: nothing is trusted until the next renewal. */
  revoked(term: bigint): void {
    if (term !== this.term) return
    Atomics.store(this.#slots, TRUSTED_UNTIL, 0n)
    Atomics.store(this.#slots, STEADY_SINCE, 0n)
    Atomics.store(this.#slots, RENEWED_AT, 0n)
  }

  /** Begins the next term, of which nothing is trusted yet. */
  nextTerm(): void {
    this.revoked(this.term)
    Atomics.add(this.#slots, TERM, 1n)
  }

  /** Whether the lease surely holds. */
  isTrusted(): boolean {
    return now() < Atomics.load(this.#slots, TRUSTED_UNTIL)
  }

  /** Until when that is so, in milliseconds of the machine's clock. */
  get untilMs(): number {
    return toMs(Atomics.load(this.#slots, TRUSTED_UNTIL))
  }

  /** For how long renewals have succeeded without a gap, in milliseconds. */
  steadyMs(): number {
    const since = Atomics.load(this.#slots, STEADY_SINCE)
    return since === 0n || !this.isTrusted() ? 0 : toMs(now() - since)
  }

  /** How long ago the last renewal was requested, in milliseconds. `Infinity`: there is none. */
  ageMs(): number {
    const at = Atomics.load(this.#slots, RENEWED_AT)
    return at === 0n ? Number.POSITIVE_INFINITY : toMs(now() - at)
  }

  /** The loop lives. */
  tick(): void {
    Atomics.store(this.#slots, TICKED_AT, now())
  }

  /** How long the loop has not ticked, in milliseconds. */
  silentMs(): number {
    return toMs(now() - Atomics.load(this.#slots, TICKED_AT))
  }
}

/** A renewal that is later than this, in milliseconds, was missed. */
const MISSED_MS = 2_000

/** Trust ends this much before the lease does. */
export function marginMs(leaseMs: number): number {
  return Math.max(leaseMs * 0.15, Math.min(1_000, leaseMs / 2))
}

export const now = (): bigint => process.hrtime.bigint()
const toNs = (ms: number): bigint => BigInt(Math.round(ms * 1e6))
const toMs = (ns: bigint): number => Number(ns) / 1e6
