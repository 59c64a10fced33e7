import { statement } from '../statement.ts'

/** After a waiting job of a group was removed: makes ready what fits now. Keys as an array literal. */
export const makeReady = statement<readonly [keys: string], { queue: string }>(
  'make_ready',
  (t) => `SELECT queue FROM ${t.fn('make_ready')}($1::text::text[])`,
)

/** Blocked jobs whose group has a free slot. The last row has no queue and says where to continue. */
export const sweepBlocked = statement<
  readonly [after: string | null, maxKeys: number],
  { queue: string | null; last_key: string | null }
>('sweep_blocked', (t) => `SELECT queue, last_key FROM ${t.fn('sweep_blocked')}($1::text, $2::int)`)

/** Rows of groups without a job. */
export const sweepGroups = statement<
  readonly [after: string | null, maxKeys: number],
  { removed: number; last_key: string | null }
>('sweep_groups', (t) => `SELECT removed, last_key FROM ${t.fn('sweep_groups')}($1::text, $2::int)`)

/** Starts that have left every window, of queues that have no rate limit any more too. */
export const sweepRateStarts = statement<readonly [], never>(
  'sweep_rate_starts',
  (t) => `
    DELETE FROM ${t.rateStarts} s
     WHERE s.ctid = ANY (ARRAY(
             SELECT o.ctid
               FROM ${t.rateStarts} o
              WHERE o.at < ${t.fn('now')}() - coalesce(
                      (SELECT pg_catalog.make_interval(secs => q.rate_per_ms / 1000::float8)
                         FROM ${t.queues} q WHERE q.name = o.queue), interval '0')
                -- A claim deletes in the order of time, and this goes by that of the table: if it waited,
                -- they would deadlock.
                FOR UPDATE OF o SKIP LOCKED))`,
)
