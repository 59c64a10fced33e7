import { bundleOf } from '../database/statement-bundle.ts'
import type { PluginDatabase } from '../plugin/index.ts'

export type Names = PluginDatabase['names']

/** A statement and its values. */
export interface Text {
  readonly text: string
  readonly values: readonly (string | number | boolean | null)[]
  /** Of one that is prepared, since it runs at each step of time. */
  readonly name?: string
}

export const plain = (text: string): Text => ({ text, values: [] })
export const together = (texts: readonly string[]): Text => plain(bundleOf(texts))

/**
 * Makes time a row of the schema, and notes what is pushed in its order. The functions that all statements take their
 * time from are replaced in this schema alone.
 */
export function install(t: Names, nowMs: number): Text {
  const time = t.own('test_time')
  const pushed = t.own('test_pushed')
  const body = `$body$ SELECT t.at FROM ${time} t $body$`
  return together([
    `CREATE TABLE ${time} (at timestamptz NOT NULL)`,
    `INSERT INTO ${time} (at) VALUES (pg_catalog.to_timestamp(${nowMs}::float8 / 1000::float8))`,
    `CREATE OR REPLACE FUNCTION ${t.fn('now')}() RETURNS timestamptz
       LANGUAGE sql STABLE PARALLEL SAFE AS ${body}`,
    `CREATE OR REPLACE FUNCTION ${t.fn('clock')}() RETURNS timestamptz
       LANGUAGE sql VOLATILE PARALLEL SAFE AS ${body}`,
    // Of the history, the partition of the day alone: those ahead take longer than a test.
    `ALTER FUNCTION ${t.fn('create_partitions')}(int) RENAME TO test_create_partitions`,
    `CREATE FUNCTION ${t.fn('create_partitions')}(ahead int) RETURNS int
       LANGUAGE sql AS $body$ SELECT ${t.own('test_create_partitions')}(0) $body$`,
    `CREATE TABLE ${pushed} (
       seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE)`,
    `CREATE FUNCTION ${t.own('test_push')}() RETURNS trigger LANGUAGE plpgsql
       SET search_path = pg_catalog, pg_temp AS $body$
       BEGIN
         INSERT INTO ${pushed} (id) SELECT a.id FROM added a ORDER BY a.id ON CONFLICT (id) DO NOTHING;
         RETURN NULL;
       END $body$`,
    `CREATE TRIGGER test_push AFTER INSERT ON ${t.jobs} REFERENCING NEW TABLE AS added
       FOR EACH STATEMENT EXECUTE FUNCTION ${t.own('test_push')}()`,
  ])
}

/** Sets the time, at any value. Only before a worker runs. */
export function setTime(t: Names, nowMs: number): Text {
  return {
    text: `UPDATE ${t.own('test_time')} SET at = pg_catalog.to_timestamp($1::float8 / 1000::float8)`,
    values: [nowMs],
  }
}

/** Moves the time. No lease ends by it. Returns the queues whose pause is over. */
export function moveTime(t: Names, nowMs: number): Text {
  return {
    name: `${t.plainSchema}_move`,
    text: `
      WITH moved AS (
        UPDATE ${t.own('test_time')} n SET at = pg_catalog.to_timestamp($1::float8 / 1000::float8)
          FROM (SELECT f.at FROM ${t.own('test_time')} f) former
        RETURNING n.at, n.at - former.at AS by
      ), kept AS (
        UPDATE ${t.workers} w
           SET renewed_at = w.renewed_at + m.by, expires_at = w.expires_at + m.by
          FROM moved m
         WHERE w.revoked_at IS NULL
      )
      SELECT q.name FROM ${t.queues} q, moved m WHERE q.state = 'paused' AND q.resume_at <= m.at ORDER BY q.name`,
    values: [nowMs],
  }
}

/** A point of time at which something comes due. */
export interface PointRow {
  readonly kind: 'job' | 'queue' | 'rate'
  /** The name of the job or of the queue. */
  readonly name: string
  /** Whole milliseconds since the epoch. */
  readonly at_ms: number
}

/**
 * The next point: a job that waits for a time, a queue that is paused until one, or a window of a rate limit that has
 * no start left and jobs that wait for one.
 */
export function findNext(t: Names): Text {
  const now = `${t.fn('clock')}()`
  const text = `
    SELECT p.kind, p.name, pg_catalog.ceil(pg_catalog.date_part('epoch', p.at) * 1000::float8) AS at_ms
      FROM (
        (SELECT 'job' AS kind, j.name::text AS name, j.run_at AS at
           FROM ${t.jobs} j
          WHERE j.position IS NULL AND NOT j.blocked AND NOT j.parked AND j.run_at > ${now} AND j.run_at < 'infinity'
          ORDER BY j.run_at LIMIT 1)
        UNION ALL
        (SELECT 'queue', q.name, q.resume_at
           FROM ${t.queues} q
          WHERE q.state = 'paused' AND q.resume_at > ${now} AND q.resume_at < 'infinity'
          ORDER BY q.resume_at LIMIT 1)
        UNION ALL
        (SELECT 'rate', q.name, s.at + pg_catalog.make_interval(secs => q.rate_per_ms / 1000::float8)
           FROM ${t.queues} q
          CROSS JOIN LATERAL (
                  SELECT o.at FROM ${t.rateStarts} o WHERE o.queue = q.name
                   ORDER BY o.at DESC OFFSET greatest(q.rate_max, 1) - 1 LIMIT 1) s
          WHERE q.state = 'active' AND q.rate_per_ms > 0
            AND s.at + pg_catalog.make_interval(secs => q.rate_per_ms / 1000::float8) > ${now}
            AND EXISTS (SELECT FROM ${t.jobs} j
                         WHERE j.queue = q.name AND j.position IS NOT NULL AND j.claim_seq IS NULL
                           AND j.state <> 'running')
          ORDER BY 3 LIMIT 1)) p
     ORDER BY p.at LIMIT 1`
  return { ...plain(text), name: `${t.plainSchema}_next` }
}

export const findPushed = (t: Names): Text =>
  plain(`SELECT p.id::text AS id FROM ${t.own('test_pushed')} p ORDER BY p.seq`)

/** How many jobs were pushed since the last reset. */
export const countPushed = (t: Names): Text =>
  plain(
    `SELECT coalesce(pg_catalog.max(p.seq), 0::bigint)::float8 AS pushed FROM ${t.own('test_pushed')} p`,
  )

/** Jobs that are due and that no worker of these queues and names runs. */
export interface StrandedRow {
  readonly queue: string
  readonly name: string
  readonly is_declared: boolean
  readonly jobs: number
}

export function findStranded(t: Names): Text {
  return plain(`
      SELECT j.queue, j.name::text AS name, q.name IS NOT NULL AS is_declared, pg_catalog.count(*)::float8 AS jobs
        FROM ${t.jobs} j
        LEFT JOIN ${t.queues} q ON q.name = j.queue
       WHERE j.state <> 'running' AND (j.run_at IS NULL OR j.run_at <= ${t.fn('clock')}())
         AND (q.name IS NULL OR NOT EXISTS (SELECT FROM ${t.workers} w WHERE pg_catalog.jsonb_exists(w.names, j.name::text)))
       GROUP BY 1, 2, 3 ORDER BY 1, 2 LIMIT 20`)
}

export const resumeQueues = (t: Names): Text =>
  plain(
    `UPDATE ${t.queues} SET state = 'active', resume_at = NULL WHERE state = 'paused' RETURNING name`,
  )
