import { job, pgDriver, Queue, type Reference } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { noting, testApplication } from '../support/application.ts'

const app = testApplication({ empties: false })
const WORKER = '01890000-0000-7000-8000-000000000001'
const BOUND = 10_000
/** Jobs of each kind in the queue of the others, and the groups in which those are that are blocked. */
const OTHERS = 60_000
const GROUPS = 1_000
const RUNNING = 1_000
/** What a statement may read of other tables and of the ends of indexes, and a count beyond its bound. */
const SLACK = 20
const task = job({ name: 'task' }, () => 'done')

/** Of each kind a few in `small`, enough in `big` for every count to end at its bound, more in `others`. */
const kinds: Record<string, string> = {
  ready: "'pending', n, n, NULL, false, false, CASE WHEN q.name = 'big' THEN 'task' END",
  scheduled: "'pending', NULL, NULL, now() + interval '1 hour', false, false, NULL",
  backoff: "'retrying', n, NULL, now() + interval '1 hour', false, false, NULL",
  blocked: `'pending', n, NULL, NULL, true, false, 'task:' || q.name || n % ${GROUPS}`,
  parked: "'pending', n, NULL, NULL, false, true, NULL",
}
const none = { jobs: 0, hasMore: false }
const OPEN = {
  'queue-paused': none,
  'queue-undeclared': none,
  'no-worker': none,
  'workers-paused': none,
  'rate-limit': none,
}
const refs: Reference[] = []

beforeAll(async () => {
  const chancy = app.chancy({ jobs: [task] })
  await chancy.declare(new Queue('big', { executor: 'inline' }))
  // Autovacuum analyzes no table before the tests do.
  await app.sql('ALTER TABLE $jobs SET (autovacuum_enabled = false)')
  await app.sql(
    `INSERT INTO $workers (id, tags, names, queues, expires_at)
     VALUES ($1, '["*"]', '["task"]', '["big"]', 'infinity')`,
    [WORKER],
  )
  const sizes = `(VALUES ('small', 3), ('big', ${BOUND + 500}), ('others', ${OTHERS})) AS q(name, size)`
  for (const columns of Object.values(kinds)) {
    await app.sql(
      `INSERT INTO $jobs (id, queue, name, concurrency_max, state, seq, position, run_at, blocked,
                          parked, concurrency_key)
       SELECT gen_random_uuid(), q.name, 'task', 1, ${columns}
         FROM ${sizes}, generate_series(1, q.size) AS n`,
    )
  }
  await app.sql(
    `WITH held AS (
       INSERT INTO $jobs (id, queue, name, state, worker_id, seq, position)
       SELECT gen_random_uuid(), CASE WHEN n <= 3 THEN 'small' ELSE 'others' END, 'task', 'running',
              $1, n, n
         FROM generate_series(1, ${RUNNING}) AS n
       RETURNING id, seq
     )
     INSERT INTO $claims (worker_id, claim_seq, ids) SELECT $1, held.seq, ARRAY[held.id] FROM held`,
    [WORKER],
  )
  await app.sql("SELECT setval('$positions', 1000000)")
  const one = task.job.withQueue('big')
  refs.push(
    await chancy.push(one),
    await chancy.push(one.withPriority(-1).withConcurrency(1)),
    await chancy.push(one.withDelay('1h')),
  )
  const [blocked] = await app.sql<{ id: string }>(
    "SELECT id FROM $jobs WHERE queue = 'big' AND blocked LIMIT 1",
  )
  refs.push({ id: blocked!.id } as Reference)
}, 120_000)

