import { type Backoff, backoffDelayMs } from './backoff.ts'
import type { ClaimedJob, StoredFailure } from './claimed-job.ts'
import type { OpenWait } from './durable-record.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Outcome } from './outcome.ts'
import type { AttemptErrorKind, Usage } from './queued-job.ts'
import { messageWithCause, type SerializedError, stackWithCauses } from './serialize-error.ts'
import { showSize } from './size.ts'

/** A job whose worker or child died this often is failed, whatever attempts it has left. */
export const MAX_CRASHES = 3

/** The state an attempt can lead to. */
export type SettledState = 'succeeded' | 'failed' | 'cancelled' | 'retrying' | 'pending'

/** What is to be saved of an attempt, under its fence. */
export interface JobUpdate {
  readonly job: ClaimedJob
  readonly state: SettledState
  /** JSON text, or null. */
  readonly result: string | null
  readonly error: StoredFailure | null
  /** For `retrying` and `pending`: how long to wait, in milliseconds. */
  readonly delayMs: number
  /** The attempt is not counted. */
  readonly givenBack: boolean
  /** One more death of a child. */
  readonly crashed: boolean
  /** Goes back before everything that is ready, since it is older. */
  readonly front: boolean
  readonly usage: Usage | null
  /** Not saved: for plugins, where there is no usage. */
  readonly ranMs: number | null
  /** Set when something other than the outcome is to be saved with it. */
  readonly meta?: Readonly<Record<string, unknown>>
  /** JSON text of the last progress. */
  readonly progress?: string
  /** What the worker's definition says, where the row says nothing. */
  readonly retentionMs?: number
  /** Of a durable job that waits without a slot: what it waits for. */
  readonly parked?: readonly OpenWait[]
  /** Of a durable job that begins its next run: its arguments, a JSON text. */
  readonly continued?: string
  /** The attempt of a durable job recorded something, so attempts and crashes are counted from it: 1, and 0 or 1. */
  readonly countsAnew?: true
  /** Of a durable job. */
  readonly isDurable?: true
}

/**
 * Says how long the executor took, in an update that nothing else holds yet. A copy of it, or of the outcome, costs
 * each attempt some microseconds.
 */
export function setRanMs(update: JobUpdate, ranMs: number): void {
  ;(update as { ranMs: number | null }).ranMs = ranMs
}

/** How long to wait before the next attempt. */
export interface SettlePolicy {
  readonly backoff: Backoff | ((attempt: number, error: SerializedError) => number)
  /** From 0 to 1, for the jitter. */
  readonly random: () => number
}

/**
 * Decides what becomes of a durable job whose attempt recorded something: it counts as the first, since a job that gets
 * on is not to run out of attempts.
 */
export function settleAnew(job: ClaimedJob, outcome: Outcome, policy: SettlePolicy): JobUpdate {
  const { crashes: _, ...extras } = job.extras
  const settled = settle({ ...job, attempts: 1, extras }, outcome, policy)
  const error = settled.error === null ? null : { ...settled.error, attempt: job.attempts }
  return { ...settled, job, error, countsAnew: true }
}

/** Decides what becomes of a job: the only place where an attempt's next state is chosen. */
export function settle(job: ClaimedJob, outcome: Outcome, policy: SettlePolicy): JobUpdate {
  switch (outcome.kind) {
    case 'returned':
      return update(job, outcome, 'succeeded', { result: outcome.result })
    case 'threw':
      return retryOrFail(job, outcome, 'error', outcome.error, policy)
    case 'retry-asked': {
      // That a retry was asked for says little; what went wrong is in the cause.
      const message = messageWithCause(outcome.error)
      const error = failure(job, outcome, 'error', { ...outcome.error, message })
      return job.attempts < job.maxAttempts
        ? update(job, outcome, 'retrying', { error, delayMs: outcome.delayMs })
        : update(job, outcome, 'failed', { error })
    }
    case 'timed-out':
      return retryOrFail(job, outcome, 'timeout', timeoutError(outcome.limitMs), policy)
    case 'over-memory':
      return retryOrFail(job, outcome, 'memory', memoryError(outcome.limitBytes), policy)
    case 'child-lost': {
      const spent = (job.extras.crashes ?? 0) + 1 >= MAX_CRASHES
      const error = failure(job, outcome, 'crash', outcome.error)
      if (spent) return update(job, outcome, 'failed', { error, crashed: true })
      const settled = retryOrFail(job, outcome, 'crash', outcome.error, policy)
      return { ...settled, crashed: true }
    }
    case 'steps-changed':
      return retryOrFail(job, outcome, 'steps-changed', outcome.error, policy)
    case 'history-full':
      return fail(job, outcome, 'history', outcome.error)
    case 'discarded':
      return fail(job, outcome, 'discarded', outcome.error)
    case 'limit-not-supported':
      return fail(job, outcome, 'limit-not-supported', outcome.error)
    case 'row-invalid':
      return fail(job, outcome, 'row-invalid', outcome.error)
    case 'not-storable':
      return fail(job, outcome, 'result-not-storable', outcome.error)
    case 'snoozed':
      return update(job, outcome, 'pending', { delayMs: outcome.delayMs, givenBack: true })
    case 'interrupted':
      return update(job, outcome, 'pending', { givenBack: true, front: true })
    case 'parked':
      return {
        ...update(job, outcome, 'pending', { givenBack: true }),
        parked: outcome.waits,
      }
    case 'continued':
      return { ...update(job, outcome, 'pending', {}), continued: outcome.args }
    case 'expired':
      return fail(job, outcome, 'deadline', {
        name: 'AttemptError',
        message: 'The deadline of the job passed before its function returned.',
        stack: null,
      })
    case 'cancelled':
      return update(job, outcome, 'cancelled', {
        error: failure(job, outcome, 'cancelled', {
          name: 'AttemptError',
          message: 'The job was cancelled while it ran.',
          stack: null,
        }),
      })
    default:
      return outcome satisfies never
  }
}

