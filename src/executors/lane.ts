import type { PooledChild } from './pooled-child.ts'
import type { Run } from './run.ts'

/**
 * The attempts that may share children, in their order, and those children: one lane for all that
 * have no limit, and one for each memory limit.
 */
export class Lane {
  readonly key: string
  readonly memoryBytes: number | undefined
  readonly children = new Set<PooledChild>()
  /** Jobs at once in a child. */
  width: number
  /** Children that could not be started, in a row. */
  failures = 0
  /** No child is started before. */
  retryAt = 0
  #line: Run[] = []
  #next = 0

  constructor(key: string, memoryBytes: number | undefined, width: number) {
    this.key = key
    this.memoryBytes = memoryBytes
    this.width = width
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

  get booting(): number {
    let count = 0
    for (const child of this.children) if (child.state === 'booting') count++
    return count
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

  /** Takes runs back that were sent and have not begun, each at its old place. */
  putBack(runs: readonly Run[]): void {
    const rest = this.#line.slice(this.#next)
    this.#line = [...runs, ...rest].sort((a, b) => a.order - b.order)
    this.#next = 0
  }

  /** Empties the line. */
  take(): Run[] {
    const runs = this.#line.slice(this.#next).filter((run) => run.state === 'waiting')
    this.#line = []
    this.#next = 0
    return runs
  }

  /** A child that would begin a run at once: the one with the least to do. */
  freeChild(): PooledChild | null {
    let best: PooledChild | null = null
    for (const child of this.children) {
      if (!child.takes || child.runs.size >= child.width) continue
      if (best === null || child.runs.size < best.runs.size) best = child
    }
    return best
  }

  /** A child behind whose work there is room for more. */
  childWithRoom(): PooledChild | null {
    let best: PooledChild | null = null
    for (const child of this.children) {
      if (!child.takes || child.runs.size >= child.width + child.ahead) continue
      if (best === null || child.runs.size < best.runs.size) best = child
    }
    return best
  }
}
