import {
  forceDue,
  isLoopBlocked,
  isMeasurementDue,
  isOverMemory,
  isOverTime,
  type StoppingAttempt,
} from './limit-policy.ts'
import type { PooledAttempt } from './pooled-attempt.ts'
import type { PooledChild } from './pooled-child.ts'

/**
 * Enforces limits, and that an attempt which was asked to stop does: first by the abort signal, then
 * by SIGTERM, at last by SIGKILL of the process group, which cannot be refused.
 *
 * @param aheadMs By how much the clock of time limits is ahead of `now`, see `ChildOwner`.
 */
export function enforceLimits(child: PooledChild, now: number, aheadMs: number): void {
  if (child.attempts.begun === 0) return
  for (const attempt of child.attempts) {
    if (attempt.state !== 'begun') continue
    const runningMs = now - attempt.begunAt + (aheadMs - attempt.begunAheadMs)
    if (isOverTime(attempt.spec.limits, runningMs)) attempt.stop.ask('timed-out')
    enforceMemory(child, attempt, now)
    if (attempt.stoppingSince !== null) enforceStop(child, attempt, now - attempt.stoppingSince)
  }
}

function enforceMemory(child: PooledChild, attempt: PooledAttempt, now: number): void {
  const { limits } = attempt.spec
  if (!isMeasurementDue(limits, now - (child.measuredAt ?? attempt.begunAt))) return
  const bytes = child.measure(attempt, now)
  if (child.state === 'killed' || !isOverMemory(limits, bytes)) return
  // Without a grace period: what grows this fast exhausts the memory of the machine.
  attempt.stop.ask('over-memory')
  child.kill(attempt)
}

function enforceStop(child: PooledChild, attempt: PooledAttempt, stoppingMs: number): void {
  if (child.state === 'killed') return
  const stopping: StoppingAttempt = {
    stoppingMs,
    killAfterMs: child.tenant?.killAfterMs ?? 0,
    hasReceivedStop: attempt.hasReceivedStop,
    isTerminated: child.end.isTerminated,
    hasOthers: child.attempts.begun > 1,
  }
  const force = forceDue(stopping)
  if (force === 'none') return
  child.measure(attempt)
  if (force === 'kill') child.kill(attempt)
  // A blocked loop does not run the handler of the signal.
  else if (!child.terminate() && isLoopBlocked(stopping)) child.kill(attempt)
}
