/** The shortest and the longest wait between two attempts, in milliseconds. */
export interface RetryRange {
  readonly leastMs: number
  readonly mostMs: number
}

/** For work on the database, which is back within seconds when it is back. */
export const DATABASE_RETRY: RetryRange = { leastMs: 100, mostMs: 5_000 }

/**
 * How long to wait after a failure, given the wait before it (0: this is the first failure).
 *
 * Decorrelated jitter: many clients of one database that failed together do not come back together.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function nextDelayMs(previousMs: number, range: RetryRange = DATABASE_RETRY): number {
  const { leastMs, mostMs } = range
  const upper = Math.max(leastMs, previousMs * 3)
  return Math.min(mostMs, leastMs + Math.random() * (upper - leastMs))
}
