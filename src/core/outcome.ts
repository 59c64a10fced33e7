import type { OpenWait } from './durable-record.ts'
import type { Usage } from './queued-job.ts'
import type { SerializedError } from './serialize-error.ts'

/**
 * How an attempt ended: one fact each. An executor returns it and decides nothing; what becomes
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
  /** Returned: the worker stops, or the attempt could not begin; `error` says why, where there is more to say. */
  | { readonly kind: 'interrupted'; readonly error?: SerializedError }
  | { readonly kind: 'child-lost'; readonly error: SerializedError }
  | { readonly kind: 'limit-not-supported'; readonly error: SerializedError }
  /** The row holds what no job may have: it was written by hand. */
  | { readonly kind: 'row-invalid'; readonly error: SerializedError }
  | { readonly kind: 'not-storable'; readonly error: SerializedError }
  /** A durable job: all that is open is waits, and its slot is released. Everything else was saved before. */
  | { readonly kind: 'parked'; readonly waits: readonly OpenWait[] }
  /** A durable job begins its next run. `args`: JSON text of an object. */
  | { readonly kind: 'continued'; readonly args: string }
  /** The code of a durable job does not fit to what was recorded. */
  | { readonly kind: 'steps-changed'; readonly error: SerializedError }
  /** A durable job has recorded as much as a run may. */
  | { readonly kind: 'history-full'; readonly error: SerializedError }
  /** A durable job whose deadline has passed. */
  | { readonly kind: 'expired' }
)
