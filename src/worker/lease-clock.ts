const SLOTS = 3
const TRUSTED_UNTIL = 0
const STEADY_SINCE = 1
const TICKED_AT = 2

/**
 * What the heartbeat's thread and the worker's loop know of each other, in memory that both see: the
 * loop may be blocked for seconds when a message comes. All times are of the monotonic clock of the
 * machine, which threads share (unlike `performance.now()`), in nanoseconds.
 */
export class LeaseClock {
  readonly buffer: SharedArrayBuffer
  readonly #slots: BigInt64Array

  constructor(buffer = new SharedArrayBuffer(SLOTS * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#slots = new BigInt64Array(buffer)
  }

  /** A renewal succeeded. Trust counts from before its request, since nobody knows when it was done. */
  renewed(requestedAt: bigint, leaseMs: number, marginMs: number): void {
    const wasTrusted = this.isTrusted()
    Atomics.store(this.#slots, TRUSTED_UNTIL, requestedAt + toNs(leaseMs - marginMs))
    if (!wasTrusted || Atomics.load(this.#slots, STEADY_SINCE) === 0n) {
      Atomics.store(this.#slots, STEADY_SINCE, requestedAt)
    }
  }

  /** Nothing is trusted until the next renewal. */
  distrust(): void {
    Atomics.store(this.#slots, TRUSTED_UNTIL, 0n)
    Atomics.store(this.#slots, STEADY_SINCE, 0n)
  }

  /** Whether the lease surely holds. */
  isTrusted(): boolean {
    return now() < Atomics.load(this.#slots, TRUSTED_UNTIL)
  }

  /** For how long renewals have succeeded without a gap, in milliseconds. */
  steadyMs(): number {
    const since = Atomics.load(this.#slots, STEADY_SINCE)
    return since === 0n || !this.isTrusted() ? 0 : toMs(now() - since)
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

export const now = (): bigint => process.hrtime.bigint()
const toNs = (ms: number): bigint => BigInt(Math.round(ms * 1e6))
const toMs = (ns: bigint): number => Number(ns) / 1e6
