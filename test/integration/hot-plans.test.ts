import { Chancy } from 'chancy'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { namesOf } from '../../dist/database/names.js'
import { renewLease } from '../../dist/database/statements/workers.js'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { type PlanNode, plansOf } from '../support/plans.ts'
import { sized } from '../support/size.ts'

const WORKER = '01890000-0000-7000-8000-000000000001'
const GONE = '01890000-0000-7000-8000-000000000002'
const BATCH = 200
/** Jobs in the line, blocked ones, parked, waiting for their time. */
const MANY = 20_000
const GROUPS = 5_000
const TABLES = ['jobs', 'claims', 'concurrency_groups', 'finished_jobs', 'waiters']
/** What a statement may read and throw away, a row of its batch. */
const WASTE = 4

const claimText = (queue: string, ranges = ''): string =>
  `SELECT * FROM claim_1('${queue}', '${WORKER}', ${BATCH}, '{task}', true${ranges})`

/** The most rows of names that it does not know which a claim parks. */
const MAX_PARKED = 5_000
/** Of all jobs, as they were when the tables were analyzed last. */
const FORMER = {
  'that all wait for their time':
    "'pending', NULL, NULL, now() + interval '1 day', false, false, NULL",
  'that all are parked': "'pending', n, NULL, NULL, false, true, NULL",
  'that all are blocked': "'pending', n, NULL, NULL, true, false, 'task:' || n",
  'that all are in the line': "'pending', n, n, NULL, false, false, 'task:' || n",
} as const
const REST = [
  'that all is empty',
  'that all wait for their time',
  'that all are parked',
  'that all are blocked',
] as const
/** What the planner may believe: that nothing is there, what was once there, and what is there. */
const BELIEFS = [
  'nothing',
  'what is there',
  'that all are in the line',
  ...sized<readonly (typeof REST)[number][]>([], REST),
] as const
type Belief = (typeof BELIEFS)[number]

