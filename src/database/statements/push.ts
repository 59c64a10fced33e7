import { quoteLiteral } from '../names.ts'
import { NOTIFY_ROOM } from '../notify-room.ts'
import { placeOf } from '../places.ts'
import { type Statement, statement } from '../statement.ts'
import { type ArrayText, CLAIMED, type ClaimedRow, type ClaimValues } from './jobs.ts'

/** What every row has. */
type RowValues = readonly [
  ids: ArrayText,
  queues: ArrayText,
  names: ArrayText,
  args: ArrayText,
  priorities: ArrayText,
  maxAttempts: ArrayText,
]

export type PushValues = readonly [
  ...rows: RowValues,
  scheduledMs: ArrayText | null,
  delaysMs: ArrayText | null,
  uniqueKeys: ArrayText | null,
  rests: ArrayText | null,
  again: boolean,
  lockMs: number,
  payloads: ArrayText | null,
  bases: ArrayText | null,
]

/**
 * Draws places for so many rows, for a push in the same transaction; an array literal. When that
 * transaction is left alone for so long, the server ends it: a client that is gone without a word
 * would keep its next try, and the floors of every line, waiting for it. `may_insert`: whether the
 * role may write the rows itself.
 */
export const drawPlaces = statement<
  readonly [rows: number, idleMs: number],
  { bases: ArrayText; idle: string; may_insert: boolean }
>(
  'draw_places',
  (t) => `
    SELECT ${t.fn('places_1')}($1::int)::text AS bases,
           pg_catalog.set_config('idle_in_transaction_session_timeout', $2::int::text, true) AS idle,
           pg_catalog.has_table_privilege(${quoteLiteral(t.jobs)}, 'INSERT') AS may_insert`,
)

export interface PushAnswer {
  readonly pushed: string
  readonly holder: string | null
}

/**
 * Inserts a batch. Answers only for rows with a unique key that were not inserted: `holder` is the
 * job that has the key, null when it finished between two statements (then push again).
 */
export const pushJobs: Statement<PushValues, PushAnswer> = statement(
  'push_jobs',
  (t) => `
    SELECT pushed, holder
      FROM ${t.fn('push_1')}(
             $1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::text[],
             $5::text::int[], $6::text::int[], $7::text::float8[], $8::text::float8[],
             $9::text::text[], $10::text::text[], $11::boolean, $12::int, $13::text::text[],
             $14::text::bigint[])`,
)

export type PushAlikeValues = readonly [
  ids: ArrayText,
  queue: string,
  name: string,
  args: ArrayText,
  priority: number,
  maxAttempts: number | null,
  bases: ArrayText | null,
  payloads: ArrayText | null,
]

/**
 * Most batches: a first try of rows that differ in `id` and `args` alone. As a statement of its own,
 * without a function around it, it takes a tenth less time; the role needs INSERT on `jobs` for it. Without `bases` it draws one block of
 * places, once it has an id (see the floors of a line), so there are at most 256 rows then.
 */
export const pushAlike = statement<PushAlikeValues, never>(
  'push_alike',
  (t) => `
    WITH pushed AS (
      INSERT INTO ${t.jobs} (id, queue, name, args, priority, max_attempts, seq, ready_seq)
      SELECT r.id, $2::text, $3::text, r.args::jsonb, $5::int, $6::int, p.place, p.place
        FROM unnest($1::text::uuid[], $4::text::text[]) WITH ORDINALITY AS r(id, args, n)
       CROSS JOIN LATERAL (
               SELECT ${placeOf(
                 'r.n',
                 `(
                 SELECT coalesce($7::text::bigint[], ARRAY[
                          CASE WHEN pg_catalog.pg_current_xact_id() IS NOT NULL
                               THEN pg_catalog.nextval(${t.sequence('line')}) END]))`,
               )} AS place
               OFFSET 0) p
    )
    SELECT pg_catalog.pg_notify(${quoteLiteral(t.channel)}, p)::text
      FROM pg_catalog.unnest($8::text::text[]) AS p
     WHERE ${NOTIFY_ROOM}`,
)

export type PushAndClaimValues = readonly [
  ...rows: RowValues,
  rests: ArrayText | null,
  payloads: ArrayText | null,
  ...claim: ClaimValues,
]

/**
 * Inserts a batch of ordinary rows and claims in the same transaction: the answer is the claim's. The
 * notification is sent only where one of the rows was not taken.
 */
export const pushAndClaim = statement<PushAndClaimValues, ClaimedRow>(
  'push_and_claim',
  (t) => `
    SELECT ${CLAIMED}
      FROM ${t.fn('push_and_claim_1')}(
             $1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::text[],
             $5::text::int[], $6::text::int[], $7::text::text[], $8::text::text[],
             $9::text, $10::text::uuid, $11::int, $12::text::text[], $13::boolean,
             $14::text::bigint[], $15::text::bigint[], $16::text::bigint[], $17::text::bigint[])`,
)