/** A failure that may be tried again, as `settle` sees it. */
export interface RetriableFailure {
  readonly kind: RetriableKind
  readonly error: SerializedError
}

/** The kinds of failures after which there is another attempt, where attempts are left. */
export const RETRIABLE_KINDS = ['error', 'timeout', 'memory', 'crash', 'steps-changed'] as const
export type RetriableKind = (typeof RETRIABLE_KINDS)[number]

/** What went wrong in an attempt, or null when it did not fail, or is not tried again whatever is left. */
export function retriableFailure(outcome: Outcome): RetriableFailure | null {
  switch (outcome.kind) {
    case 'threw':
    case 'retry-asked':
      return { kind: 'error', error: outcome.error }
    case 'timed-out':
      return { kind: 'timeout', error: timeoutError(outcome.limitMs) }
    case 'over-memory':
      return { kind: 'memory', error: memoryError(outcome.limitBytes) }
    case 'child-lost':
      return { kind: 'crash', error: outcome.error }
    case 'steps-changed':
      return { kind: 'steps-changed', error: outcome.error }
    default:
      return null
  }
}

/** The failure that is saved when the database refuses everything else about an outcome. */
export function unsavedFailure(settled: JobUpdate, reason: string): JobUpdate {
  const { job } = settled
  const thrown = {
    name: 'AttemptError',
    message: `The outcome of this attempt could not be stored: ${reason}`,
    stack: null,
  }
  const fingerprint = fingerprintOf(job.name, 'not-saved', thrown)
  const error = { ...thrown, attempt: job.attempts, kind: 'not-saved' as const, fingerprint }
  return update(job, {}, 'failed', { error })
}

function retryOrFail(
  job: ClaimedJob,
  outcome: Outcome,
  kind: AttemptErrorKind,
  error: SerializedError,
  policy: SettlePolicy,
): JobUpdate {
  const entry = failure(job, outcome, kind, error)
  if (job.attempts >= job.maxAttempts) return update(job, outcome, 'failed', { error: entry })
  const { backoff, random } = policy
  const delayMs =
    typeof backoff === 'function'
      ? backoff(job.attempts, error)
      : backoffDelayMs(backoff, job.attempts, random)
  return update(job, outcome, 'retrying', { error: entry, delayMs })
}

function fail(
  job: ClaimedJob,
  outcome: Outcome,
  kind: AttemptErrorKind,
  error: SerializedError,
): JobUpdate {
  return update(job, outcome, 'failed', { error: failure(job, outcome, kind, error) })
}

function update(
  job: ClaimedJob,
  outcome: { readonly usage?: Usage },
  state: SettledState,
  rest: Partial<JobUpdate>,
): JobUpdate {
  return {
    job,
    state,
    result: rest.result ?? null,
    error: rest.error ?? null,
    delayMs: rest.delayMs ?? 0,
    givenBack: rest.givenBack ?? false,
    crashed: rest.crashed ?? false,
    front: rest.front ?? false,
    usage: outcome.usage ?? null,
    ranMs: null,
  }
}

function failure(
  job: ClaimedJob,
  outcome: { readonly usage?: Usage },
  kind: AttemptErrorKind,
  error: SerializedError,
): StoredFailure {
  return {
    attempt: job.attempts,
    kind,
    name: error.name,
    message: error.message,
    stack: stackWithCauses(error),
    // A cancelled job has not failed.
    ...(kind === 'cancelled' ? {} : { fingerprint: fingerprintOf(job.name, kind, error) }),
    ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
  }
}

function timeoutError(limitMs: number): SerializedError {
  const message = `The attempt ran longer than its time limit of ${limitMs} ms.`
  return { name: 'AttemptError', message, stack: null }
}

function memoryError(limitBytes: number): SerializedError {
  const message = `The attempt used more than its memory limit of ${showSize(limitBytes)}.`
  return { name: 'AttemptError', message, stack: null }
}
