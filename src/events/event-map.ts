import type { Actor } from '../core/action-options.ts'
import type { BulkState } from '../core/bulk-action.ts'
import type { AttemptErrorKind, JobState, QueuedJob } from '../core/queued-job.ts'
import type { EndedWorkflowState } from '../core/workflow-state.ts'

/** A job whose worker was lost, and what became of it. */
export interface RecoveredJob {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly state: 'pending' | 'failed' | 'cancelled'
}

/** Every event of Chancy itself: its payload, and when it happens. Past tense, dotted; facts, never commands. */
export interface CoreEventMap {
  /**
   * Jobs were pushed to a queue: by this process, or as a notification says. `isTaken` is true when a
   * worker of this process has claimed them with the push.
   */
  'queue.pushed': { readonly queue: string; readonly isTaken?: boolean }
  /** A queue was declared, paused, resumed or deleted. */
  'queue.changed': { readonly queue: string }
  /** A worker began to run a queue. */
  'queue.started': { readonly queue: string; readonly workerId: string }
  /** A worker stopped running a queue, and its attempts have ended. */
  'queue.stopped': { readonly queue: string; readonly workerId: string }
  /** A claim was answered: it scanned this many rows and claimed this many jobs. */
  'queue.polled': { readonly queue: string; readonly scanned: number; readonly claimed: number }
  /** A waiting job has been given a time to wait for that may be earlier than the stager knows. */
  'job.scheduled': { readonly queue: string }
  /** An attempt is about to run. Only while there is a listener. */
  'job.started': { readonly job: QueuedJob }
  /** The outcome of an attempt has been committed. Only while there is a listener. */
  'job.saved': { readonly job: QueuedJob }
  /**
   * A job has ended: by an attempt here, or by what a notification says. Then `state` is null, and the
   * row has to be asked, since every login role of the database may send notifications.
   */
  'job.finished': { readonly id: string; readonly state: JobState | null }
  /** The outcome of an attempt was refused: the job belongs to another attempt by now. */
  'outcome.rejected': { readonly id: string; readonly name: string; readonly fence: number }
  /** A running job is to be cancelled: by a call of this process, or as the row of a job here says. */
  'job.cancelled': { readonly id: string }
  /** The job of a step ended without a run, since what it waits for did not end as it needs. */
  'step.skipped': { readonly id: string }
  /** A workflow has ended: by what this process saved, cancelled or swept. */
  'workflow.finished': { readonly id: string; readonly state: EndedWorkflowState }
  /** A batch has ended: by what this process saved, cancelled, pushed or swept. */
  'batch.finished': { readonly id: string; readonly state: EndedWorkflowState }
  /**
   * A durable job waits without a slot. `for` has the kinds and names of what it waits for, and the signals of which one
   * ends a wait.
   */
  'job.waiting': {
    readonly id: string
    readonly name: string
    readonly queue: string
    readonly for: readonly {
      readonly kind: string
      readonly name: string
      readonly signals: readonly string[]
    }[]
  }
  /** An attempt of a durable job that waited has its records, and continues. */
  'job.resumed': { readonly id: string; readonly name: string; readonly queue: string }
  /** A durable job has recorded half of what a run may: 5,000 steps, or 8 MiB. Once an attempt. */
  'job.history': {
    readonly id: string
    readonly name: string
    readonly steps: number
    readonly bytes: number
  }
  /** A signal came to a durable job, which may be running: its rows say whether. */
  'job.signaled': { readonly id: string }
  /** This process has sent a signal to a durable job. */
  'signal.sent': { readonly id: string; readonly name: string }
  /** A signal was sent by a transaction of a caller: its job may have to be woken. */
  'signal.left': { readonly id: string }
  /** Signals of a durable job that has ended were removed, and nothing had taken them. */
  'signal.dropped': { readonly id: string; readonly name: string; readonly count: number }
  /** A search for signals whose jobs were not woken has ended. */
  'signals.swept': { readonly found: number; readonly woken: number }
  /** What durable jobs left that are gone was removed: how many rows. */
  'steps.swept': { readonly removed: number }
  /** An attempt ended badly. */
  'job.failed': {
    readonly id: string
    readonly name: string
    readonly attempt: number
    readonly kind: AttemptErrorKind
    readonly message: string
    /** Whether another attempt follows. */
    readonly retried: boolean
  }
  /** A batch of outcomes has been committed. */
  'outcomes.saved': { readonly saved: number; readonly lost: number }
  /** Jobs of workers without a lease were recovered. */
  'jobs.recovered': {
    readonly ids: readonly string[]
    readonly workerIds: readonly string[]
    readonly jobs: readonly RecoveredJob[]
  }
  /** A scan for expired leases has ended. */
  'recovery.checked': { readonly revoked: number; readonly recovered: number }
  /**
   * Ready jobs wait for what no worker has: their queue is not declared (`name` is null), or no worker of
   * it knows their function. Once a minute, on the worker that has lived longest. `hasMore`: there are more
   * than were counted.
   */
  'jobs.unserved': {
    readonly kind: 'queue-undeclared' | 'function-unknown'
    readonly queue: string
    readonly name: string | null
    readonly jobs: number
    readonly hasMore: boolean
  }
  /** One search for such jobs has ended. */
  'unserved.checked': { readonly found: number }
  /** Jobs whose time has come have a position in their queue. */
  'jobs.staged': { readonly staged: number }
  /** Jobs of claims whose answers were lost run on this worker now. */
  'jobs.reclaimed': { readonly ids: readonly string[] }
  /** The claims of this worker in the database were compared with those that it knows. */
  'claims.reconciled': { readonly reclaimed: number }
  /** The worker claims. */
  'worker.started': { readonly workerId: string }
  /** `pause()` was called: the worker claims nothing until `resume()`. */
  'worker.paused': { readonly workerId: string }
  /** `resume()` was called: the worker claims again. */
  'worker.resumed': { readonly workerId: string }
  /** Nothing of the worker runs any more. */
  'worker.stopped': { readonly workerId: string }
  /** Another worker revoked the expired lease: running attempts are aborted, and the worker takes a new id. */
  'worker.revoked': { readonly workerId: string }
  /** The lease was renewed. */
  'lease.renewed': { readonly workerId: string }
  /** The lease could not be renewed and may expire: the worker claims nothing until it is renewed. */
  'lease.at_risk': { readonly workerId: string }
  /**
   * A statement failed, or the server could not be reached. `what` says during what. The part that met the
   * error repeats its work.
   */
  'database.error': { readonly what: string; readonly error: unknown }
  /** This process has done what a call with an actor or a reason asked for, and the audit log has it. */
  'action.done': {
    readonly verb: string
    readonly target: string | null
    readonly actor: Actor | null
    readonly reason: string | null
    readonly jobs: number | null
  }
  /** Such a call was refused: `code` is that of its error. */
  'action.refused': {
    readonly verb: string
    readonly target: string | null
    readonly actor: Actor | null
    readonly reason: string | null
    readonly code: string | null
  }
  /** This process has started a bulk action, or paused, resumed, slowed, stopped or undone it. */
  'bulk.changed': { readonly id: string }
  /** A transaction of a bulk action has committed: what it has done so far. */
  'bulk.stepped': {
    readonly id: string
    readonly state: BulkState
    readonly done: number
    readonly skipped: number
    readonly failed: number
  }
  /** Listening has begun. */
  'notifier.connected': Record<never, never>
  /** Listening has ended by itself; polling carries on. */
  'notifier.lost': { readonly error: unknown }
  /** Listening again. Notifications that were sent in between are lost, so listeners read the tables once. */
  'notifier.reconnected': Record<never, never>
  /** A scan for blocked jobs whose group has free slots has ended. */
  'groups.swept': { readonly ready: number; readonly removed: number }
  /** What was kept of unique keys for a time, such as a throttle that has passed, was removed. */
  'unique_keys.swept': { readonly removed: number }
  /** A scan for what is due in workflows has ended. */
  'workflows.swept': { readonly followed: number; readonly removed: number }
  /** Partitions of the history were created ahead of time, or dropped after their retention. */
  'partitions.maintained': { readonly created: number; readonly dropped: number }
  /** Indexes were made of days of the history that are over; `left` lack one still. */
  'days.indexed': { readonly made: number; readonly left: number }
  /** A loop of a plugin is to make its next pass now: `wake` was called in some process. */
  'plugin.woken': { readonly plugin: string; readonly loop: string }
  /**
   * A pass of a loop of a plugin has ended. `nextMs` is how long the loop waits for the next one, null
   * after an error: then the wait grows from 1 to 60 seconds.
   */
  'plugin.passed': {
    readonly plugin: string
    readonly loop: string
    readonly isLeader: boolean
    readonly isWoken: boolean
    readonly nextMs: number | null
    readonly error: unknown
  }
}

