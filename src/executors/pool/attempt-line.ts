import type { Run } from '../run.ts'
import type { ChildGroup } from './child-group.ts'
import type { PooledChild } from './pooled-child.ts'
import type { RecyclePolicy } from './recycle-policy.ts'
import type { Tenant } from './tenant.ts'

/**
 * The attempts of one queue that may follow each other in a child, in their order: those without a
 * limit, which may also share a child; those that need one for themselves; and those of each memory
 * limit.
 */
export class AttemptLine implements Tenant {
  readonly key: string
  readonly group: ChildGroup
  /** Each has a child for itself while it runs. */
  readonly isAlone: boolean
  /** Attempts that were taken and have not ended. */
  load = 0
  readonly #queue: Tenant
  #line: Run[] = []
  #next = 0

  constructor(key: string, group: ChildGroup, isAlone: boolean, queue: Tenant) {
    this.key = key
    this.group = group
    this.isAlone = isAlone
    this.#queue = queue
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
  get head(): Run | null {
    while (this.#next < this.#line.length) {
      const run = this.#line[this.#next]!
      if (run.state === 'waiting') return run
      this.#next++
    }
    this.#line = []
    this.#next = 0
    return null
  }

  /** Attempts that wait for a child; some may have ended meanwhile. */
  get waiting(): number {
    return this.#line.length - this.#next
  }

  /** Children that have attempts of it. */
  get lent(): PooledChild[] {
    const lent: PooledChild[] = []
    for (const child of this.group.children) {
      if (child.tenant === this && child.runs.size > 0) lent.push(child)
    }
    return lent
  }

  push(run: Run): void {
    this.#line.push(run)
  }

  shift(): void {
    this.#next++
    if (this.#next < 1_024) return
    this.#line = this.#line.slice(this.#next)
    this.#next = 0
  }

  /** Takes back a run that was sent and has not begun, to its old place. */
  putBack(run: Run): void {
    const rest = this.#line.slice(this.#next)
    this.#line = [run, ...rest].sort((a, b) => a.order - b.order)
    this.#next = 0
  }

  /** Empties the line. */
  take(): Run[] {
    return this.takeOverdue(Number.POSITIVE_INFINITY, 0)
  }

  /** Takes out what has waited since before this moment, but not the first `kept`. */
  takeOverdue(before: number, kept: number): Run[] {
    const waiting = this.#line.slice(this.#next).filter((run) => run.state === 'waiting')
    const isOverdue = (run: Run, index: number): boolean =>
      index >= kept && run.waitsSince <= before
    this.#line = waiting.filter((run, index) => !isOverdue(run, index))
    this.#next = 0
    return waiting.filter(isOverdue)
  }
}
