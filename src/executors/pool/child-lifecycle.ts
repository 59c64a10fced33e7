import type { PooledAttempt } from './pooled-attempt.ts'

export type ChildState = 'booting' | 'ready' | 'retiring' | 'killed' | 'gone'

/** The end of a child, as policies see it. */
export type EndOfChild = Pick<
  ChildLifecycle,
  'retiredAt' | 'unresponsiveAt' | 'isTerminated' | 'killedFor' | 'culprit'
>

/** The states of a child and its end: when it was asked to end, how, and for which attempt. */
export class ChildLifecycle {
  #state: ChildState = 'booting'
  #retiredAt: number | null = null
  #unresponsiveAt: number | null = null
  #isTerminated = false
  #killedFor: PooledAttempt | null = null
  #culprit: PooledAttempt | 'none of them' | null = null

  get state(): ChildState {
    return this.#state
  }

  /** When it was asked to end in its own time. */
  get retiredAt(): number | null {
    return this.#retiredAt
  }

  /** When it was found not to begin what it has. */
  get unresponsiveAt(): number | null {
    return this.#unresponsiveAt
  }

  /** It was sent SIGTERM. */
  get isTerminated(): boolean {
    return this.#isTerminated
  }

  /** The attempt for which it was killed. */
  get killedFor(): PooledAttempt | null {
    return this.#killedFor
  }

  /** The attempt that ends the process, as the process itself has reported. */
  get culprit(): PooledAttempt | 'none of them' | null {
    return this.#culprit
  }

  /** Returns false when it was given up while it started. */
  becameReady(): boolean {
    if (this.#state !== 'booting') return false
    this.#state = 'ready'
    return true
  }

  /** Gets no more attempts. */
  close(): void {
    if (this.#state === 'ready') this.#state = 'retiring'
  }

  /** Gets no more attempts. Returns true when the child is to be asked to end: once, when it has none left. */
  retire(load: number, now: number): boolean {
    this.close()
    if (this.#state !== 'retiring' || load > 0 || this.#retiredAt !== null) return false
    this.#retiredAt = now
    return true
  }

  unresponsive(now: number): void {
    this.#unresponsiveAt = now
  }

  terminated(): void {
    this.#isTerminated = true
  }

  /** Returns false when the child is gone already. */
  kill(attempt: PooledAttempt | null): boolean {
    if (this.#state === 'gone') return false
    this.#state = 'killed'
    this.#killedFor ??= attempt
    return true
  }

  exiting(culprit: PooledAttempt | 'none of them'): void {
    this.#culprit = culprit
  }

  gone(): void {
    this.#state = 'gone'
  }
}
