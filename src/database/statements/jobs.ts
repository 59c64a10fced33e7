import { type Statement, statement } from '../statement.ts'

/** Arrays travel as array literals in a text and are cast in SQL: the client libraries differ on them. */
export type ArrayText = string

/** A number of the database's that a client library may give as a text. */
type Bigint = number | string | bigint

export interface ClaimedRow {
  readonly id: string | null
  readonly name: string
  readonly args: string
  readonly priority: number
  readonly attempts: number
  readonly max_attempts: number | null
  readonly fence: Bigint
  readonly ready_seq: Bigint
  readonly created_ms: number
  readonly scheduled_ms: number | null
  readonly rest: string | null
  /** Where the row stands: a finish looks there first. */
  readonly place: string
}

export const CLAIMED = `id, name, args, priority, attempts, max_attempts, fence, ready_seq, created_ms,
           scheduled_ms, rest, place`

/** What a claim asks for. Without `highs` and the rest of the ranges it looks at the whole line. */
export interface ClaimRequest {
  readonly queue: string
  readonly worker: string
  readonly room: number
  readonly names: ArrayText
  readonly ranges: ClaimRanges | null
}

/** Array literals, one entry a range. */
export type ClaimRanges = readonly [
  highs: ArrayText,
  lows: ArrayText,
  afters: ArrayText,
  befores: ArrayText,
]

export type ClaimValues = readonly [
  queue: string,
  worker: string,
  room: number,
  names: ArrayText,
  durable: boolean,
  highs: ArrayText | null,
  lows: ArrayText | null,
  afters: ArrayText | null,
  befores: ArrayText | null,
]

const WHOLE_LINE = [null, null, null, null] as const

export function claimValues(request: ClaimRequest, isDurable: boolean): ClaimValues {
  const { queue, worker, room, names, ranges } = request
  return [queue, worker, room, names, isDurable, ...(ranges ?? WHOLE_LINE)]
}

/** The first row has no id and is about the pass: see the function. */
export const claimJobs = statement<ClaimValues, ClaimedRow>(
  'claim_jobs',
  (t) => `
    SELECT ${CLAIMED}
      FROM ${t.fn('claim_1')}($1::text, $2::text::uuid, $3::int, $4::text::text[], $5::boolean,
             $6::text::bigint[], $7::text::bigint[], $8::text::bigint[], $9::text::bigint[])`,
)

/** The numbers of a worker's claims whose jobs have not all ended. */
export const ownClaims = statement<readonly [worker: string], { claim_seq: Bigint }>(
  'own_claims',
  (t) => `SELECT c.claim_seq FROM ${t.claims} c WHERE c.worker_id = $1::text::uuid`,
)

/** What runs under claims of a worker that lost their answers. */
export const heldJobs = statement<
  readonly [worker: string, claims: ArrayText],
  ClaimedRow & { claim_seq: Bigint; queue: string; started_ms: number }
>(
  'held_jobs',
  (t) => `
    SELECT ${CLAIMED}, claim_seq, queue, started_ms
      FROM ${t.fn('held_1')}($1::text::uuid, $2::text::bigint[])`,
)

/** Both are the empty text where they are too large to be run with. */
export interface LoadedRow {
  readonly args: string
  readonly rest: string | null
}

/** What a claim left out of a large row, while the attempt still holds it. */
export const loadJob = statement<readonly [id: string, fence: string], LoadedRow>(
  'load_job',
  (t) => `SELECT args, rest FROM ${t.fn('load_1')}($1::text::uuid, $2::text::bigint)`,
)

/** Claims whose jobs have all ended. */
export const removeClaims = statement<readonly [worker: string, claims: ArrayText], never>(
  'remove_claims',
  (t) => `
    DELETE FROM ${t.claims} c
     WHERE c.worker_id = $1::text::uuid AND c.claim_seq = ANY ($2::text::bigint[])`,
)

export type FinishValues = readonly [
  worker: string,
  places: ArrayText,
  ids: ArrayText,
  fences: ArrayText,
  states: ArrayText | null,
  results: ArrayText | null,
  errors: ArrayText | null,
  delaysMs: ArrayText | null,
  givenBack: ArrayText | null,
  crashed: ArrayText | null,
  fronts: ArrayText | null,
  wallsMs: ArrayText | null,
  cpusMs: ArrayText | null,
  peaks: ArrayText | null,
  rests: ArrayText | null,
  sinceMs: number,
  keys: ArrayText | null,
  endedClaims: ArrayText | null,
]

export interface FinishRow {
  readonly id: string | null
  readonly verdict: 'cancelled' | 'lost' | 'again' | 'ready' | 'at'
  readonly at_ms: number | null
}

/** Saves a batch of outcomes under their fences; ids sorted. Answers for the exceptions only. */
export const completeJobs: Statement<FinishValues, FinishRow> = statement(
  'complete_jobs',
  (t) => `
    SELECT id, verdict, at_ms
      FROM ${t.fn('finish_1')}(
             $1::text::uuid, $2::text::tid[], $3::text::uuid[], $4::text::bigint[],
             $5::text::text[], $6::text::text[], $7::text::text[], $8::text::float8[],
             $9::text::int[], $10::text::int[], $11::text::boolean[], $12::text::float8[],
             $13::text::float8[], $14::text::float8[], $15::text::text[], $16::float8,
             $17::text::text[], $18::text::bigint[])`,
)

export interface RecoveredRow {
  /** Null in a row that says that blocked jobs of a queue became ready. */
  readonly id: string | null
  readonly queue: string
  readonly name: string
  readonly worker: string
  readonly verdict: 'recovered' | 'failed' | 'cancelled' | 'ready'
}

/** Jobs of workers without a lease back to waiting, or to their end. */
export const recoverJobs = statement<
  readonly [room: number, maxCrashes: number, spreadMs: number],
  RecoveredRow
>(
  'recover_jobs',
  (t) => `
    SELECT id, queue, name, worker, verdict
      FROM ${t.fn('recover_1')}($1::int, $2::int, $3::float8)`,
)

/** Places in the line for what is due. The last row has no queue and says when the next one is. */
export const stageJobs = statement<
  readonly [room: number, now: string | null],
  { queue: string | null; staged: number; next_ms: number | null }
>(
  'stage_jobs',
  (t) => `
    SELECT queue, staged, next_ms
      FROM ${t.fn('stage_1')}($1::int, $2::text::timestamptz)`,
)

export type CancelVerdict = 'cancelled' | 'requested' | 'finished' | 'unknown'

export const cancelJob = statement<
  readonly [id: string, notifying: boolean],
  {
    verdict: CancelVerdict
    queue: string | null
    worker: string | null
    concurrency_key: string | null
  }
>(
  'cancel_job',
  (t) => `
    SELECT verdict, queue, worker, concurrency_key
      FROM ${t.fn('cancel_1')}($1::text::uuid, $2::boolean)`,
)

export const retryJob = statement<
  readonly [id: string, notifying: boolean],
  { verdict: string; queue: string | null }
>('retry_job', (t) => `SELECT verdict, queue FROM ${t.fn('retry_1')}($1::text::uuid, $2::boolean)`)

/** The last value of `context.progress`, while the attempt still holds the job. */
export const saveProgress = statement<
  readonly [worker: string, ids: ArrayText, fences: ArrayText, values: ArrayText],
  { id: string }
>(
  'save_progress',
  (t) => `
    SELECT s.id::text AS id
      FROM ${t.fn('save_progress_1')}($1::text::uuid, $2::text::uuid[], $3::text::bigint[],
             $4::text::text[]) AS s(id)`,
)
