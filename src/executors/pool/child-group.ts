import type { SerializedError } from '../../core/serialize-error.ts'
import type { PooledChild } from './pooled-child.ts'

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5_000

/** Children that are started with the same options: those without a memory limit, and those of each limit. */
export class ChildGroup {
  readonly memoryBytes: number | undefined
  readonly #children = new Set<PooledChild>()
  #trouble: SerializedError | null = null
  #failures = 0
  #retryAt = 0
  #hasReportedMemory = false

  constructor(memoryBytes: number | undefined) {
    this.memoryBytes = memoryBytes
  }

  get children(): ReadonlySet<PooledChild> {
    return this.#children
  }

  get booting(): number {
    let count = 0
    for (const { state } of this.#children) if (state === 'booting') count++
    return count
  }

  /** Children that take attempts, or will. */
  get present(): number {
    let count = 0
    for (const { state } of this.#children) if (state === 'booting' || state === 'ready') count++
    return count
  }

  get hasReady(): boolean {
    for (const { state } of this.#children) if (state === 'ready') return true
    return false
  }

  /** Why the last starts failed; null: one has succeeded since, or too few have failed to say so. */
  get trouble(): SerializedError | null {
    return this.#trouble
  }

  /** Starts that failed in a row. */
  get failures(): number {
    return this.#failures
  }

  mayStart(now: number): boolean {
    return now >= this.#retryAt
  }

  add(child: PooledChild): void {
    this.#children.add(child)
  }

  remove(child: PooledChild): void {
    this.#children.delete(child)
  }

  /** A child is ready. Returns whether starts had been in trouble before. */
  startSucceeded(): boolean {
    const hadTrouble = this.#trouble !== null
    this.#failures = 0
    this.#retryAt = 0
    this.#trouble = null
    return hadTrouble
  }

  /** The next start has to wait, longer after each failure. */
  startFailed(now: number): void {
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures)
    this.#failures++
    this.#retryAt = now + backoffMs
  }

  /** Starts keep failing. Returns whether that is new. */
  inTrouble(trouble: SerializedError): boolean {
    const isNew = this.#trouble === null
    this.#trouble = trouble
    return isNew
  }

  /** True for the first call: the warning about its memory limit is logged once. */
  reportMemory(): boolean {
    const isFirst = !this.#hasReportedMemory
    this.#hasReportedMemory = true
    return isFirst
  }
}
