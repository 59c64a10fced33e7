import type { JobUpdate } from '../../core/settle.ts'
import { plainArray, textArray } from '../array-literal.ts'
import { type Statement, statement } from '../statement.ts'
import { storedWaits } from '../stored-waits.ts'
import type { FlowVerdict } from './flow-row.ts'

/** Arrays travel as array literals in a text and are cast in SQL: the client libraries differ on them. */
export type ArrayText = string

/** A number of the database's that a client library may give as a text. */
type Bigint = number | string | bigint

export interface ClaimedRow {
  readonly id: string
  readonly name: string
  readonly args: string
  readonly priority: number
  readonly attempts: number
  readonly max_attempts: number | null
  readonly fence: Bigint
  readonly position: Bigint
  readonly created_ms: number
  readonly scheduled_ms: number | null
  readonly extras: string | null
  /** Where the row is stored: a finish looks there first. */
  readonly ctid: string
}

export const CLAIMED = `id, name, args, priority, attempts, max_attempts, fence, position, created_ms,
           scheduled_ms, extras, ctid`

/** The first row of a claim holds the summary alone, as JSON; the others are jobs, and have none. */
export type ClaimAnswerRow = ClaimedRow & { readonly summary: string | null }

/** What a claim asks for. Without ranges it scans the whole queue. */
export interface ClaimRequest {
  readonly queue: string
  readonly worker: string
  readonly maxJobs: number
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
  maxJobs: number,
  names: ArrayText,
  durable: boolean,
  highs: ArrayText | null,
  lows: ArrayText | null,
  afters: ArrayText | null,
  befores: ArrayText | null,
]

const FULL_SCAN = [null, null, null, null] as const

export function claimValues(request: ClaimRequest, isDurable: boolean): ClaimValues {
  const { queue, worker, maxJobs, names, ranges } = request
  return [queue, worker, maxJobs, names, isDurable, ...(ranges ?? FULL_SCAN)]
}

export const claimJobs = statement<ClaimValues, ClaimAnswerRow>(
  'claim_jobs',
  (t) => `
    SELECT ${CLAIMED}, summary
      FROM ${t.fn('claim')}($1::text, $2::text::uuid, $3::int, $4::text::text[], $5::boolean,
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
      FROM ${t.fn('held')}($1::text::uuid, $2::text::bigint[])`,
)

/** Both are the empty text where they are too large to be run with. */
export interface LoadedRow {
  readonly args: string
  readonly extras: string | null
}

/** What a claim left out of a large row, while the attempt still holds it. */
export const loadJob = statement<readonly [id: string, fence: string], LoadedRow>(
  'load_job',
  (t) => `SELECT args, extras FROM ${t.fn('load')}($1::text::uuid, $2::text::bigint)`,
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
  ctids: ArrayText,
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
  extras: ArrayText | null,
  sinceMs: number,
  keys: ArrayText | null,
  endedClaims: ArrayText | null,
  owned: ArrayText | null,
  parks: ArrayText | null,
]

/** The database's clock may have been set back by this much since an attempt began, in milliseconds. */
const CLOCK_STEP_MS = 3_600_000

/**
 * A batch as the values of `complete_jobs`, sorted by id so that rows are always locked in one order.
 * Arrays that no row of the batch needs are null: most batches only succeed. `removable` are claims whose
 * jobs have all ended.
 */
export function finishValues(
  workerId: string,
  batch: readonly JobUpdate[],
  removable: readonly number[],
): FinishValues {
  const numbers = (
    has: (update: JobUpdate) => boolean,
    value: (update: JobUpdate) => number | boolean | null,
  ): string | null => (batch.some(has) ? plainArray(batch.map(value)) : null)
  const texts = (value: (update: JobUpdate) => string | null): string | null => {
    const values = batch.map(value)
    return values.some((text) => text !== null) ? textArray(values) : null
  }
  return [
    workerId,
    textArray(batch.map(({ job }) => job.ctid)),
    plainArray(batch.map(({ job }) => job.id)),
    plainArray(batch.map(({ job }) => job.fence)),
    batch.every(({ state }) => state === 'succeeded')
      ? null
      : plainArray(batch.map(({ state }) => state)),
    texts(({ result }) => result),
    texts(({ error }) => (error === null ? null : JSON.stringify(error))),
    numbers(
      ({ delayMs }) => delayMs > 0,
      ({ delayMs }) => delayMs,
    ),
    numbers(
      ({ givenBack }) => givenBack,
      ({ givenBack }) => (givenBack ? 1 : 0),
    ),
    numbers(
      ({ crashed }) => crashed,
      ({ crashed }) => (crashed ? 1 : 0),
    ),
    numbers(
      ({ front }) => front,
      ({ front }) => front,
    ),
    numbers(hasUsage, ({ usage }) => usage?.wallMs ?? null),
    numbers(hasUsage, ({ usage }) => usage?.cpuMs ?? null),
    numbers(hasUsage, ({ usage }) => usage?.peakBytes ?? null),
    texts(extrasTextOf),
    batch.reduce((oldest, { job }) => Math.min(oldest, job.startedMs), Number.MAX_VALUE) -
      CLOCK_STEP_MS,
    groupKeysOf(batch),
    removable.length === 0 ? null : plainArray(removable),
    ownedOf(batch),
    texts(parkTextOf),
  ]
}

