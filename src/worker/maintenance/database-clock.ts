/** How much the two clocks may differ between two readings: they are not read at the same instant. */
const TOLERANCE = { share: 0.1, leastMs: 250, mostMs: 1_000 }

/** What one statement has read. Times are milliseconds; those of this process are monotonic. */
export interface ClockReading {
  readonly askedAt: number
  readonly answeredAt: number
  /** The database's time, taken between the two. */
  readonly databaseMs: number
  /** Leases that have run out by the database's clock, and for how long. */
  readonly expired: ReadonlyMap<string, number>
  /** Leases that were renewed more than their length in the future, and by how much. */
  readonly ahead: ReadonlyMap<string, number>
}

/**
 * Finds steps of the database's clock, by comparing its advance with that of the monotonic clock here. A
 * virtual machine that stood still, a correction of its time or a failover to another machine moves it
 * forward or back, and then a lease that has run out says nothing of its worker.
 *
 * A step may also fall between two renewals of one lease. So a lease that was good at the last reading
 * and has run out for longer than that is ago gives it away as well, and so does one whose renewal has come to
 * lie in the future: its worker has had no time to renew it by the new clock.
 */
export class DatabaseClock {
  readonly #toleranceMs: number
  #last: ClockReading | null = null
  #steppedAt = Number.NEGATIVE_INFINITY

  constructor(leaseMs: number) {
    const { share, leastMs, mostMs } = TOLERANCE
    this.#toleranceMs = Math.min(mostMs, Math.max(leastMs, leaseMs * share))
  }

  /** Returns by how much the clock has been found to have stepped since the last reading, or 0. */
  read(reading: ClockReading): number {
    const last = this.#last
    this.#last = reading
    if (last === null) return 0
    const stepMs = this.#stepMs(last, reading)
    if (stepMs !== 0) this.#steppedAt = reading.answeredAt
    return stepMs
  }

  /** For how long no step was found, in milliseconds. */
  steadyMs(nowMs: number): number {
    return nowMs - this.#steppedAt
  }

  #stepMs(last: ClockReading, reading: ClockReading): number {
    const { askedAt, answeredAt, databaseMs, expired, ahead } = reading
    const advanceMs = databaseMs - last.databaseMs
    const mostMs = answeredAt - last.askedAt
    const leastMs = askedAt - last.answeredAt
    if (advanceMs > mostMs + this.#toleranceMs) return advanceMs - mostMs
    if (advanceMs < leastMs - this.#toleranceMs) return advanceMs - leastMs
    for (const [id, overdueMs] of expired) {
      if (last.expired.has(id) || overdueMs <= mostMs + this.#toleranceMs) continue
      return overdueMs - mostMs
    }
    for (const [id, aheadMs] of ahead) if (!last.ahead.has(id)) return -aheadMs
    return 0
  }
}
