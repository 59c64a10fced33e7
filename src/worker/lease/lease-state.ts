import { type Clock, machineMs, machineNs, systemClock } from '../../core/clock.ts'

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
 * The state of a lease, in memory that the heartbeat's thread and the worker's loop share: a message would
 * wait for as long as the loop is blocked. All times are of the monotonic clock of the
 * machine, which threads share (`Clock.monotonic()` is of one thread), in nanoseconds. Where a test moves time they
 * are of its clock, and there is no thread.
 *
 * Each id that a worker takes is a term. A late renewal of an earlier term changes nothing.
 */
export class LeaseState {
  readonly buffer: SharedArrayBuffer
  readonly #slots: BigInt64Array
  /** Null: that of the machine. */
  readonly #clock: Clock | null
  readonly #startMs: number

  constructor(
    clock: Clock = systemClock,
    buffer = new SharedArrayBuffer(SLOTS * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.buffer = buffer
    this.#slots = new BigInt64Array(buffer)
    this.#clock = clock === systemClock ? null : clock
    this.#startMs = clock.monotonic()
  }

  /** The time by which leases are judged, in nanoseconds. */
  now(): bigint {
    // 0 stands for never, and a clock may begin there.
    return this.#clock === null ? machineNs() : toNs(this.#clock.monotonic() - this.#startMs) + 1n
  }

  get term(): bigint {
    return Atomics.load(this.#slots, TERM)
  }

  /**
   * A renewal succeeded. Trust counts from its request, since the time of its execution is not known.
   * Renewals are steady while none was missed: a lost connection that is replaced in time does not
   * interrupt them, an outage does.
   */
  renewed(term: bigint, requestedAt: bigint, times: LeaseTimes): void {
    const { leaseMs, heartbeatMs } = times
    const before = Atomics.load(this.#slots, RENEWED_AT)
    if (term !== this.term || requestedAt <= before) return
    const gapMs = toMs(requestedAt - before)
    const wasMissed = gapMs > Math.max(2 * heartbeatMs, heartbeatMs + MISSED_MS)
    if (!this.isTrusted() || wasMissed) Atomics.store(this.#slots, STEADY_SINCE, requestedAt)
    Atomics.store(this.#slots, RENEWED_AT, requestedAt)
    Atomics.store(this.#slots, TRUSTED_UNTIL, requestedAt + toNs(leaseMs - safetyMarginMs(leaseMs)))
  }

  /** The lease of this term was revoked: it is not trusted until the next renewal. */
  revoked(term: bigint): void {
    if (term !== this.term) return
    Atomics.store(this.#slots, TRUSTED_UNTIL, 0n)
    Atomics.store(this.#slots, STEADY_SINCE, 0n)
    Atomics.store(this.#slots, RENEWED_AT, 0n)
  }

  /** Begins the next term, which is not trusted yet. */
  nextTerm(): void {
    this.revoked(this.term)
    Atomics.add(this.#slots, TERM, 1n)
  }

  /** Whether the lease certainly holds. */
  isTrusted(): boolean {
    return this.now() < Atomics.load(this.#slots, TRUSTED_UNTIL)
  }

  /** Until when that is so, in milliseconds of the machine's clock: children know no other. */
  get untilMs(): number {
    const until = Atomics.load(this.#slots, TRUSTED_UNTIL)
    return this.#clock === null ? toMs(until) : machineMs() + toMs(until - this.now())
  }

  /** For how long that is so without another renewal, in milliseconds. */
  leftMs(): number {
    return Math.max(0, toMs(Atomics.load(this.#slots, TRUSTED_UNTIL) - this.now()))
  }

  /** For how long renewals have succeeded without a gap, in milliseconds. */
  steadyMs(): number {
    const since = Atomics.load(this.#slots, STEADY_SINCE)
    return since === 0n || !this.isTrusted() ? 0 : toMs(this.now() - since)
  }

  /** How long ago the last renewal was requested, in milliseconds. `Infinity`: there is none. */
  ageMs(): number {
    const at = Atomics.load(this.#slots, RENEWED_AT)
    return at === 0n ? Number.POSITIVE_INFINITY : toMs(this.now() - at)
  }

  /** The loop is not blocked. */
  tick(): void {
    Atomics.store(this.#slots, TICKED_AT, this.now())
  }

  /** How long ago the loop last ticked, in milliseconds. */
  silentMs(): number {
    return toMs(this.now() - Atomics.load(this.#slots, TICKED_AT))
  }
}

/** A renewal that is later than this was missed, in milliseconds. */
const MISSED_MS = 2_000

/** Trust ends this much before the lease does. */
export function safetyMarginMs(leaseMs: number): number {
  return Math.max(leaseMs * 0.15, Math.min(1_000, leaseMs / 2))
}

const toNs = (ms: number): bigint => BigInt(Math.round(ms * 1e6))
const toMs = (ns: bigint): number => Number(ns) / 1e6
