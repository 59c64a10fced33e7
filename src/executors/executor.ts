import type { ClaimedJob } from '../core/claimed-job.ts'
import type { DurableHost } from '../core/durable-record.ts'
import type { StoredLimits } from '../core/limit.ts'
import type { LogLevel } from '../core/logger.ts'
import type { Outcome } from '../core/outcome.ts'
import type { BeginPermit, StopRequest } from '../core/stop-request.ts'

/** One run of a job, as an executor takes it. */
export interface Attempt {
  readonly job: ClaimedJob
  /** In force for this attempt: the row's, else the definition's. */
  readonly limits: StoredLimits
  readonly report: AttemptReport
  /** Checked right before it begins; one that may not is `interrupted`. Default: it may begin at any time. */
  readonly permit?: BeginPermit
  /** Of a durable job: what was recorded, and where it records. */
  readonly durable?: DurableHost
}

/** What a worker answers to `AttemptReport.outputs`. */
export interface OutputsPage {
  /** Why there is no page, or null. `lost`: another attempt has the job; `unknown`: no step of that name; `open`: it has not ended. */
  readonly fault: 'lost' | 'unknown' | 'no-map' | 'open' | null
  /** JSON texts, in the order of the items of the map. */
  readonly items: readonly string[]
  readonly hasMore: boolean
}

/** Is called with what running code reports, and asks for. */
export interface AttemptReport {
  /** JSON text of the latest progress. */
  progress(job: ClaimedJob, value: string): void
  log(job: ClaimedJob, level: LogLevel, fields: object, message: string | undefined): void
  /** A page of what the jobs of a map of the job's workflow gave, from the item `after` on. */
  outputs(job: ClaimedJob, step: string, after: number): Promise<OutputsPage>
}

/**
 * How a worker runs the jobs of one queue. It takes an attempt and returns an outcome, and knows
 * neither queue nor database nor plugins.
 */
export interface Executor {
  /** Resolves when an attempt would begin immediately. @throws {ConfigError} when none ever would */
  start(): Promise<void>
  /**
   * Never rejects: what went wrong is an `Outcome`. Takes more attempts than may run concurrently; the
   * others wait in their order, and one that is asked to stop while it waits ends immediately.
   *
   * Asked to stop, an attempt that has begun ends within `killAfterMs` (inline: when the code ends).
   */
  run(attempt: Attempt, stop: StopRequest): Promise<Outcome>
  /** Attempts that were taken and have not ended. */
  readonly running: number
  /** How many attempts may run concurrently where the queue does not set it. */
  readonly defaultConcurrency: number
  /**
   * How many attempts it could run concurrently now, with those that it has: at most the concurrency
   * of the queue, and fewer while children are missing or blocked.
   */
  readonly capacity: number
  /**
   * How many attempts it can use now beyond those that may run concurrently, so that no child waits
   * for its next: many while jobs are short, 0 while they are long.
   */
  readonly ahead: number
  /** Ends as `interrupted` what was taken and has not begun, so that another worker can have it. */
  returnUnbegun(): void
  /** Is called when the capacity has grown by itself: not for an attempt that has ended. */
  onCapacity?: () => void
  /** Takes over the settings that the queue has now. */
  update(settings: ExecutorSettings): void
  /** What still runs is asked to stop, and after `graceMs` it is made to. Resolves when nothing is left. */
  stop(options: { readonly graceMs: number }): Promise<void>
}

/** The settings of a queue for its executor. */
export interface ExecutorSettings {
  /** Attempts that may run concurrently. Default: `defaultConcurrency`. */
  readonly concurrency?: number
  /** For `process` and `thread`. Default: see `RecyclePolicy`. */
  readonly maximumJobsPerChild?: number
  /** From the abort signal to the end that cannot be refused, in milliseconds. Default: 5,000. */
  readonly killAfterMs?: number
}
