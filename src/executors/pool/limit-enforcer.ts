import type { Run } from '../run.ts'
import type { PooledChild } from './pooled-child.ts'

/** How long code that was asked to stop may take to answer: else its loop is blocked. */
const ANSWER_MS = 100
/** Memory is measured this often where it has a limit, and else only after a while. */
const MEMORY_EVERY_MS = 40
const PEAK_EVERY_MS = 200

/** An attempt that was asked to stop and has not ended. */
export interface Stopping {
  /** Since it was asked. */
  readonly askedMs: number
  readonly killAfterMs: number
  /** Its code has been called with the stop, so its loop is not blocked. */
  readonly hasHeard: boolean
  readonly isTerminated: boolean
  /** Other attempts run in the same child. */
  readonly hasOthers: boolean
}

/**
 * What is due to an attempt that was asked to stop. SIGTERM comes halfway to the kill, and
 * immediately to code that does not answer since it blocks its loop; others in the same child keep
 * the whole time.
 */
export function forceDue(stopping: Stopping): 'none' | 'terminate' | 'kill' {
  const { askedMs, killAfterMs, isTerminated, hasOthers } = stopping
  if (askedMs >= killAfterMs) return 'kill'
  if (hasOthers || isTerminated) return 'none'
  return isUnresponsive(stopping) || askedMs >= killAfterMs / 2 ? 'terminate' : 'none'
}

function isUnresponsive({ askedMs, killAfterMs, hasHeard }: Stopping): boolean {
  return !hasHeard && askedMs >= Math.min(ANSWER_MS, killAfterMs / 2)
}

/**
 * Enforces limits, and that what was asked to stop does: first by the abort signal, then by SIGTERM,
 * at last by SIGKILL of the process group, which cannot be refused.
 */
export class LimitEnforcer {
  readonly #measuredAt = new WeakMap<PooledChild, number>()

  check(child: PooledChild, now: number): void {
    if (child.begun === 0) return
    const killAfterMs = child.tenant?.killAfterMs ?? 0
    for (const run of child.runs.values()) {
      if (run.state !== 'begun') continue
      const { timeMs } = run.attempt.limits
      if (timeMs !== undefined && now - run.begunAt >= timeMs) run.stop.ask('timed-out')
      this.#checkMemory(child, run, now)
      if (run.askedAt !== null) this.#force(child, run, now - run.askedAt, killAfterMs)
    }
  }

  #checkMemory(child: PooledChild, run: Run, now: number): void {
    const { memoryBytes } = run.attempt.limits
    const everyMs = memoryBytes === undefined ? PEAK_EVERY_MS : MEMORY_EVERY_MS
    if (now - (this.#measuredAt.get(child) ?? run.begunAt) < everyMs) return
    this.#measuredAt.set(child, now)
    const bytes = child.measure(run)
    if (bytes === null || memoryBytes === undefined || child.state === 'killed') return
    if (bytes <= memoryBytes) return
    // No time for manners: what grows this fast takes the machine with it.
    run.stop.ask('over-memory')
    child.kill(run)
  }

  #force(child: PooledChild, run: Run, askedMs: number, killAfterMs: number): void {
    if (child.state === 'killed') return
    const stopping = {
      askedMs,
      killAfterMs,
      hasHeard: run.hasHeard,
      isTerminated: child.isTerminated,
      hasOthers: child.begun > 1,
    }
    const force = forceDue(stopping)
    if (force === 'none') return
    child.measure(run)
    if (force === 'kill') child.kill(run)
    // Nothing in a blocked loop makes anything of the signal.
    else if (!child.terminate() && isUnresponsive(stopping)) child.kill(run)
  }
}
