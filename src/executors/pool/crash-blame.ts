import type { StopReason } from '../../core/stop-request.ts'

/** What is known of the end of a child. */
export interface CrashEvidence<A> {
  /** The attempt that ended the process, as the process itself has reported. */
  readonly culprit: A | 'none of them' | null
  /** The attempt for which it was killed. */
  readonly killedFor: A | null
}

/** `suspect`: it may have been this attempt, and is not known. */
export type Blame = 'its own' | 'suspect' | 'innocent'

/**
 * Whether the end of a child is that of an attempt which had begun in it. One that had been asked to
 * stop has ended by that.
 *
 * @param isOnly No other attempt had begun.
 */
export function blameFor<A extends { readonly stop: { readonly reason: StopReason | null } }>(
  attempt: A,
  isOnly: boolean,
  { culprit, killedFor }: CrashEvidence<A>,
): Blame {
  if (attempt === culprit || attempt === killedFor || attempt.stop.reason !== null) return 'its own'
  if (isOnly && culprit !== 'none of them') return 'its own'
  return culprit === null && killedFor === null ? 'suspect' : 'innocent'
}
