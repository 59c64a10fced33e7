/** The most jobs of one claim. */
export const MAX_CLAIM = 1_000
/** Claims of a queue in flight concurrently, with a backlog: one is answered while another scans. */
export const MAX_CLAIMS_IN_FLIGHT = 2

/** About the longest time that a claimed job waits before it starts, in milliseconds. */
const PREFETCH_MS = 50
/** The most jobs that wait in a worker, however short they are. */
const MAX_PREFETCH = 3_000
/** The rate is measured over this long at least. */
const WINDOW_MS = 20
/** The weight of the latest window in the average. */
const WEIGHT = 0.5

/** What decides how many jobs a queue claims now. */
export interface ClaimDemand {
  /** Attempts that the executor takes. */
  readonly slots: number
  /** Jobs that are worth having ready beyond the slots, since jobs end so fast. */
  readonly prefetch: number
  /** Jobs that run, wait for a slot, or may come with claims in flight. */
  readonly held: number
  readonly claimsInFlight: number
  readonly maxClaim: number
}

/** How many jobs to claim now, or 0: no claim is to be made. */
export function claimLimit(demand: ClaimDemand): number {
  if (demand.claimsInFlight >= MAX_CLAIMS_IN_FLIGHT || !isClaimWorthwhile(demand)) return 0
  return Math.min(MAX_CLAIM, demand.maxClaim, freeOf(demand))
}

/**
 * Whether a claim is worth its round trip. Short jobs free their slots one by one, faster than a claim is
 * answered: a claim for each would bring one job. So it waits until a third of the prefetch is free.
 */
export function isClaimWorthwhile(
  demand: Pick<ClaimDemand, 'slots' | 'prefetch' | 'held'>,
): boolean {
  const free = freeOf(demand)
  return free > 0 && (demand.held === 0 || free > demand.prefetch / 3)
}

function freeOf({ slots, prefetch, held }: Pick<ClaimDemand, 'slots' | 'prefetch' | 'held'>) {
  return Math.max(0, slots + prefetch - held)
}

/**
 * How many jobs beyond the free slots are worth claiming: as many as end in 50 ms at the measured
 * rate. Jobs that take longer than that themselves get none, so that a job never waits in one worker
 * while another is idle.
 */
export class Prefetch {
  #perMs = 0
  #meanMs = Number.POSITIVE_INFINITY
  #since = 0
  #ended = 0
  #spentMs = 0
  /** Since when no slot is held, or null. */
  #idleSince: number | null = null

  /** One attempt ended after holding its slot this long. Times are monotonic milliseconds. */
  ended(nowMs: number, heldMs: number): void {
    if (this.#idleSince !== null) {
      this.#since += Math.max(0, nowMs - heldMs - this.#idleSince)
      this.#idleSince = null
    }
    this.#ended++
    this.#spentMs += heldMs
    // Jobs have become slow: by the rate of the short ones too many of them would wait here.
    if (heldMs > PREFETCH_MS && this.#meanMs <= PREFETCH_MS) {
      this.#learn(Math.max(WINDOW_MS, nowMs - this.#since))
      this.#meanMs = heldMs
      this.#begin(nowMs)
      return
    }
    const passedMs = nowMs - this.#since
    if (passedMs < WINDOW_MS) return
    this.#learn(passedMs)
    this.#begin(nowMs)
  }

  /**
   * No slot is held from now on. The time until the next one is does not count: short jobs that end before
   * the next claim is answered would count as few jobs, and few of them would be claimed.
   */
  idle(nowMs: number): void {
    this.#idleSince = nowMs
    // A first measure, rather too low than too high.
    const isFirst = this.#meanMs === Number.POSITIVE_INFINITY && this.#ended > 0
    if (isFirst) this.#learn(Math.max(WINDOW_MS, nowMs - this.#since))
    if (isFirst || this.#ended === 0) this.#begin(nowMs)
  }

  /** Jobs that were claimed ahead did not start in time: none are until jobs end again. */
  overdue(): void {
    this.#meanMs = Number.POSITIVE_INFINITY
  }

  get jobs(): number {
    if (this.#meanMs > PREFETCH_MS) return 0
    return Math.min(MAX_PREFETCH, Math.floor(this.#perMs * PREFETCH_MS))
  }

  #begin(nowMs: number): void {
    this.#since = nowMs
    this.#ended = 0
    this.#spentMs = 0
  }

  #learn(passedMs: number): void {
    const perMs = this.#ended / passedMs
    const meanMs = this.#spentMs / this.#ended
    const isFirst = this.#meanMs === Number.POSITIVE_INFINITY
    this.#perMs = isFirst ? perMs : this.#perMs + WEIGHT * (perMs - this.#perMs)
    this.#meanMs = isFirst ? meanMs : this.#meanMs + WEIGHT * (meanMs - this.#meanMs)
  }
}
