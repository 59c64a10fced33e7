import { type ListOptions, pgDriver, Reference } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { noting, testApplication } from '../support/application.ts'

const app = testApplication({ empties: false })
const MANY = 60_000
/** Pages that a statement may read for its ten jobs. */
const FEW = 150
const LIMIT = 10
const WORKER = '01890000-0000-7000-8000-000000000001'

/** Older than all others: a scan in the order of the ids reads them last. */
const OLD = (n: string) => `('01800000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`
const YOUNG = (n: string) => `('01900000-0000-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`

const MIDDLE = Reference.from('01900000-0000-7000-8000-000000030000')

beforeAll(async () => {
  const chancy = app.chancy()
  await app.sql(`CREATE TABLE ${app.schema}.finished_jobs_test PARTITION OF $finished_jobs DEFAULT`)
  const finished = `INSERT INTO $finished_jobs (id, fence, created_at, priority, attempts, max_attempts,
                      crashes, format, args, name, queue, state)
                    SELECT `
  const rest = `1, now(), 0, 1, 1, 0, 1, '{}', 'task'`
  const numbers = (count: number) => `FROM generate_series(1, ${count}) AS n`
  await app.sql(`${finished} ${YOUNG('n')}, ${rest}, 'many', 'succeeded' ${numbers(MANY)}`)
  await app.sql(`${finished} ${OLD('n')}, ${rest}, 'many', 'failed' ${numbers(3)}`)
  await app.sql(`${finished} ${OLD('n + 10')}, ${rest}, 'few', 'succeeded' ${numbers(3)}`)
  const jobs = `INSERT INTO $jobs (id, queue, name, seq, position, state, worker_id) SELECT `
  await app.sql(`${jobs} ${YOUNG('n')}, 'many', 'task', n, n, 'pending', NULL ${numbers(MANY)}`)
  await app.sql(
    `WITH running AS (
       ${jobs} ${OLD('n + 20')}, 'many', 'task', n, n, 'running', $1 ${numbers(3)}
       RETURNING id
     )
     INSERT INTO $claims (worker_id, claim_seq, ids) SELECT $1, 1, array_agg(id) FROM running`,
    [WORKER],
  )
  await chancy.close()
}, 120_000)

describe.each(['never analyzed', 'analyzed'])('a listing, %s', (state) => {
  beforeAll(async () => {
    if (state === 'analyzed') await app.sql('ANALYZE $jobs, $finished_jobs')
  })

  it.each<[ListOptions, number]>([
    [{}, 10],
    [{ queue: 'many', name: 'task' }, 10],
    [{ state: 'pending' }, 10],
    [{ state: 'succeeded' }, 10],
    [{ state: 'failed' }, 3],
    [{ state: 'failed', queue: 'many', name: 'task' }, 3],
    [{ state: 'cancelled' }, 0],
    [{ state: 'succeeded', queue: 'few' }, 3],
    [{ after: MIDDLE }, 10],
    [{ after: MIDDLE, state: 'succeeded', queue: 'many' }, 10],
    [{ state: 'running' }, 3],
    [{ state: 'running', queue: 'many' }, 3],
  ])('of %o reads a few pages', async (filter, count) => {
    const driver = noting(pgDriver(app.pool(1)))
    const chancy = app.chancy({ notifications: false }, driver)
    const listed = await chancy.listJobs({ ...filter, limit: LIMIT })
    expect(listed).toHaveLength(count)
    const { queue = null, state = null, name = null, after } = filter
    const values = [queue, state, name, after === undefined ? null : MIDDLE.id, LIMIT]
    expect(await pagesRead(driver.texts.at(-1)!, values)).toBeLessThan(FEW)
  })
})

/**
 * Of a call whose plans are made already: of any kind, in the function and outside. The least of three, since the
 * tables that other tests make meanwhile can empty the caches of a session, which then reads the catalogue again.
 */
async function pagesRead(text: string, values: readonly unknown[]): Promise<number> {
  const client = await app.client()
  await client.query(text, [...values])
  const counts: number[] = []
  for (let call = 0; call < 3; call++) {
    const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      [...values],
    )
    const plan = rows[0]!['QUERY PLAN'][0]!.Plan
    counts.push(plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!)
  }
  return Math.min(...counts)
}
