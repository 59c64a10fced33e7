import type { JobState } from './queued-job.ts'
import type { StepState } from './workflow-state.ts'

/** Why a waiting job is not running: one fact each. */
export type WaitReason =
  /** Its time has not come. */
  | { readonly kind: 'scheduled'; readonly at: Date }
  /** It waits after a failed attempt, a snooze or a lost worker. */
  | { readonly kind: 'backoff'; readonly until: Date }
  | { readonly kind: 'queue-paused'; readonly queue: string; readonly resumeAt: Date | null }
  | { readonly kind: 'queue-undeclared'; readonly queue: string }
  /**
   * No living worker has a tag that one of the patterns matches, and serves this queue. `refusals`
   * are the reasons of workers that match and cannot run its jobs, where there are such.
   */
  | {
      readonly kind: 'no-worker'
      readonly queue: string
      readonly tags: readonly string[]
      readonly refusals?: readonly string[]
    }
  /**
   * All workers of the queue that know its function are paused, by `worker.pause()`. `workers` are the first 100, the
   * oldest first.
   */
  | {
      readonly kind: 'workers-paused'
      readonly queue: string
      readonly workers: readonly PausedWorker[]
      readonly hasMore: boolean
    }
  /** None of the workers of the queue knows a function of this name. */
  | { readonly kind: 'function-unknown'; readonly name: string }
  /**
   * Its group is full by its own limit, or by that of one that comes before it in the group.
   * `holders` are the jobs that run in it, the first 1,000.
   */
  | {
      readonly kind: 'concurrency'
      readonly group: string
      readonly max: number
      readonly running: number
      readonly holders: readonly string[]
    }
  /** The queue has used up its starts. */
  | {
      readonly kind: 'rate-limit'
      readonly max: number
      readonly perMs: number
      readonly nextStart: Date
    }
  /** A step whose turn has not come: it waits for other steps of its workflow, the first 100 by name. */
  | {
      readonly kind: 'dependency'
      readonly workflow: string
      readonly waitsFor: readonly OpenStep[]
      readonly hasMore: boolean
    }
  /** Of a batch, explained by its own id: its callbacks are pushed when all of its jobs have ended. */
  | {
      readonly kind: 'batch'
      readonly batch: string
      /** Jobs that were pushed so far, and those of them that have not ended. */
      readonly total: number
      readonly open: number
      /** Whether more are being pushed. */
      readonly isPushing: boolean
    }
  /** A durable job that waits for one of these signals, until a time or for ever. */
  | { readonly kind: 'signal'; readonly signals: readonly string[]; readonly until: Date | null }
  /** A durable job that waits for the jobs that it invoked. */
  | { readonly kind: 'job'; readonly step: string }
  /** Others come first; counted to 1,000. */
  | { readonly kind: 'behind'; readonly ahead: number; readonly hasMore: boolean }

/** A worker that claims nothing. */
export interface PausedWorker {
  readonly id: string
  readonly label: string | null
}

/** A step that has not ended. */
export interface OpenStep {
  readonly step: string
  /** The id of its job; null for a map, and for the begin or the end of an included workflow. */
  readonly job: string | null
  readonly state: StepState
}

/** The answer of `explain`. */
export interface Explanation {
  readonly state: JobState
  /** Whether nothing but the jobs ahead of it keeps it from starting. */
  readonly runnable: boolean
  readonly reasons: readonly WaitReason[]
  /** The earliest time at which it could start, where one is known. */
  readonly earliestStart?: Date
}

/** Jobs of a queue by what keeps them; each counted to 10,000. */
export interface QueueExplanation {
  readonly queue: string
  readonly state: 'active' | 'paused' | 'undeclared'
  readonly counts: {
    /** In the line. */
    readonly ready: Count
    /** Those of them that the queue itself keeps: all, or none. */
    readonly 'queue-paused': Count
    readonly 'queue-undeclared': Count
    readonly 'no-worker': Count
    /** All workers of the queue are paused. */
    readonly 'workers-paused': Count
    readonly 'rate-limit': Count
    readonly scheduled: Count
    readonly backoff: Count
    /** Steps of workflows that wait for other steps. */
    readonly dependency: Count
    /** Durable jobs that wait without a slot: for a time, a signal or a job. */
    readonly durable: Count
    readonly concurrency: Count
    /** Parked by a worker that did not know their function. */
    readonly 'function-unknown': Count
    readonly running: Count
  }
}

/** A number of jobs, counted to a bound. */
export interface Count {
  readonly jobs: number
  /**
   * Whether there are more than were counted. Of `concurrency` and `running` also when there may be:
   * they are looked for among 50,000 groups with waiting jobs and 50,000 running jobs of all queues.
   */
  readonly hasMore: boolean
}