describe.each(['never analyzed', 'analyzed'])('among 350,000 jobs, %s', (state) => {
  beforeAll(async () => {
    if (state === 'analyzed') await app.sql('ANALYZE $jobs')
    // Below zero: the table was never analyzed.
    const [{ analyzed } = {}] = await app.sql<{ analyzed: boolean }>(
      "SELECT reltuples >= 0 AS analyzed FROM pg_class WHERE oid = '$jobs'::regclass",
    )
    expect(analyzed).toBe(state === 'analyzed')
  })

  it('explain reads as many rows as it counts, in one statement, and writes nothing', async () => {
    const { chancy, texts } = await readOnly()
    const many = { kind: 'behind', ahead: 1_000, hasMore: true }
    expect((await chancy.explain(refs[0]!)).reasons).toEqual([many])
    expect((await chancy.explain(refs[1]!)).reasons).toEqual([many])
    expect((await chancy.explain(refs[2]!)).reasons).toMatchObject([{ kind: 'scheduled' }])
    expect((await chancy.explain(refs[3]!)).reasons).toMatchObject([{ kind: 'concurrency' }])
    expect(texts).toHaveLength(4)
    for (const { id } of refs) {
      const { rows, pages } = await readBy(texts[0]!, [id, 1_001])
      expect(rows).toBeLessThan(1_001 + SLACK)
      expect(pages).toBeLessThan(500)
    }
  })

  it('explainQueue reads to its bounds', async () => {
    const { chancy, texts } = await readOnly()
    const { counts } = await chancy.explainQueue('big')
    const cut = { jobs: BOUND, hasMore: true }
    expect(counts).toEqual({
      ready: cut,
      ...OPEN,
      scheduled: cut,
      backoff: cut,
      dependency: none,
      durable: none,
      concurrency: cut,
      'function-unknown': cut,
      running: none,
    })
    expect(texts).toHaveLength(1)
    const { rows } = await readBy(texts[0]!, ['big', BOUND + 1, 50_000])
    expect(rows).toBeLessThan(5 * (BOUND + 1) + GROUPS + RUNNING + SLACK)
  })

  it('explainQueue of a small queue passes over no waiting job of another', async () => {
    const { chancy, texts } = await readOnly()
    const { counts } = await chancy.explainQueue('small')
    const few = { jobs: 3, hasMore: false }
    expect(counts).toEqual({
      ready: few,
      ...OPEN,
      // The queue is not declared.
      'queue-undeclared': few,
      scheduled: few,
      backoff: few,
      dependency: none,
      durable: none,
      concurrency: few,
      'function-unknown': few,
      running: few,
    })
    // One probe a group, and what runs.
    const groups = 2 * GROUPS + 3
    const { rows } = await readBy(texts[0]!, ['small', BOUND + 1, 50_000])
    expect(rows).toBeLessThan(5 * 3 + groups + RUNNING + SLACK)
    // And no more of them than the last parameter allows.
    const cut = await readBy(texts[0]!, ['small', BOUND + 1, 100])
    expect(cut.answer).toMatchObject({ blocked_more: true, running_more: true })
    expect(cut.rows).toBeLessThan(5 * 3 + 2 * 100 + SLACK)
  })
})

/** An application that may not write, and the statements it has run. */
async function readOnly() {
  const pool = app.pool(1)
  await pool.query('SET default_transaction_read_only = on')
  const driver = noting(pgDriver(pool))
  return { chancy: app.chancy({ notifications: false }, driver), texts: driver.texts }
}

/**
 * What a statement reads of the jobs: rows of the table in a sequence and entries of its indexes, as
 * the server counts them, and pages of any kind.
 */
async function readBy(text: string, values: unknown[]) {
  const client = await app.client()
  const read = async (): Promise<number> => {
    const { rows } = await client.query<{ n: number }>(
      `SELECT (pg_stat_get_xact_tuples_returned($1::regclass)
               + (SELECT sum(pg_stat_get_xact_tuples_returned(i.indexrelid)) FROM pg_index i
                   WHERE i.indrelid = $1::regclass))::int AS n`,
      [`${app.schema}.jobs`],
    )
    return rows[0]!.n
  }
  // The first call plans, and may read the ends of indexes for that.
  await client.query(text, values)
  await client.query('BEGIN')
  const before = await read()
  const { rows: answers } = await client.query(text, values)
  const rows = (await read()) - before
  await client.query('COMMIT')
  const { rows: plans } = await client.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    values,
  )
  const plan = plans[0]!['QUERY PLAN'][0]!.Plan
  return {
    answer: answers[0] as Record<string, unknown>,
    rows,
    pages: plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!,
  }
}
