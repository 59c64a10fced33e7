import type { Clock } from '../core/clock.ts'
import { ChancyError } from '../core/errors.ts'

/** More are forgotten, the oldest first. */
const MAX_KEYS = 10_000

interface Bucket {
  tokens: number
  atMs: number
}

/** How often something may happen, by a key: so much a second, and so much in a burst. */
export class Rates {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = burst
  }

  /** @throws {ChancyError} `RATE_LIMITED` */
  take(key: string): void {
    const waitMs = this.tryTake(key)
    if (waitMs === 0) return
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000))
    throw new ChancyError(
      'RATE_LIMITED',
      `Too many requests: ${this.#perSecond} a second are answered. Wait ${retryAfterSeconds} s.`,
      { details: { retryAfterSeconds } },
    )
  }

  /** How long until it can be taken, in milliseconds. */
  waitMs(key: string): number {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return 0
    const grown = ((this.#clock.monotonic() - bucket.atMs) / 1_000) * this.#perSecond
    return Math.max(0, ((1 - bucket.tokens - grown) / this.#perSecond) * 1_000)
  }

  /** Returns one that was taken. */
  giveBack(key: string): void {
    const bucket = this.#buckets.get(key)
    if (bucket !== undefined) bucket.tokens = Math.min(this.#burst, bucket.tokens + 1)
  }

  /** 0 when it is taken, or how long to wait, in milliseconds. */
  tryTake(key: string): number {
    const nowMs = this.#clock.monotonic()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, atMs: nowMs }
    // Behind the others: the first of the map is the one that was used longest ago.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > MAX_KEYS) this.#buckets.delete(this.#buckets.keys().next().value!)
    const grown = ((nowMs - bucket.atMs) / 1_000) * this.#perSecond
    bucket.tokens = Math.min(this.#burst, bucket.tokens + grown)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) return ((1 - bucket.tokens) / this.#perSecond) * 1_000
    bucket.tokens--
    return 0
  }
}
