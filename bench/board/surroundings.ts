/** What stands beside the jobs: workers, queues, series, failure groups, workflows, bulk actions, the audit log. */
import { type BatchEnd, batch, Chancy, job, workflow } from 'chancy'
import { cron, schedule } from 'chancy/plugins/cron'
import type { PoolClient } from 'pg'
import { FINGERPRINTS, idOf, NAMES, QUEUES, WORKERS, workerId } from './rows.ts'

const [AUDIT, BULK, WORKFLOWS, SCHEDULES] = [50_000, 500, 2_000, 100]
const BATCHES = 5
/** Steps of points, in seconds, and how many of each are kept. */
const POINTS = [
  [60, 360],
  [300, 864],
  [3_600, 1_440],
  [86_400, 365],
] as const
/** Workers and queues that nothing of the bench serves have this tag. */
const TAG = 'bench'

export const surroundings: readonly ((client: PoolClient) => Promise<void>)[] = [
  async (client) => {
    await client.query(
      `INSERT INTO queues (name, executor, tags, concurrency)
       SELECT 'queue-' || n, 'inline', '["${TAG}"]', 20 FROM generate_series(0, ${QUEUES - 1}) AS n`,
    )
    // Some were lost.
    await client.query(
      `INSERT INTO workers (id, label, tags, queues, names, version, started_at, renewed_at, expires_at, revoked_at)
       SELECT ${workerId('n')}, 'worker-' || n, '["${TAG}"]',
              (SELECT jsonb_agg('queue-' || q) FROM generate_series(0, ${QUEUES - 1}) AS q),
              (SELECT jsonb_agg('job.' || j) FROM generate_series(0, ${NAMES - 1}) AS j), 'v2.4.' || n % 2,
              now() - interval '1 day', now(), now() + interval '1 day',
              CASE WHEN n >= ${WORKERS} THEN now() - n * interval '1 minute' END
         FROM generate_series(0, ${WORKERS + 12 - 1}) AS n`,
    )
  },
  fillMetrics,
  async (client) => {
    await client.query(
      `INSERT INTO failures_groups (fingerprint, first_at, last_at, total, name, kind, error, message, frames, samples, first_version, last_version, state)
       SELECT hashint8extended(n, 0), now() - n * interval '1 minute', now() - n * interval '1 second', 1000 - n % 1000, 'job.' || n % ${NAMES},
              (ARRAY['error', 'timeout', 'memory'])[1 + n % 3], 'TypeError', 'Cannot read properties of undefined (reading ' || n || ')',
              ARRAY['render mail.ts', 'send mail.ts'], '{}', 'v2.4.0', 'v2.4.1', (ARRAY['open', 'open', 'open', 'muted', 'resolved'])[1 + n % 5]
         FROM generate_series(0::bigint, ${FINGERPRINTS - 1}) AS n`,
    )
    await client.query(
      `INSERT INTO failures_hours (fingerprint, hour, n, queue)
       SELECT hashint8extended(n, 0), date_trunc('hour', now()) - h * interval '1 hour', 1 + n % 9, 'queue-' || n % ${QUEUES}
         FROM generate_series(0::bigint, ${FINGERPRINTS - 1}) AS n, generate_series(0, 719, 11) AS h`,
    )
    await client.query('VACUUM (ANALYZE) failures_groups')
    await client.query('VACUUM (ANALYZE) failures_hours')
  },
  async (client) => {
    await client.query(
      `INSERT INTO audit (id, at, jobs, verb, outcome, code, target, reason, actor, address)
       SELECT ${idOf('at', 'md5(n::text)')}, at, 1, (ARRAY['jobs.retry', 'jobs.cancel', 'queues.pause'])[1 + n % 3],
              CASE WHEN n % 20 = 0 THEN 'refused' ELSE 'done' END, CASE WHEN n % 20 = 0 THEN 'ACCESS_DENIED' END,
              CASE WHEN n % 3 = 2 THEN 'queue:queue-' || n % ${QUEUES} ELSE 'job:' || gen_random_uuid() END, 'ticket ' || n,
              jsonb_build_object('id', 'user-' || n % 7), '10.0.0.1'
         FROM (SELECT n, now() - n * interval '5 minutes' AS at FROM generate_series(1, ${AUDIT}) AS n) r`,
    )
    await client.query(
      `INSERT INTO bulk_actions (id, created_at, starts_at, stepped_at, finished_at, rate, done, skipped, state, action, filter, reason, actor)
       SELECT ${idOf('at', 'md5(n::text)')}, at, at, at, at + interval '10 minutes', 100, 1000, n, 'done',
              (ARRAY['retry', 'cancel', 'delete'])[1 + n % 3], 'state:failed queue:queue-' || n % ${QUEUES}, 'ticket ' || n,
              jsonb_build_object('id', 'user-' || n % 7)
         FROM (SELECT n, now() - n * interval '3 hours' AS at FROM generate_series(1, ${BULK}) AS n) r`,
    )
    await client.query('VACUUM (ANALYZE) audit')
    await client.query('VACUUM (ANALYZE) bulk_actions')
  },
]