function parkTextOf({ parked, continued }: JobUpdate): string | null {
  if (parked !== undefined) return JSON.stringify({ waits: storedWaits(parked) })
  return continued === undefined ? null : `{"args":${continued}}`
}

/** The jobs that are parts of something, or null: most are not. */
function ownedOf(batch: readonly JobUpdate[]): string | null {
  const owned = batch.filter(({ job }) => job.extras.owner_id !== undefined)
  return owned.length === 0 ? null : plainArray(owned.map(({ job }) => job.id))
}

/** The concurrency groups whose slots are released, or null: most jobs have none. */
function groupKeysOf(batch: readonly JobUpdate[]): string | null {
  const keys = new Set<string>()
  for (const { job } of batch) {
    if (job.extras.concurrency_key !== undefined) keys.add(job.extras.concurrency_key)
  }
  return keys.size === 0 ? null : textArray([...keys])
}

const hasUsage = ({ usage }: JobUpdate): boolean => usage !== null

function extrasTextOf({ meta, progress, retentionMs }: JobUpdate): string | null {
  if (meta === undefined && progress === undefined && retentionMs === undefined) return null
  const parts: string[] = []
  if (meta !== undefined) parts.push(`"meta":${JSON.stringify(meta)}`)
  if (progress !== undefined) parts.push(`"progress":${progress}`)
  if (retentionMs !== undefined) parts.push(`"retention_ms":${retentionMs}`)
  return `{${parts.join(',')}}`
}

export interface FinishRow {
  /** The job; of what its end led to in a workflow, the workflow or the job that is meant. */
  readonly id: string | null
  readonly verdict: 'cancelled' | 'lost' | 'again' | FlowVerdict | null
  /** In which jobs became ready, in a row without an id. Of other verdicts of a flow its `name`. */
  readonly queue: string | null
  /** When the batch was saved. Null but in the last row, which has nothing else. */
  readonly saved_ms: number | null
}

/** Saves a batch of outcomes under their fences; ids sorted. Answers for the exceptions only. */
export const completeJobs: Statement<FinishValues, FinishRow> = statement(
  'complete_jobs',
  (t) => `
    SELECT id, verdict, queue, saved_ms
      FROM ${t.fn('finish')}(
             $1::text::uuid, $2::text::tid[], $3::text::uuid[], $4::text::bigint[],
             $5::text::text[], $6::text::text[], $7::text::text[], $8::text::float8[],
             $9::text::int[], $10::text::int[], $11::text::boolean[], $12::text::float8[],
             $13::text::float8[], $14::text::float8[], $15::text::text[], $16::float8,
             $17::text::text[], $18::text::bigint[], $19::text::uuid[],
             $20::text::text[])`,
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
  readonly [maxJobs: number, maxCrashes: number, spreadMs: number],
  RecoveredRow
>(
  'recover_jobs',
  (t) => `
    SELECT id, queue, name, worker, verdict
      FROM ${t.fn('recover')}($1::int, $2::int, $3::float8)`,
)

/** Gives positions to the jobs that are due. The last row has no queue and says when the next one is. */
export const stageJobs = statement<
  readonly [maxJobs: number, now: string | null],
  { queue: string | null; staged: number; next_ms: number | null }
>(
  'stage_jobs',
  (t) => `
    SELECT queue, staged, next_ms
      FROM ${t.fn('stage')}($1::int, $2::text::timestamptz)`,
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
      FROM ${t.fn('cancel')}($1::text::uuid, $2::boolean)`,
)

export const retryJob = statement<
  readonly [id: string, notifying: boolean],
  { verdict: string; queue: string | null }
>('retry_job', (t) => `SELECT verdict, queue FROM ${t.fn('retry')}($1::text::uuid, $2::boolean)`)

/** Jobs that another transaction holds, that have finished or are unknown are not in the answer. */
export const cancelMany = statement<
  readonly [ids: ArrayText, notifying: boolean],
  { id: string; verdict: 'cancelled' | 'requested'; concurrency_key: string | null }
>(
  'cancel_many',
  (t) => `
    SELECT id, verdict, concurrency_key
      FROM ${t.fn('cancel_many')}($1::text::uuid[], $2::boolean)`,
)

/** Jobs that another transaction holds, that have a unique key or another state are not in the answer. */
export const retryMany = statement<
  readonly [ids: ArrayText, notifying: boolean],
  { id: string; queue: string; is_scheduled: boolean }
>(
  'retry_many',
  (t) => `
    SELECT id, queue, is_scheduled
      FROM ${t.fn('retry_many')}($1::text::uuid[], $2::boolean)`,
)

/** The last value of `context.progress`, while the attempt still holds the job. */
export const saveProgress = statement<
  readonly [worker: string, ids: ArrayText, fences: ArrayText, values: ArrayText],
  { id: string }
>(
  'save_progress',
  (t) => `
    SELECT s.id::text AS id
      FROM ${t.fn('save_progress')}($1::text::uuid, $2::text::uuid[], $3::text::bigint[],
             $4::text::text[]) AS s(id)`,
)
