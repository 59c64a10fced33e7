import { statement } from '../statement.ts'

export interface ExplainRow {
  readonly state: string
  readonly queue: string
  readonly name: string
  readonly scheduled_ms: number | null
  readonly run_ms: number | null
  readonly blocked: boolean
  readonly concurrency_key: string | null
  readonly concurrency_max: number | null
  readonly ahead: number
  readonly queue_state: string | null
  readonly resume_ms: number | null
  readonly tags: string | null
  readonly rate_max: number | null
  readonly rate_per_ms: number | null
  readonly starts: number
  readonly next_start_ms: number | null
  readonly running: number
  /** JSON array of ids. */
  readonly holders: string
  /** JSON array of `{ tags, names }` of the living workers. */
  readonly workers: string
  readonly now_ms: number
}

/**
 * Everything that decides whether a waiting job may start. Each part is bounded, so the answer takes
 * as long with a million waiting jobs as with ten. `$2` is how many jobs ahead are counted.
 */
export const explainJob = statement<readonly [id: string, bound: number], ExplainRow>(
  'explain_job',
  (t) => `
    SELECT j.state, j.queue, j.name,
           date_part('epoch', j.scheduled_at) * 1000 AS scheduled_ms,
           date_part('epoch', j.run_at) * 1000 AS run_ms,
           j.blocked, j.concurrency_key, j.concurrency_max,
           (SELECT count(*)::int
              FROM (
                (SELECT 1
                   FROM ${t.jobs} a
                  WHERE a.ready_seq IS NOT NULL AND a.queue = j.queue AND a.priority > j.priority
                  -- In the order of the index: it is read to the bound and no further.
                  ORDER BY a.priority DESC, a.ready_seq
                  LIMIT $2::int)
                UNION ALL
                (SELECT 1
                   FROM ${t.jobs} a
                  WHERE a.ready_seq IS NOT NULL AND a.queue = j.queue AND a.priority = j.priority
                    AND a.ready_seq < j.ready_seq
                  ORDER BY a.priority DESC, a.ready_seq
                  LIMIT $2::int)) before) AS ahead,
           q.state AS queue_state, date_part('epoch', q.resume_at) * 1000 AS resume_ms,
           q.tags::text AS tags, q.rate_max, q.rate_per_ms,
           coalesce(r.starts, 0)::int AS starts,
           date_part('epoch', r.next_start) * 1000 AS next_start_ms,
           coalesce(g.running, 0)::int AS running, coalesce(g.holders, '[]')::text AS holders,
           coalesce((SELECT jsonb_agg(jsonb_build_object('tags', w.tags, 'names', w.names))
                       FROM ${t.workers} w
                      WHERE w.revoked_at IS NULL AND w.expires_at > now()), '[]')::text AS workers,
           date_part('epoch', now()) * 1000 AS now_ms
      FROM ${t.jobs} j
      LEFT JOIN ${t.queues} q ON q.name = j.queue
      LEFT JOIN LATERAL (
             SELECT count(*) AS starts,
                    (array_agg(s.at ORDER BY s.at DESC))[q.rate_max]
                      + make_interval(secs => q.rate_per_ms / 1000) AS next_start
               FROM ${t.rateStarts} s
              WHERE q.rate_max IS NOT NULL AND s.queue = j.queue
                AND s.at > now() - make_interval(secs => q.rate_per_ms / 1000)) r ON true
      LEFT JOIN LATERAL (
             SELECT count(*) AS running, jsonb_agg(h.id) AS holders
               FROM (
                 SELECT k.id
                   FROM ${t.jobs} k
                  WHERE k.state = 'running' AND k.concurrency_key = j.concurrency_key
                  LIMIT 1000) h
              WHERE j.concurrency_key IS NOT NULL) g ON true
     WHERE j.id = $1::text::uuid`,
)

export interface ExplainQueueRow {
  readonly queue_state: string | null
  readonly ready: number
  readonly scheduled: number
  readonly backoff: number
  readonly blocked: number
  readonly aside: number
  readonly running: number
}

/** Waiting jobs of a queue by what keeps them, each counted to `$2`. */
export const explainQueue = statement<readonly [queue: string, bound: number], ExplainQueueRow>(
  'explain_queue',
  (t) => {
    // In the order of an index: it is read to the bound and no further.
    const bounded = (condition: string, order: string): string => `
           (SELECT count(*)::int
              FROM (SELECT 1 FROM ${t.jobs} j
                     WHERE j.queue = $1::text AND ${condition}
                     ORDER BY ${order}
                     LIMIT $2::int) counted)`
    const later = "j.ready_seq IS NULL AND j.state <> 'running' AND NOT j.blocked AND NOT j.aside"
    return `
    SELECT (SELECT q.state FROM ${t.queues} q WHERE q.name = $1::text) AS queue_state,
           ${bounded('j.ready_seq IS NOT NULL', 'j.priority DESC, j.ready_seq')} AS ready,
           ${bounded(`${later} AND j.seq IS NULL`, 'j.run_at')} AS scheduled,
           ${bounded(`${later} AND j.seq IS NOT NULL`, 'j.run_at')} AS backoff,
           ${bounded('j.blocked', 'j.concurrency_key, j.queue')} AS blocked,
           ${bounded('j.aside', 'j.name, j.priority DESC, j.seq')} AS aside,
           ${bounded("j.state = 'running'", 'j.worker_id, j.claim_seq')} AS running`
  },
)