describe.each(BELIEFS)('when the planner knows %s', (belief) => {
  const schema = testSchema()
  const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID())
  const same = (count: number, value: unknown) => Array.from({ length: count }, () => value)
  const row = (name: string, of: string) => `FROM ${schema}.${name}(${of})`
  const claim = claimText

  it('every hot statement goes by its index, and reads no more than it takes', {
    timeout: 120_000,
  }, async () => {
    await migrated(schema)
    await withClient(async (client) => {
      await client.query(`SET search_path = ${schema}`)
      await prepare(client, belief)
      // A plan is made once a session: this one's belong to tables in which next to nothing is.
      if (belief === 'that all is empty') await liveSmall(client)
      await fill(client)
      // Not the tables of other tests, which may need tables that were never analyzed.
      if (belief === 'what is there') await client.query(`ANALYZE ${TABLES.join()}`)
      const check = async (
        what: string,
        text: string,
        values: readonly unknown[],
        index: string | null,
        takes = BATCH,
      ) => {
        const nodes = await plansOf(client, text, values)
        expect(wrong(nodes, what, takes), what).toEqual([])
        const used = [...new Set(nodes.flatMap((node) => node.index ?? []))]
        if (index !== null) expect(used.map(plain), what).toContain(index)
      }
      const push = (keys: string) =>
        `SELECT * ${row('push_1', `$1, $2, $3, $4, $5, $6, NULL, NULL, ${keys}, NULL, $7, 0, NULL`)}`
      const pushed = (keys: boolean, again: boolean) => {
        const made = ids(BATCH)
        const [queues, names] = [same(BATCH, 'pushed'), same(BATCH, 'task')]
        const args = [made, queues, names, same(BATCH, '{}'), same(BATCH, 0), same(BATCH, 1), again]
        return keys ? [...args, made] : args
      }
      const finish = async (keys: boolean) => {
        const { rows } = await client.query(
          `SELECT j.ctid::text AS ctid, j.id, j.fence, j.concurrency_key AS key FROM jobs j
            WHERE j.worker_id = $1 AND (j.concurrency_key IS NOT NULL) = $2 ORDER BY j.id`,
          [WORKER, keys],
        )
        expect(rows.length).toBe(BATCH)
        const of = (name: string) => rows.map((one) => one[name])
        const groups = keys ? [...new Set(of('key'))].sort() : null
        return [WORKER, `{${of('ctid').map((p) => `"${p}"`)}}`, of('id'), of('fence'), groups]
      }
      const progress = async () => {
        const [, , held, fences] = await finish(false)
        return [WORKER, held, fences, same(BATCH, '1')]
      }
      const FINISH = `SELECT * ${row('finish_2', '$1, $2::tid[], $3, $4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, $5, NULL')}`
      const RANGES = `, ARRAY[0], ARRAY[0], ARRAY[${BATCH}], ARRAY[${Number.MAX_SAFE_INTEGER}]`

      await check('push', push('NULL'), pushed(false, false), null)
      const uniform = [ids(BATCH), ['pushed'], ['task'], same(BATCH, '{}'), [0], [1], false]
      await check('push of a uniform batch', push('NULL'), uniform, null)
      await check('push with keys', push('$8'), pushed(true, false), null)
      const surplus = `SELECT ${schema}.surplus_1($1, $2, $3, NULL, NULL, $4)`
      const asked = (count: number, queue: string, key: string) => {
        const extras = `{"concurrency_key":"${key}","concurrency_max":1}`
        return [same(count, queue), same(count, 0), same(count, extras), MANY] as const
      }
      const many = asked(BATCH, 'grouped', 'task:1')
      await check('hint of ready jobs', surplus, many, 'jobs_group_ready')
      // The blocked ones count where a push and the jobs in the line are few.
      await check('hint of blocked jobs', surplus, asked(1, 'blocked', 'held:1'), 'jobs_blocked')
      await check('claim', claim('line'), [], 'jobs_claim')
      const saveProgress = `SELECT * ${row('save_progress_1', '$1, $2, $3, $4')}`
      await check('progress', saveProgress, await progress(), 'jobs_pkey')
      await check(
        'renewal',
        renewLease.text(namesOf(schema)),
        [WORKER, 1_000, null],
        'jobs_cancelling',
      )
      for (const what of ['cancel', 'retry']) {
        const text = `SELECT * ${row(`${what}_1`, '$1, false')}`
        await check(what, text, [await anyOf(client, 'blocked')], 'jobs_pkey')
      }
      await check('finish', FINISH, await finish(false), null)
      for (const _ of ['a checkpoint', 'watermarks']) {
        await check('watermarks', `SELECT advance_watermarks_1('line', '{0}')`, [], null)
        await client.query(
          `UPDATE scan_watermarks SET advanced_at = advanced_at - interval '1 second'`,
        )
      }
      await check('claim above a watermark', claim('line'), [], 'scan_watermarks_pkey')
      await check('claim in ranges', claim('line', RANGES), [], 'jobs_claim')
      await check('claim of groups', claim('grouped'), [], 'concurrency_groups_pkey')
      await check('finish of groups', FINISH, await finish(true), 'concurrency_groups_pkey')
      await check('ready jobs of claimed groups', claim('grouped'), [], 'jobs_group_ready')
      await check('claim beside parked ones', claim('parked'), [], 'jobs_parked')
      await check('claim that parks', claim('unknown'), [], 'jobs_claim', MAX_PARKED)
      const readyQueues = `SELECT * ${row('ready_queues_1', '$1, $2')}`
      await check(
        'ready queues',
        readyQueues,
        [['line', 'pushed', 'parked', 'none'], ['task']],
        'jobs_claim',
      )
      await check('a second push', push('NULL'), pushed(false, true), 'finished_jobs_id_idx')
      await check('stage', `SELECT * ${row('stage_1', `${BATCH}, NULL`)}`, [], 'jobs_due')
      await check(
        'sweep',
        `SELECT * ${row('sweep_blocked_1', `NULL, ${BATCH}`)}`,
        [],
        'jobs_blocked',
      )
      await check(
        'sweep of groups',
        `SELECT * ${row('sweep_groups_1', `NULL, ${BATCH}`)}`,
        [],
        'concurrency_groups_pkey',
      )
      await check('recover', `SELECT * ${row('recover_2', `${BATCH}, 3, 0`)}`, [], 'claims_pkey')
      const mine = await claims(client)
      const held = `SELECT * ${row('held_1', '$1, $2')}`
      await check('adopt', held, [WORKER, mine], 'claims_pkey', mine.length * BATCH)
    })
  })
})

const anyOf = async (client: pg.Client, queue: string): Promise<string> =>
  (await client.query(`SELECT id FROM jobs WHERE queue = '${queue}' LIMIT 1`)).rows[0].id

const claims = async (client: { query(text: string): Promise<{ rows: { n: string }[] }> }) =>
  (
    await client.query(`SELECT claim_seq::text AS n FROM claims WHERE worker_id = '${WORKER}'`)
  ).rows.map(({ n }) => n)

