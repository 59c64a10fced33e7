import type { StoredLimits } from '../../core/limit.ts'

/** How long code that was asked to stop may take to answer: else its loop is blocked. */
const ANSWER_MS = 100
/** Memory is measured this often where it has a limit, and else only after a while. */
const MEMORY_EVERY_MS = 40
const PEAK_EVERY_MS = 200

export function isOverTime({ timeMs }: StoredLimits, ranMs: number): boolean {
  return timeMs !== undefined && ranMs >= timeMs
}

/** @param bytes Null: they cannot be seen. */
export function isOverMemory({ memoryBytes }: StoredLimits, bytes: number | null): boolean {
  return memoryBytes !== undefined && bytes !== null && bytes > memoryBytes
}

/** @param sinceMs How long ago the memory was measured, or the attempt began. */
export function isMeasurementDue({ memoryBytes }: StoredLimits, sinceMs: number): boolean {
  return sinceMs >= (memoryBytes === undefined ? PEAK_EVERY_MS : MEMORY_EVERY_MS)
}

/** An attempt that was asked to stop and has not ended. */
export interface StoppingAttempt {
  /** Since it was asked. */
  readonly stoppingMs: number
  readonly killAfterMs: number
  /** Its code has been called with the request, so its loop is not blocked. */
  readonly hasReceivedStop: boolean
  readonly isTerminated: boolean
  /** Other attempts run in the same child. */
  readonly hasOthers: boolean
}

/**
 * What is due to an attempt that was asked to stop. SIGTERM comes halfway to the kill, and
 * immediately to code that does not answer since it blocks its loop; others in the same child keep
 * the whole time.
 */
export function forceDue(attempt: StoppingAttempt): 'none' | 'terminate' | 'kill' {
  const { stoppingMs, killAfterMs, isTerminated, hasOthers } = attempt
  if (stoppingMs >= killAfterMs) return 'kill'
  if (hasOthers || isTerminated) return 'none'
  return isLoopBlocked(attempt) || stoppingMs >= killAfterMs / 2 ? 'terminate' : 'none'
}

/** Its code has not been called with the request in time. */
export function isLoopBlocked(attempt: StoppingAttempt): boolean {
  const { stoppingMs, killAfterMs, hasReceivedStop } = attempt
  return !hasReceivedStop && stoppingMs >= Math.min(ANSWER_MS, killAfterMs / 2)
}
