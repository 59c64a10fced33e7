/** The environment variable that a worker process finds its order in. */
export const ORDER = 'CHANCY_BENCH_ORDER'

/** What a worker process is started with. */
export interface WorkerOrder {
  readonly url: string
  readonly schema: string
  readonly durableClaims: boolean
  /** Its jobs take 60 ms, longer than what would be read ahead: each is claimed by itself. */
  readonly isSlow: boolean
  /** It is ready when it has checked that many queues. */
  readonly queues: number
}

/** Messages of the bench to a worker process. */
export type ToWorker = 'report-claims' | 'stop'

/** Messages of a worker process to the bench. Times are milliseconds since 1970, with a fraction. */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** Saved so far, and when the last of them was. */
  | { readonly kind: 'saved'; readonly saved: number; readonly atMs: number }
  | ({ readonly kind: 'claims' } & ClaimTimes)
  | { readonly kind: 'stopped'; readonly peakMib: number }

/** How long claims took that came back with a job, in milliseconds. */
export interface ClaimTimes {
  /** Those that took exactly one. */
  readonly lone: readonly number[]
  readonly all: readonly number[]
}