/**
 * Every event: those of Chancy itself, and those that plugins add by
 * `declare module 'chancy' { interface EventMap { 'acme.audit.written': { readonly id: string } } }`.
 */
export interface EventMap extends CoreEventMap {}

/** The name of an event. */
export type EventName = keyof EventMap

/** Those of Chancy as values, for the check of a name that is given. */
const NAMES: Readonly<Record<keyof CoreEventMap, true>> = {
  'queue.pushed': true,
  'queue.changed': true,
  'queue.started': true,
  'queue.stopped': true,
  'queue.polled': true,
  'job.scheduled': true,
  'job.started': true,
  'job.saved': true,
  'job.finished': true,
  'outcome.rejected': true,
  'job.cancelled': true,
  'step.skipped': true,
  'workflow.finished': true,
  'batch.finished': true,
  'job.waiting': true,
  'job.resumed': true,
  'job.history': true,
  'job.signaled': true,
  'signal.sent': true,
  'signal.left': true,
  'signal.dropped': true,
  'signals.swept': true,
  'steps.swept': true,
  'job.failed': true,
  'outcomes.saved': true,
  'jobs.recovered': true,
  'recovery.checked': true,
  'jobs.unserved': true,
  'unserved.checked': true,
  'jobs.staged': true,
  'jobs.reclaimed': true,
  'claims.reconciled': true,
  'worker.started': true,
  'worker.paused': true,
  'worker.resumed': true,
  'worker.stopped': true,
  'worker.revoked': true,
  'lease.renewed': true,
  'lease.at_risk': true,
  'database.error': true,
  'action.done': true,
  'action.refused': true,
  'bulk.changed': true,
  'bulk.stepped': true,
  'notifier.connected': true,
  'notifier.lost': true,
  'notifier.reconnected': true,
  'groups.swept': true,
  'unique_keys.swept': true,
  'workflows.swept': true,
  'partitions.maintained': true,
  'days.indexed': true,
  'plugin.woken': true,
  'plugin.passed': true,
}
export const EVENT_NAMES = Object.freeze(Object.keys(NAMES)) as readonly EventName[]
