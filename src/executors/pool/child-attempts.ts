import { MAX_SEQ } from '../protocol.ts'
import type { PooledAttempt } from './pooled-attempt.ts'

/** The attempts of a child, as policies see them. */
export type AttemptsOfChild = Pick<
  ChildAttempts,
  'size' | 'begun' | 'given' | 'unbegun' | 'firstSince' | typeof Symbol.iterator
>

/** The attempts that a child has: sent to it, and begun. */
export class ChildAttempts {
  readonly #attempts = new Map<number, PooledAttempt>()
  #seq = 0
  #quota = Number.POSITIVE_INFINITY
  #given = 0
  #begun = 0
  #stopping = 0
  #first: { readonly seq: number; readonly since: number } | null = null

  get size(): number {
    return this.#attempts.size
  }

  /** Those that have begun. */
  get begun(): number {
    return this.#begun
  }

  /** Those that were given and not returned, with those that have ended. */
  get given(): number {
    return this.#given
  }

  /** One of them has begun and was asked to stop. */
  get isStopping(): boolean {
    return this.#stopping > 0
  }

  /** Since when the oldest one has been the oldest, as `observe` has seen; null: there is none. */
  get firstSince(): number | null {
    return this.#first?.since ?? null
  }

  /** Those that have not begun. */
  get unbegun(): PooledAttempt[] {
    return this.inState('sent')
  }

  get(seq: number): PooledAttempt | undefined {
    return this.#attempts.get(seq)
  }

  [Symbol.iterator](): IterableIterator<PooledAttempt> {
    return this.#attempts.values()
  }

  inState(state: 'sent' | 'begun'): PooledAttempt[] {
    return [...this.#attempts.values()].filter((attempt) => attempt.state === state)
  }

  /** The child gets no more: as many were given as the strictest of its tenants allows. */
  get isFull(): boolean {
    return this.#seq >= MAX_SEQ || this.#given >= this.#quota
  }

  /** Takes an attempt and returns its number. @param quota The most that its tenant allows in one child. */
  add(attempt: PooledAttempt, quota: number): number {
    this.#quota = Math.min(this.#quota, quota)
    const seq = ++this.#seq
    this.#attempts.set(seq, attempt)
    this.#given++
    return seq
  }

  began(attempt: PooledAttempt, now: number, aheadMs: number): void {
    attempt.began(now, aheadMs)
    this.#begun++
  }

  stopping(attempt: PooledAttempt, now: number): void {
    if (attempt.stoppingSince !== null) return
    attempt.stopping(now)
    this.#stopping++
  }

  ended(attempt: PooledAttempt): void {
    this.#attempts.delete(attempt.seq)
    if (attempt.state === 'begun') this.#begun--
    if (attempt.stoppingSince !== null) this.#stopping--
  }

  /** One that has not begun goes elsewhere. */
  returned(attempt: PooledAttempt): void {
    this.#attempts.delete(attempt.seq)
    this.#given--
  }

  /** Notes which attempt is the oldest, while none has begun. */
  observe(now: number): void {
    if (this.#begun > 0) return
    const first = this.#attempts.keys().next()
    if (first.done) this.#first = null
    else if (this.#first?.seq !== first.value) this.#first = { seq: first.value, since: now }
  }

  /** The child has ended: removes all of them and returns them. */
  clear(): PooledAttempt[] {
    const left = [...this.#attempts.values()]
    this.#attempts.clear()
    return left
  }
}
