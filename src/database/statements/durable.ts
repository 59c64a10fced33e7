import type { Names } from '../names.ts'
import { type Statement, statement } from '../statement.ts'
import type { ArrayText } from './jobs.ts'

export type SaveStepsValues = readonly [
  worker: string,
  ids: ArrayText,
  fences: ArrayText,
  jobs: ArrayText,
  kinds: ArrayText,
  names: ArrayText,
  results: ArrayText,
  errors: ArrayText,
  startsMs: ArrayText,
  endsMs: ArrayText,
  extras: ArrayText | null,
  again: boolean,
]

export interface SavedStepsRow {
  /** The ordinal of the job in the arrays, from 1. */
  readonly job: number
  readonly last: number
  /** JSON of the records of pushes and sent signals, as they became. */
  readonly changed: string | null
  /** Jobs to wake, with commas. */
  readonly signaled: string | null
}

/** Saves what attempts of durable jobs have recorded. A job that is missing in the answer belongs to another attempt. */
export const saveSteps: Statement<SaveStepsValues, SavedStepsRow> = statement(
  'save_steps',
  (t) => `
    SELECT job, last, changed, signaled
      FROM ${t.fn('save_steps')}(
             $1::text::uuid, $2::text::uuid[], $3::text::bigint[], $4::text::int[], $5::text::text[],
             $6::text::text[], $7::text::text[], $8::text::text[], $9::text::float8[], $10::text::float8[],
             $11::text::text[], $12::boolean)`,
)

export interface RecordRow {
  readonly id: string
  /** Null in the row of a job that comes before its records. */
  readonly n: number | null
  readonly kind: string
  readonly name: string
  readonly result: string | null
  readonly error: string | null
  readonly started_ms: number
  readonly ended_ms: number
  readonly head: string | null
}

/** What attempts of durable jobs begin with, or with `waits` what has come of what running ones wait for. */
export const resumeJobs = statement<
  readonly [worker: string, ids: ArrayText, fences: ArrayText, waits: ArrayText | null],
  RecordRow
>(
  'resume_jobs',
  (t) => `
    SELECT id, n, kind, name, result, error, started_ms, ended_ms, head
      FROM ${t.fn('resume_jobs')}($1::text::uuid, $2::text::uuid[], $3::text::bigint[], $4::text::text[])`,
)

export type SignalVerdict = 'sent' | 'finished' | 'unknown' | 'full'

export interface SentSignalRow {
  readonly n: number
  readonly verdict: SignalVerdict
  /** Whether its job is to be woken after the transaction that holds it. */
  readonly left: boolean
  readonly runs: boolean
  /** The queue of a job that became ready by it. */
  readonly woken: string | null
}

/** Sends signals, and wakes the jobs that wait for them. */
export const sendSignals = statement<
  readonly [
    ids: ArrayText,
    names: ArrayText,
    contents: ArrayText,
    keys: ArrayText,
    patient: boolean,
    notifying: boolean,
  ],
  SentSignalRow
>(
  'send_signals',
  (t) => `
    SELECT n, verdict, "left", runs, woken
      FROM ${t.fn('send_signals')}(
             $1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::text[], $5::boolean, $6::boolean)
     ORDER BY n`,
)

/** Sends a signal by the commit of the transaction. */
export const leaveSignal = statement<
  readonly [id: string, name: string, content: string, key: string | null, notifying: boolean],
  { verdict: SignalVerdict }
>(
  'leave_signal',
  (t) => `
    SELECT ${t.fn('leave_signal')}($1::text::uuid, $2::text, $3::text::jsonb, $4::text, $5::boolean) AS verdict`,
)

export interface WokenRow {
  readonly id: string
  readonly verdict: 'woken' | 'waits' | 'runs' | 'gone' | 'locked'
  readonly queue: string | null
}

/** Makes suspended durable jobs ready for which something has come. `patient` is for one job. */
export const wakeJobs = statement<readonly [ids: ArrayText, patient: boolean], WokenRow>(
  'wake_jobs',
  (t) => `SELECT id, verdict, queue FROM ${t.fn('wake')}($1::text::uuid[], $2::boolean)`,
)

/** Wakes the jobs of signals that came with transactions of callers. */
export const wakeSignaled = statement<
  readonly [maxJobs: number],
  {
    job: string | null
    queue: string | null
    name: string | null
    dropped: number
    found: number
  }
>(
  'wake_signaled',
  (t) => `SELECT job, queue, name, dropped, found FROM ${t.fn('wake_signaled')}($1::int)`,
)

export interface DroppedRow {
  readonly job: string
  readonly name: string
  readonly dropped: number
}

/** Removes the signals of jobs that have ended, and says which were never taken. */
export const dropSignals = statement<readonly [ids: ArrayText], DroppedRow>(
  'drop_signals',
  (t) => `SELECT job, name, dropped FROM ${t.fn('drop_signals')}($1::text::uuid[])`,
)

/** Removes what durable jobs that are gone have left. The first row says how far it came. */
export const sweepDurable = statement<
  readonly [after: string | null, maxJobs: number],
  {
    last_id: string | null
    removed: number
    job: string | null
    name: string | null
    dropped: number
  }
>(
  'sweep_durable',
  (t) => `
    SELECT last_id, removed, job, name, dropped
      FROM ${t.fn('sweep_durable')}($1::text::uuid, $2::int)`,
)

export interface StepRow {
  readonly n: number
  readonly kind: string
  readonly name: string
  readonly result: string | null
  readonly error: string | null
  readonly started_ms: number
  readonly ended_ms: number
}

/** What the present run of a durable job has recorded. */
export const getSteps = statement<readonly [id: string], StepRow>(
  'get_steps',
  (t) => `
    SELECT n, kind, name, result, error, started_ms, ended_ms
      FROM ${t.fn('get_steps')}($1::text::uuid)`,
)

export const forkJob = statement<
  readonly [id: string, newId: string, before: string, args: string | null, notifying: boolean],
  { verdict: 'forked' | 'unknown' | 'no step'; queue: string | null }
>(
  'fork_job',
  (t) => `
    SELECT verdict, queue
      FROM ${t.fn('fork')}($1::text::uuid, $2::text::uuid, $3::text, $4::text, $5::boolean)`,
)

/** The id of the job that waits or runs with a unique key. */
export const jobOfKey = statement<readonly [key: string], { id: string }>(
  'job_of_key',
  (t) => `SELECT id::text AS id FROM ${t.fn('job_of_key')}($1::text) AS k(id) WHERE id IS NOT NULL`,
)

/** What `ctx.transaction` sends on the connection of the user: see `TransactionSql`. */
export function transactionSql(t: Names): { readonly recorded: string; readonly save: string } {
  return {
    recorded: `SELECT state, n, result, ended_ms FROM ${t.fn('recorded_step')}($1::text::uuid, $2::text::bigint, $3::text::uuid, $4::text)`,
    save: `SELECT state, n FROM ${t.fn('save_step')}($1::text::uuid, $2::text::bigint, $3::text::uuid, $4::text, $5::text, $6::text::float8, $7::text::float8)`,
  }
}
