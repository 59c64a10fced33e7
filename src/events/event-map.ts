import type { AttemptErrorKind, JobState, QueuedJob } from '../core/queued-job.ts'

/** Every event: its payload, and when it happens. Past tense, dotted; facts, never commands. */
export interface EventMap {
  /**
   * Jobs were pushed to a queue: by this process, or told by a notification. `isTaken` is true when a
   * worker of this process has claimed them with the push.
   */
  'queue.pushed': { readonly queue: string; readonly isTaken?: boolean }
  /** A queue was declared, paused, resumed or deleted. */
  'queue.changed': { readonly queue: string }
  /** A worker began to run a queue. */
  'queue.started': { readonly queue: string; readonly workerId: string }
  /** A worker stopped running a queue, and its attempts have ended. */
  'queue.stopped': { readonly queue: string; readonly workerId: string }
  /** One claim is over. `looked` rows were seen and `taken` of them now run here. */
  'queue.polled': { readonly queue: string; readonly looked: number; readonly taken: number }
  /** A waiting job has been given a time to wait for that may be earlier than the stager knows. */
  'job.scheduled': { readonly queue: string }
  /** An attempt is about to run. Only while somebody listens. */
  'job.started': { readonly job: QueuedJob }
  /** The outcome of an attempt has been committed. Only while somebody listens. */
  'job.saved': { readonly job: QueuedJob }
  /**
   * A job has ended: by an attempt here, or by what a notification says. Then `state` is null, and the
   * row has to be asked, since every login role of the database may send notifications.
   */
  'job.finished': { readonly id: string; readonly state: JobState | null }
  /** The outcome of an attempt was refused: the job belongs to another attempt by now. */
  'job.lost': { readonly id: string; readonly name: string; readonly fence: number }
  /** A running job is to be cancelled: by a call of this process, or as the row of a job here says. */
  'job.cancelled': { readonly id: string }
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
  /** Jobs of workers without a lease came back. */
  'jobs.recovered': { readonly ids: readonly string[]; readonly workerIds: readonly string[] }
  /** One look for expired leases is over. */
  'recovery.checked': { readonly revoked: number; readonly recovered: number }
  /**
   * Ready jobs wait for what no worker has: their queue is not declared (`name` is null), or no worker of
   * it knows their function. Once a minute, on the worker that has lived longest. `more`: there are more
   * than were counted.
   */
  'jobs.unserved': {
    readonly kind: 'queue-undeclared' | 'function-unknown'
    readonly queue: string
    readonly name: string | null
    readonly jobs: number
    readonly more: boolean
  }
  /** One look for such jobs is over. */
  'unserved.checked': { readonly found: number }
  /** Jobs whose time had come have their place in the line. */
  'jobs.staged': { readonly staged: number }
  /** Jobs that a lost answer had left with this worker are running now. */
  'jobs.adopted': { readonly ids: readonly string[] }
  /** One look for such jobs is over. */
  'adoption.checked': { readonly adopted: number }
  /** The worker claims. */
  'worker.started': { readonly workerId: string }
  /** Nothing of the worker runs any more. */
  'worker.stopped': { readonly workerId: string }
  /** The lease was found revoked: everything that ran is aborted, and a new id taken. */
  'worker.lost': { readonly workerId: string }
  /** The lease was renewed. */
  'lease.renewed': { readonly workerId: string }
  /** The lease could not be renewed in time: nothing is claimed until it is. */
  'lease.doubted': { readonly workerId: string }
  /** The database told this process something that it does not understand, or could not be reached. */
  'database.troubled': { readonly what: string; readonly error: unknown }
  /** Listening has begun. */
  'notifier.connected': Record<never, never>
  /** Listening has ended by itself; polling carries on. */
  'notifier.lost': { readonly error: unknown }
  /** Listening again: whoever waits should look once. */
  'notifier.resumed': Record<never, never>
  /** One look for blocked jobs whose group has room is over. */
  'groups.swept': { readonly ready: number; readonly removed: number }
  /** Days of history were made or dropped. */
  'history.kept': { readonly made: number; readonly dropped: number }
}

export type EventName = keyof EventMap

/** The same as values, for the check of a name that is given. */
const NAMES: Readonly<Record<EventName, true>> = {
  'queue.pushed': true,
  'queue.changed': true,
  'queue.started': true,
  'queue.stopped': true,
  'queue.polled': true,
  'job.scheduled': true,
  'job.started': true,
  'job.saved': true,
  'job.finished': true,
  'job.lost': true,
  'job.cancelled': true,
  'job.failed': true,
  'outcomes.saved': true,
  'jobs.recovered': true,
  'recovery.checked': true,
  'jobs.unserved': true,
  'unserved.checked': true,
  'jobs.staged': true,
  'jobs.adopted': true,
  'adoption.checked': true,
  'worker.started': true,
  'worker.stopped': true,
  'worker.lost': true,
  'lease.renewed': true,
  'lease.doubted': true,
  'database.troubled': true,
  'notifier.connected': true,
  'notifier.lost': true,
  'notifier.resumed': true,
  'groups.swept': true,
  'history.kept': true,
}
export const EVENT_NAMES = Object.freeze(Object.keys(NAMES)) as readonly EventName[]
