import { filterOf } from 'chancy'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { choosePath, orderOf } from '../../dist/app/search/choose-path.js'
import { compileFilter } from '../../dist/app/search/compile-filter.js'
import type { FindOrder } from '../../dist/app/search/search-options.js'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { plansOf } from '../support/plans.ts'

const app = testApplication({ empties: false })
/** Of each table. */
const MANY = 50_000
const LIMIT = 10
/** Rows that a page of ten may read: a scan looks at its clock after 256. */
const FEW = 400
const WORKER = '01890000-0000-7000-8000-000000000001'
const FLOW = '01890000-0000-7000-8000-000000000009'
let client: pg.Client

beforeAll(async () => {
  client = new pg.Client({ connectionString: databaseUrl(app.schema) })
  await client.connect()
  await app.sql(
    `CREATE TABLE ${app.schema}.finished_jobs_20260310 (LIKE $finished_jobs INCLUDING DEFAULTS INCLUDING INDEXES)`,
  )
  await app.sql(
    `ALTER TABLE $finished_jobs ATTACH PARTITION ${app.schema}.finished_jobs_20260310
       FOR VALUES FROM ('20260310 00:00+00') TO ('20260311 00:00+00')`,
  )
  const id = (n: string, prefix: string) =>
    `('${prefix}-' || lpad(to_hex(${n} / 65536), 4, '0') || '-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`
  await app.sql(
    `INSERT INTO $finished_jobs (id, fence, created_at, finished_at, priority, attempts, crashes, format, state, queue,
            name, args)
     SELECT ${id('n', '019cd9e8')}, 1, '20260310 12:00+00', '20260310 13:00+00'::timestamptz + n * interval '1 ms', 0, 1,
            0, 1, CASE WHEN n % 10 = 7 THEN 'failed' WHEN n % 10 = 8 THEN 'cancelled' ELSE 'succeeded' END,
            CASE WHEN n % 10000 = 9 THEN 'few' ELSE 'many' END, CASE WHEN n % 10000 = 11 THEN 'rare' ELSE 'usual' END, '{}'
       FROM generate_series(1, ${MANY}) AS n`,
  )
  await app.sql(
    `CREATE INDEX finished_jobs_20260310_name ON ${app.schema}.finished_jobs_20260310 (name, id)`,
  )
  await app.sql(
    `INSERT INTO $jobs (id, queue, name, seq, position, state, worker_id, unique_key, run_at, priority)
     SELECT ${id('n', '019cd9e9')}, CASE WHEN n % 10000 = 9 THEN 'few' ELSE 'many' END, 'task', n,
            CASE WHEN n % 5 > 0 THEN n END, CASE WHEN n % 10000 = 7 THEN 'running' ELSE 'pending' END,
            CASE WHEN n % 10000 = 7 THEN '${WORKER}'::uuid END, 'key-' || n,
            CASE WHEN n % 5 = 0 THEN now() + n * interval '1 second' END, n % 3
       FROM generate_series(1, ${MANY}) AS n`,
  )
  await app.sql(
    `INSERT INTO $claims (worker_id, claim_seq, ids)
     SELECT '${WORKER}', 1, array_agg(id) FROM $jobs WHERE state = 'running'`,
  )
  await app.sql(`INSERT INTO $workflows (id, name) VALUES ('${FLOW}', 'flow')`)
  await app.sql(
    `INSERT INTO $steps (owner_id, n, job_id)
     SELECT '${FLOW}', row_number() OVER (), id FROM (SELECT id FROM $finished_jobs LIMIT 5) f`,
  )
  await app.sql(
    `UPDATE $finished_jobs f SET owner_id = '${FLOW}', owner_step = s.n FROM $steps s WHERE s.job_id = f.id`,
  )
}, 120_000)
afterAll(() => client?.end())

describe.each(['never analyzed', 'analyzed'])('a search, %s', (state) => {
  beforeAll(async () => {
    if (state === 'analyzed') await app.sql('ANALYZE $jobs, $finished_jobs')
  })

  it.each<[text: string, found: number, index: string, order?: FindOrder]>([
    ['', LIMIT, 'jobs_pkey'],
    ['state:succeeded', LIMIT, 'finished_jobs_20260310_id_idx'],
    ['queue:few state:succeeded', 5, 'finished_jobs_20260310_queue_id_idx'],
    ['state:failed', LIMIT, 'finished_jobs_20260310_state_finished_at_id_idx'],
    ['state:failed,cancelled', LIMIT, 'finished_jobs_20260310_state_finished_at_id_idx'],
    ['state:cancelled queue:none', 0, 'finished_jobs_20260310_state_finished_at_id_idx'],
    ['name:rare state:finished', 5, 'finished_jobs_20260310_name'],
    ['name:none state:finished', 0, 'finished_jobs_20260310_name'],
    ['id:019cd9e8-0000-7000-8000-000000000042', 1, 'finished_jobs_20260310_id_idx'],
    ['id:019cd9e9-0000-7000-8000-00000000004', 10, 'jobs_pkey'],
    ['state:running', 5, 'jobs_pkey'],
    [`worker:${WORKER} state:running`, 5, 'jobs_pkey'],
    ['unique:key-42,key-43 state:waiting', 2, 'jobs_unique_key'],
    [`workflow:${FLOW}`, 5, 'steps_pkey'],
    ['queue:few', 5, 'jobs_claim', 'line'],
    ['queue:many', LIMIT, 'jobs_claim', 'line'],
    ['', LIMIT, 'jobs_due', 'due'],
  ])('of %j finds %i jobs by %s, and reads a few rows', async (text, found, index, order) => {
    const conditions = compileFilter(filterOf(text), { now: Date.now(), timeZone: 'UTC' })
    const query = JSON.stringify(choosePath(conditions, order ?? orderOf(conditions)))
    const call = `SELECT id FROM ${app.schema}.find_jobs_1($1::jsonb, NULL, ${LIMIT}, 10000)`
    const { rows } = await client.query(call, [query])
    expect(rows).toHaveLength(found)
    const nodes = await plansOf(client, call, [query])
    const used = nodes.flatMap(({ index: name }) => name ?? [])
    expect(used).toContain(index)
    const read = nodes.filter(({ relation }) => /^(jobs|finished_jobs)/.test(relation ?? ''))
    const most = text.endsWith('queue:none') ? MANY / 10 + FEW : FEW
    expect(read.reduce((sum, { kept, dropped }) => sum + kept + dropped, 0)).toBeLessThan(most)
    expect(read.filter(({ node }) => node === 'Seq Scan')).toEqual([])
  })
})
