import type { PooledChild } from './pooled-child.ts'
import type { Run } from './run.ts'

/** How long code that was asked to stop may take to hear it: else its loop is blocked. */
const HEAR_MS = 100
/** Memory is looked at this often where it has a limit, and else only after a while. */
const MEMORY_LOOK_MS = 40
const PEAK_LOOK_MS = 200

/**
 * Sees that limits are kept and that what was asked to stop does: first by the abort signal, then
 * by SIGTERM, at last by SIGKILL of the process group, which cannot be refused.
 *
 * From the signal to the last is `killAfterMs`. SIGTERM comes halfway, and at once to code that
 * cannot hear the signal since it blocks its loop.
 */
export class Warden {
  killAfterMs: number
  readonly #lookedAt = new WeakMap<PooledChild, number>()

  constructor(killAfterMs: number) {
    this.killAfterMs = killAfterMs
  }

  check(child: PooledChild, now: number): void {
    if (child.begun === 0) return
    for (const run of child.runs.values()) {
      if (run.state !== 'begun') continue
      const { timeMs } = run.attempt.limits
      if (timeMs !== undefined && now - run.begunAt >= timeMs) run.stop.ask('timed-out')
      this.#checkMemory(child, run, now)
      if (run.askedAt !== null) this.#force(child, run, now - run.askedAt)
    }
  }

  #checkMemory(child: PooledChild, run: Run, now: number): void {
    const { memoryBytes } = run.attempt.limits
    const everyMs = memoryBytes === undefined ? PEAK_LOOK_MS : MEMORY_LOOK_MS
    if (now - (this.#lookedAt.get(child) ?? run.begunAt) < everyMs) return
    this.#lookedAt.set(child, now)
    const bytes = child.look(run)
    if (bytes === null || memoryBytes === undefined || child.state === 'killed') return
    if (bytes <= memoryBytes) return
    // No time for manners: what grows this fast takes the machine with it.
    run.stop.ask('over-memory')
    child.kill(run)
  }

  #force(child: PooledChild, run: Run, askedMs: number): void {
    if (child.state === 'killed') return
    if (askedMs >= this.killAfterMs) {
      child.look(run)
      child.kill(run)
      return
    }
    // Others in the same child keep what time there is.
    if (child.begun > 1) return
    const isDeaf = !run.hasHeard && askedMs >= Math.min(HEAR_MS, this.killAfterMs / 2)
    if (child.isTerminated || !(isDeaf || askedMs >= this.killAfterMs / 2)) return
    child.look(run)
    if (!child.terminate() && isDeaf) child.kill(run)
  }
}
