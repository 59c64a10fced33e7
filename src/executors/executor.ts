import type { BeginPermit } from '../core/begin-permit.ts'
import type { ClaimedJob } from '../core/claimed-job.ts'
import type { StoredLimits } from '../core/limit.ts'
import type { LogLevel } from '../core/logger.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Stop } from '../core/stop.ts'

/** One run of a job, as an executor takes it. */
export interface Attempt {
  readonly job: ClaimedJob
  /** In force for this attempt: the row's, else the definition's. */
  readonly limits: StoredLimits
  readonly report: AttemptReport
  /** Asked right before it begins; one that may not is `interrupted`. Default: it may begin at any time. */
  readonly permit?: BeginPermit
}

/** What running code tells about itself. */
export interface AttemptReport {
  /** JSON text of the latest progress. */
  progress(job: ClaimedJob, value: string): void
  log(job: ClaimedJob, level: LogLevel, fields: object, message: string | undefined): void
}

/**
 * How a worker runs the jobs of one queue. It takes an attempt and gives back an outcome, and knows
 * neither queue nor database nor plugins.
 */
export interface Executor {
  /** Resolves when an attempt would begin at once. @throws {ConfigError} when none ever would */
  start(): Promise<void>
  /**
   * Never rejects: what went wrong is an `Outcome`. Takes more attempts than may run at once; the
   * rest wait in their order, and one that is asked to stop while it waits ends at once.
   *
   * Asked to stop, an attempt that has begun ends within `killAfterMs` (inline: when the code ends).
   */
  run(attempt: Attempt, stop: Stop): Promise<Outcome>
  /** Attempts that were taken and have not ended. */
  readonly running: number
  /** How many attempts at once where the queue does not say. */
  readonly defaultConcurrency: number
  /**
   * How many attempts it could run at once now, those that it has among them: at most the concurrency
   * of the queue, and fewer while children are missing or blocked.
   */
  readonly capacity: number
  /**
   * How many attempts it can use now beyond the ones that may run at once, so that no child waits
   * for its next: many while jobs are short, 0 while they are long.
   */
  readonly ahead: number
  /** Ends as `interrupted` what was taken and has not begun, so that another worker can have it. */
  giveBack(): void
  /** Is called when the capacity has grown by itself: not for an attempt that has ended. */
  onCapacity?: () => void
  /** Takes over what the queue says now. */
  update(settings: ExecutorSettings): void
  /** What still runs is asked to stop, and after `graceMs` it is made to. Resolves when nothing is left. */
  stop(options: { readonly graceMs: number }): Promise<void>
}

/** What a queue says about its executor. */
export interface ExecutorSettings {
  /** Attempts at once. Default: `defaultConcurrency`. */
  readonly concurrency?: number
  /** For `process` and `thread`. Default: see `RecyclePolicy`. */
  readonly maximumJobsPerChild?: number
  /** From the abort signal to the end that cannot be refused, in milliseconds. Default: 5,000. */
  readonly killAfterMs?: number
}
