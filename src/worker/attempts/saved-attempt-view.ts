import { failureOf, queuedJobOf } from '../../core/claimed-job.ts'
import type { AttemptFailure, JobState, QueuedJob } from '../../core/queued-job.ts'
import type { JobUpdate, SettledState } from '../../core/settle.ts'
import type { SavedAttempt } from '../../plugin/hooks/saved-attempt.ts'

/**
 * What `onSaved` is given of an outcome: it reads the update, so that counting a batch makes nothing of
 * its jobs. A snapshot is made when a plugin asks for it.
 */
export class SavedAttemptView implements SavedAttempt {
  readonly state: SettledState
  readonly #update: JobUpdate
  readonly #atMs: number
  #job: QueuedJob | null = null

  constructor(update: JobUpdate, state: SettledState, atMs: number) {
    this.state = state
    this.#update = update
    this.#atMs = atMs
  }

  get id(): string {
    return this.#update.job.id
  }

  get name(): string {
    return this.#update.job.name
  }

  get queue(): string {
    return this.#update.job.queue
  }

  get attempt(): number {
    return this.#update.job.attempts
  }

  get isReleased(): boolean {
    return this.#update.front
  }

  get error(): AttemptFailure | null {
    const { error } = this.#update
    return error === null ? null : failureOf(stamped(error, this.#atMs))
  }

  get waitMs(): number | null {
    const { attempts, startedMs, createdMs, scheduledMs } = this.#update.job
    if (attempts !== 1) return null
    return Math.max(0, startedMs - Math.max(createdMs, scheduledMs ?? createdMs))
  }

  get wallMs(): number | null {
    const { usage, ranMs } = this.#update
    return usage?.wallMs ?? ranMs
  }

  get cpuMs(): number | null {
    return this.#update.usage?.cpuMs ?? null
  }

  get peakBytes(): number | null {
    return this.#update.usage?.peakBytes ?? null
  }

  get meta(): Readonly<Record<string, unknown>> {
    return this.#update.meta ?? this.#update.job.extras.meta ?? {}
  }

  get job(): QueuedJob {
    this.#job ??= savedJob(this.#update, this.state, this.#atMs)
    return this.#job
  }
}

/** The snapshot of a job as it was saved. */
export function savedJob(update: JobUpdate, state: JobState, atMs: number): QueuedJob {
  const before = queuedJobOf(update.job)
  const isFinal = state !== 'pending' && state !== 'retrying'
  const error = update.error
  return Object.freeze({
    ...before,
    state,
    attempts: before.attempts - (update.givenBack ? 1 : 0),
    finishedAt: isFinal ? new Date(atMs) : null,
    errors: error === null ? before.errors : [...before.errors, failureOf(stamped(error, atMs))],
    result: state === 'succeeded' && update.result !== null ? JSON.parse(update.result) : null,
    meta: update.meta ?? before.meta,
    progress: update.progress === undefined ? before.progress : JSON.parse(update.progress),
    ...(update.usage === null ? {} : { usage: update.usage }),
  }) as QueuedJob
}

/** With the time by the clock of the database. */
function stamped(error: NonNullable<JobUpdate['error']>, atMs: number) {
  return { ...error, at: new Date(atMs).toISOString() }
}