async function fillMetrics(client: PoolClient): Promise<void> {
  await client.query(
    `INSERT INTO metrics_series (kind, queue, name)
     SELECT 'queue', 'queue-' || n, '' FROM generate_series(0, ${QUEUES - 1}) AS n UNION ALL
     SELECT 'name', '', 'job.' || n FROM generate_series(0, ${NAMES - 1}) AS n UNION ALL
     SELECT 'pair', 'queue-' || (n * 31 * 7919) % ${QUEUES}, 'job.' || n FROM generate_series(0, ${NAMES - 1}) AS n`,
  )
  for (const [step, count] of [[0, 1] as const, ...POINTS])
    await client.query(
      `INSERT INTO metrics_points (at, step, series, counts, sums, maxima, buckets, amounts)
       SELECT CASE WHEN $1::int = 0 THEN to_timestamp(0)
                   ELSE to_timestamp(floor(extract(epoch FROM now()) / $1::int) * $1::int - n * $1::int) END, $1::int, s.id,
              ARRAY[900, 20, 20, 0, 1, 0, 0], ARRAY[9e3, 9e4, 9e3], ARRAY[90, 900, 90],
              ARRAY(SELECT b FROM generate_series(60, 100, 2) AS b UNION ALL SELECT 1000 + b FROM generate_series(90, 150, 3) AS b),
              ARRAY(SELECT 10 FROM generate_series(1, 42))
         FROM metrics_series s, generate_series(0, $2::int - 1) AS n
        WHERE $1::int = 0 OR s.kind <> 'pair' OR n < 100`,
      [step, count],
    )
  await client.query(
    `INSERT INTO metrics_live (source, seq, at, rolled, data)
     SELECT ${workerId('w')}, n, to_timestamp(floor(extract(epoch FROM now()) / 10) * 10 - n * 10), true, d.data
       FROM generate_series(0, ${WORKERS - 1}) AS w, generate_series(0, 89) AS n,
            (SELECT jsonb_agg(jsonb_build_object('k', 'job', 'q', 'queue-' || (j * 31 * 7919) % ${QUEUES}, 'n', 'job.' || j,
                              'c', '[90,2,2,0,0,0,0]'::jsonb, 's', '[900,9000,90]'::jsonb, 'm', '[90,900,90]'::jsonb,
                              'b', '[60,64,68,72,1090,1100,1110]'::jsonb, 'a', '[10,10,10,10,10,10,10]'::jsonb)) AS data
               FROM generate_series(0, 29) AS j) d`,
  )
  await client.query('VACUUM (ANALYZE) metrics_points')
}

const ended = job({ name: 'ended', queue: 'queue-0' }, (_: BatchEnd) => {})
const nothing = job({ name: 'job.0', queue: 'queue-0' }, () => {})
const stepsOf = (steps: number) =>
  workflow({ name: steps === 10 ? 'import' : 'nightly' }, (flow) => {
    const first = flow.step('first', nothing)
    const middle = Array.from({ length: steps - 2 }, (_, n) =>
      flow.step(`part-${n}`, nothing, { after: [first] }),
    )
    flow.step('last', nothing, { after: middle })
  })

/** Two workflows that run, and schedules. Returns the id of the small one. */
export async function pushFlows(database: string, schema: string): Promise<string> {
  await using chancy = new Chancy(database, { schema, jobs: nothing, plugins: [cron()] })
  const small = await chancy.push(stepsOf(10)())
  await chancy.push(stepsOf(1_000)())
  for (let n = 0; n < BATCHES; n++)
    await chancy.pushBatch(batch({ name: 'sent', onEnded: ended }), [nothing.job, nothing.job])
  for (let n = 0; n < SCHEDULES; n++)
    await schedule(chancy, { key: `yearly-${n}`, cron: `${n % 60} ${n % 24} 1 1 *`, job: nothing })
  return small.id
}

/** Copies of a workflow that have ended. */
export const copyFlows =
  (flowId: string) =>
  async (client: PoolClient): Promise<void> => {
    await client.query('CREATE TEMPORARY TABLE copies (id uuid, n int)')
    await client.query(
      `INSERT INTO copies SELECT ${idOf('at', "md5('flow' || n)")}, n
       FROM (SELECT n, now() - n * interval '5 minutes' AS at FROM generate_series(1, ${WORKFLOWS}) AS n) r`,
    )
    await client.query(
      `INSERT INTO workflows (id, size, created_at, finished_at, state, name)
     SELECT c.id, w.size, w.created_at - c.n * interval '5 minutes', w.created_at - c.n * interval '4 minutes',
            CASE WHEN c.n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, CASE WHEN c.n % 2 = 0 THEN 'import' ELSE 'export' END
       FROM copies c, workflows w WHERE w.id = $1`,
      [flowId],
    )
    await client.query(
      `INSERT INTO steps (owner_id, n, fine, ended_at, state, name, deps, dependents, spec)
     SELECT c.id, s.n, coalesce(cardinality(s.deps), 0), now(), 'succeeded', s.name, s.deps, s.dependents, s.spec
       FROM copies c, steps s WHERE s.owner_id = $1`,
      [flowId],
    )
  }
