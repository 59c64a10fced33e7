import type { ChildGroup } from './child-group.ts'
import type { PooledAttempt } from './pooled-attempt.ts'
import type { PooledChild } from './pooled-child.ts'
import type { RecyclePolicy } from './recycle-policy.ts'
import type { Tenant } from './tenant.ts'

/**
 * The attempts of one queue that may follow each other in a child, in their order: those without a
 * limit, which may also share a child; those that need one for themselves; and those of each memory
 * limit.
 */
export class AttemptBacklog implements Tenant {
  readonly key: string
  readonly group: ChildGroup
  /** Each has a child for itself while it runs. */
  readonly isAlone: boolean
  readonly #queue: Tenant
  #load = 0
  #attempts: PooledAttempt[] = []
  /** The index of the first that waits, as far as is known. */
  #first = 0

  constructor(key: string, group: ChildGroup, isAlone: boolean, queue: Tenant) {
    this.key = key
    this.group = group
    this.isAlone = isAlone
    this.#queue = queue
  }

  /** Attempts that were added and have not ended. */
  get load(): number {
    return this.#load
  }

  get width(): number {
    return this.isAlone ? 1 : this.#queue.width
  }

  get killAfterMs(): number {
    return this.#queue.killAfterMs
  }

  get policy(): RecyclePolicy {
    return this.#queue.policy
  }

  /** The attempt that is to begin next, or null. */
  get next(): PooledAttempt | null {
    while (this.#first < this.#attempts.length) {
      const attempt = this.#attempts[this.#first]!
      if (attempt.state === 'waiting') return attempt
      this.#first++
    }
    this.#attempts = []
    this.#first = 0
    return null
  }

  /** Attempts that wait for a child, with those that have ended since. */
  get waiting(): number {
    return this.#attempts.length - this.#first
  }

  /** Children that have attempts of it. */
  get busyChildren(): PooledChild[] {
    const busy: PooledChild[] = []
    for (const child of this.group.children) {
      if (child.tenant === this && child.attempts.size > 0) busy.push(child)
    }
    return busy
  }

  add(attempt: PooledAttempt): void {
    this.#load++
    this.#attempts.push(attempt)
  }

  ended(): void {
    this.#load--
  }

  /** Removes the next attempt. */
  shift(): void {
    this.#first++
    if (this.#first < 1_024) return
    this.#attempts = this.#attempts.slice(this.#first)
    this.#first = 0
  }

  putBack(attempt: PooledAttempt): void {
    const others = this.#attempts.slice(this.#first)
    this.#attempts = [attempt, ...others].sort((a, b) => a.position - b.position)
    this.#first = 0
  }

  /** Removes all attempts that wait and returns them. */
  take(): PooledAttempt[] {
    return this.takeOverdue(Number.POSITIVE_INFINITY, 0)
  }

  /** Removes what has waited since before this moment, except the first `kept`, and returns it. */
  takeOverdue(before: number, kept: number): PooledAttempt[] {
    const waiting = this.#attempts.slice(this.#first).filter(({ state }) => state === 'waiting')
    const isOverdue = (attempt: PooledAttempt, index: number): boolean =>
      index >= kept && attempt.waitingSince <= before
    this.#attempts = waiting.filter((attempt, index) => !isOverdue(attempt, index))
    this.#first = 0
    return waiting.filter(isOverdue)
  }
}
