import type { Usage } from './queued-job.ts'
import type { SerializedError } from './serialize-error.ts'

/**
 * How an attempt ended: one fact each. An executor gives it back and decides nothing; what becomes
 * of the job is decided in `settle`.
 */
export type Outcome = { readonly usage?: Usage } & (
  | { readonly kind: 'returned'; readonly result: string | null }
  | { readonly kind: 'threw'; readonly error: SerializedError }
  | { readonly kind: 'discarded'; readonly error: SerializedError }
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  | { readonly kind: 'retry-asked'; readonly delayMs: number; readonly error: SerializedError }
  | { readonly kind: 'timed-out'; readonly limitMs: number }
  | { readonly kind: 'over-memory'; readonly limitBytes: number }
  | { readonly kind: 'cancelled' }
  /** Given back: the worker stops, or the attempt could not begin; `error` says why, where there is more to say. */
  | { readonly kind: 'interrupted'; readonly error?: SerializedError }
  | { readonly kind: 'child-lost'; readonly error: SerializedError }
  | { readonly kind: 'limit-not-supported'; readonly error: SerializedError }
  /** The row holds what no job may have: it was written by hand. */
  | { readonly kind: 'row-invalid'; readonly error: SerializedError }
  | { readonly kind: 'not-storable'; readonly error: SerializedError }
)
