import type { Usage } from '../../core/queued-job.ts'
import type { Child } from '../child.ts'
import type { PooledAttempt } from './pooled-attempt.ts'

/** What a child uses, as far as it can be seen from outside. */
export class ChildUsage {
  readonly #child: Pick<Child, 'residentBytes' | 'cpuMs'>
  /** Of its start and of the attempts that have ended. */
  #cpuMs = 0
  #measuredAt: number | null = null

  constructor(child: Pick<Child, 'residentBytes' | 'cpuMs'>) {
    this.#child = child
  }

  /** When it was last measured on schedule. */
  get measuredAt(): number | null {
    return this.#measuredAt
  }

  add(usage: Pick<Usage, 'cpuMs'> | undefined): void {
    this.#cpuMs += usage?.cpuMs ?? 0
  }

  /**
   * Notes for an attempt what it has used, and returns the memory of now.
   *
   * @param scheduledAt The next measurement on schedule is counted from it.
   */
  measure(attempt: PooledAttempt, isAlone: boolean, scheduledAt = this.#measuredAt): number | null {
    this.#measuredAt = scheduledAt
    const bytes = this.#child.residentBytes()
    // Of several concurrent attempts it is not known whose it was.
    const cpuMs = isAlone ? this.#child.cpuMs() : null
    attempt.measured(bytes, cpuMs === null ? null : Math.max(0, cpuMs - this.#cpuMs))
    return bytes
  }
}
