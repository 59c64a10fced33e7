import type { SerializedError } from '../../core/serialize-error.ts'
import type { PooledChild } from './pooled-child.ts'

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5_000

/** Children that are started alike: those without a memory limit, and those of each limit. */
export class ChildGroup {
  readonly memoryBytes: number | undefined
  readonly children = new Set<PooledChild>()
  /** Why no child could be started the last times. */
  trouble: SerializedError | null = null
  #failures = 0
  #retryAt = 0

  constructor(memoryBytes: number | undefined) {
    this.memoryBytes = memoryBytes
  }

  get booting(): number {
    let count = 0
    for (const { state } of this.children) if (state === 'booting') count++
    return count
  }

  /** Children that take attempts, or will. */
  get present(): number {
    let count = 0
    for (const { state } of this.children) if (state === 'booting' || state === 'ready') count++
    return count
  }

  get hasReady(): boolean {
    for (const { state } of this.children) if (state === 'ready') return true
    return false
  }

  /** Starts that failed in a row. */
  get failures(): number {
    return this.#failures
  }

  mayStart(now: number): boolean {
    return now >= this.#retryAt
  }

  started(): void {
    this.#failures = 0
    this.#retryAt = 0
  }

  startFailed(now: number): void {
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures)
    this.#failures++
    this.#retryAt = now + backoffMs
  }
}