/** Scans of a whole table, and nodes that throw away far more than is taken. */
function wrong(nodes: readonly PlanNode[], what: string, takes: number): string[] {
  expect(nodes.length, `plans of ${what}`).toBeGreaterThan(0)
  return nodes
    .filter(({ node, relation, dropped, kept }) => {
      const isOurs = relation !== null && TABLES.some((table) => relation.startsWith(table))
      if (node === 'Seq Scan' && isOurs) return true
      return dropped > WASTE * takes || (isOurs && kept > WASTE * takes)
    })
    .map(({ node, relation, index, kept, dropped }) =>
      [node, relation, index, `${kept} kept`, `${dropped} dropped`].filter(Boolean).join(' '),
    )
}

/** An index of a day of history is named after the day. */
const plain = (index: string): string => index.replace(/_\d{8}/, '')

async function migrated(schema: string): Promise<void> {
  await using chancy = new Chancy(databaseUrl(schema), { schema, notifications: false })
  await chancy.migrate()
}

async function prepare(client: pg.Client, belief: Belief): Promise<void> {
  for (const table of TABLES) {
    if (table === 'finished_jobs') continue
    await client.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
    if (belief === 'that all is empty') await client.query(`ANALYZE ${table}`)
  }
  if (belief in FORMER) {
    await client.query(rows('former', MANY, FORMER[belief as keyof typeof FORMER]))
    await client.query('ANALYZE jobs')
    await client.query('TRUNCATE jobs')
  }
  await client.query(
    `INSERT INTO queues (name) SELECT unnest('{line,grouped,parked,pushed,blocked,unknown}'::text[]);
     INSERT INTO workers (id, expires_at) VALUES ('${WORKER}', 'infinity');`,
  )
}

/** Two jobs of two groups, from push to end. */
async function liveSmall(client: pg.Client): Promise<void> {
  await client.query(
    `INSERT INTO jobs (id, queue, name, concurrency_max, seq, position, concurrency_key)
     SELECT gen_random_uuid(), 'grouped', 'task', 1, n, n, 'small:' || n FROM generate_series(1, 2) AS n`,
  )
  await client.query(claimText('grouped'))
  await client.query(
    `SELECT finish_2('${WORKER}', array_agg(j.ctid), array_agg(j.id), array_agg(j.fence), NULL, NULL,
              NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '{small:1,small:2}', NULL)
       FROM jobs j`,
  )
  await client.query('SELECT sweep_blocked_1(NULL, 10), stage_1(10, NULL), recover_2(10, 3, 0)')
}

const rows = (queue: string, count: number, columns: string, name = 'task'): string => `
  INSERT INTO jobs (id, queue, name, concurrency_max, state, seq, position, run_at, blocked, parked,
                    concurrency_key)
  SELECT gen_random_uuid(), '${queue}', '${name}', ${columns.includes(':') ? 1 : 'NULL'}, ${columns}
    FROM generate_series(1, ${count}) AS n`

async function fill(client: pg.Client): Promise<void> {
  // Groups of other jobs, as there are in a busy schema.
  await client.query(
    `INSERT INTO concurrency_groups (key) SELECT 'other:' || n FROM generate_series(1, ${GROUPS}) AS n`,
  )
  await client.query(rows('line', MANY, "'pending', n, n, NULL, false, false, NULL"))
  await client.query(
    rows('grouped', MANY, `'pending', n, n, NULL, false, false, 'task:' || n % ${GROUPS}`),
  )
  await client.query(rows('parked', MANY, "'pending', n, n, NULL, false, false, NULL"))
  await client.query(rows('parked', MANY, "'pending', n, NULL, NULL, false, true, NULL"))
  await client.query(rows('unknown', MANY, "'pending', n, n, NULL, false, false, NULL", 'unknown'))
  await client.query(
    rows('blocked', MANY, `'pending', n, NULL, NULL, true, false, 'held:' || n % ${GROUPS}`),
  )
  await client.query(
    rows('line', MANY, "'pending', NULL, NULL, now() - interval '1 s', false, false, NULL"),
  )
  // The rows of a worker that was lost.
  await client.query(
    `WITH held AS (
         INSERT INTO jobs (id, queue, name, state, worker_id, seq, position)
         SELECT gen_random_uuid(), 'line', 'task', 'running', '${GONE}', n, n
           FROM generate_series(1, 1000) AS n
         RETURNING id
       )
       INSERT INTO claims (worker_id, claim_seq, ids)
       SELECT '${GONE}', 1, array_agg(id) FROM held;
       SELECT setval('positions', 1000000);`,
  )
}
