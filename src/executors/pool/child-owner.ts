import type { Outcome } from '../../core/outcome.ts'
import type { ChildExit } from '../child.ts'
import type { LogLine } from '../protocol.ts'
import type { PooledAttempt } from './pooled-attempt.ts'

/** Is called by children, which are `C`. */
export interface ChildOwner<C> {
  /** By how much the clock of time limits is ahead of the real one, in milliseconds; 0 where it is that. */
  readonly aheadMs: number
  onReady(child: C): void
  onBegun(attempt: PooledAttempt): void
  /** Lines have come: the child may be able to take more. */
  onActivity(): void
  onEnded(attempt: PooledAttempt, outcome: Outcome): void
  /** The attempt has not begun and never will in this child. */
  onReturned(attempt: PooledAttempt): void
  /** A line that belongs to no attempt, or to one of several. */
  onLog(line: LogLine): void
  /** @param left The attempts that the child had. */
  onGone(child: C, exit: ChildExit, left: readonly PooledAttempt[]): void
}
