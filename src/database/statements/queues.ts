import type { Names } from '../names.ts'
import { NOTIFY_ROOM } from '../notify-room.ts'
import { statement } from '../statement.ts'

export interface QueueRow {
  readonly name: string
  readonly state: string
  readonly resume_ms: number | null
  readonly concurrency: number | null
  readonly executor: string
  readonly executor_options: string
  readonly tags: string
  readonly polling_interval_ms: number
  readonly rate_max: number | null
  readonly rate_per_ms: number | null
}

const columns = (q: string): string => `
           ${q}.name, ${q}.state, pg_catalog.date_part('epoch', ${q}.resume_at) * 1000::float8 AS resume_ms,
           ${q}.concurrency, ${q}.executor, ${q}.executor_options::text AS executor_options,
           ${q}.tags::text AS tags, ${q}.polling_interval_ms, ${q}.rate_max, ${q}.rate_per_ms`

export type DeclareValues = readonly [
  name: string,
  state: string,
  resumeMs: number | null,
  concurrency: number | null,
  executor: string,
  executorOptions: string,
  tags: string,
  pollingIntervalMs: number,
  rateMax: number | null,
  ratePerMs: number | null,
]

const insert = (t: Names): string => `
    INSERT INTO ${t.queues} AS q (name, state, resume_at, concurrency, executor, executor_options,
                                  tags, polling_interval_ms, rate_max, rate_per_ms)
    VALUES ($1::text, $2::text, pg_catalog.to_timestamp($3::float8 / 1000::float8), $4::int, $5::text,
            $6::text::jsonb, $7::text::jsonb, $8::float8, $9::int, $10::float8)`

const REPLACED = `
           concurrency = excluded.concurrency, executor = excluded.executor,
           executor_options = excluded.executor_options, tags = excluded.tags,
           polling_interval_ms = excluded.polling_interval_ms, rate_max = excluded.rate_max,
           rate_per_ms = excluded.rate_per_ms, implied = false`

/** Leaves a queue that a user has declared as it is. One that was paused in between stays paused. */
export const declareQueue = statement<DeclareValues, never>(
  'declare_queue',
  (t) => `${insert(t)}
        ON CONFLICT (name) DO UPDATE
       SET (state, resume_at) = (
             SELECT s.state, s.resume_at
               FROM (VALUES (excluded.state, excluded.resume_at), (q.state, q.resume_at))
                 AS s(state, resume_at)
              ORDER BY s.state <> 'paused'
              LIMIT 1),${REPLACED}
     WHERE q.implied`,
)

export const upsertQueue = statement<DeclareValues, never>(
  'upsert_queue',
  (t) => `${insert(t)}
        ON CONFLICT (name) DO UPDATE
       SET state = excluded.state, resume_at = excluded.resume_at,${REPLACED}`,
)

/** Declares queues of which a worker knows jobs; those that exist stay as they are. */
export const implyQueues = statement<readonly [names: string, executor: string], { name: string }>(
  'imply_queues',
  (t) => `
    INSERT INTO ${t.queues} (name, executor, implied)
    SELECT n, $2::text, true FROM pg_catalog.unnest($1::text::text[]) AS n
        ON CONFLICT (name) DO NOTHING
    RETURNING name`,
)

export const getQueues = statement<readonly [], QueueRow>(
  'get_queues',
  (t) => `SELECT ${columns('q')} FROM ${t.queues} q ORDER BY q.name`,
)

export const getQueue = statement<readonly [name: string], QueueRow>(
  'get_queue',
  (t) => `SELECT ${columns('q')} FROM ${t.queues} q WHERE q.name = $1::text`,
)

export const deleteQueue = statement<readonly [name: string], { name: string }>(
  'delete_queue',
  (t) => `DELETE FROM ${t.queues} WHERE name = $1::text RETURNING name`,
)

export const pauseQueue = statement<
  readonly [name: string, resumeMs: number | null],
  { name: string }
>(
  'pause_queue',
  (t) => `
    UPDATE ${t.queues}
       SET state = 'paused', resume_at = pg_catalog.to_timestamp($2::float8 / 1000::float8)
     WHERE name = $1::text
    RETURNING name`,
)

export const resumeQueue = statement<readonly [name: string], { name: string }>(
  'resume_queue',
  (t) => `
    UPDATE ${t.queues}
       SET state = 'active', resume_at = NULL
     WHERE name = $1::text
    RETURNING name`,
)

/** Queues whose pause has ended. $1 now, for tests that move time. */
export const resumeDueQueues = statement<readonly [now: string | null], { name: string }>(
  'resume_due_queues',
  (t) => `
    UPDATE ${t.queues}
       SET state = 'active', resume_at = NULL
     WHERE state = 'paused'
       AND resume_at <= coalesce($1::text::timestamptz, ${t.fn('now')}())
    RETURNING name`,
)

/** Sends one payload to every process that listens. */
export const notifyChannel = statement<readonly [channel: string, payload: string], never>(
  'notify',
  () => `SELECT pg_catalog.pg_notify($1::text, $2::text)::text`,
)

/** The same in a transaction of a caller, which a full queue of notifications must not undo. */
export const notifyInside = statement<readonly [channel: string, payload: string], never>(
  'notify_inside',
  () => `SELECT pg_catalog.pg_notify($1::text, $2::text)::text WHERE ${NOTIFY_ROOM}`,
)

/** Advances the watermarks of a queue for these priorities (an array literal). */
export const advanceWatermarks = statement<
  readonly [queue: string, priorities: string],
  { lowered: boolean }
>(
  'advance_watermarks',
  (t) => `SELECT ${t.fn('advance_watermarks')}($1::text, $2::text::int[]) AS lowered`,
)

/** Of these queues, given as an array literal like the names, those in which a claim may find something. */
export const findReadyQueues = statement<
  readonly [queues: string, names: string],
  { queue: string }
>(
  'find_ready_queues',
  (t) => `
    SELECT q.name AS queue
      FROM ${t.fn('ready_queues')}($1::text::text[], $2::text::text[]) AS q(name)`,
)

/** Queues whose watermarks must be advanced, whichever worker runs them. `priorities` is an array literal. */
export const pendingWatermarks = statement<readonly [], { queue: string; priorities: string }>(
  'pending_watermarks',
  (t) => `
    SELECT l.queue, l.priorities::text AS priorities
      FROM ${t.scanWatermarks} l
     WHERE pg_catalog.cardinality(l.ignored_xids) > 0`,
)
