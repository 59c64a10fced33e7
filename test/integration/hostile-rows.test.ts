import { job, Reference } from 'chancy'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'

const schema = testSchema()

beforeAll(async () => {
  await using _ = await startApp({ schema })
})
afterEach(() => empty(schema))

const nested = (depth: number): string =>
  `'{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}'::jsonb`
/** A text that takes a hundredth of its length where it stands, and six times as much as JSON. */
const inflated = (chars: number): string => `jsonb_build_object('a', repeat(E'\\x01', ${chars}))`
/** Few bytes, whose text has a hundred thousand digits a number. */
const digits = (numbers: number): string =>
  `(SELECT jsonb_build_object('a', jsonb_agg('1e130000'::numeric)) FROM generate_series(1, ${numbers}))`

/** Columns of rows that cannot be run, and what is said of them. */
const INVALID: readonly (readonly [columns: Record<string, string>, says: string])[] = [
  [{ args: `'7'` }, 'no object but 7'],
  [{ args: `'null'` }, 'no object but null'],
  [{ args: `'[1]'` }, 'no object but [1]'],
  [{ args: `'"text"'` }, 'no object but "text"'],
  [{ args: nested(101) }, 'more than 100 deep'],
  [{ args: nested(6_000) }, 'more than 100 deep'],
  [{ args: inflated(20_000_000) }, 'too large'],
  [{ args: inflated(1_000_000) }, 'too large'],
  [{ args: digits(40) }, 'too large'],
  [{ meta: nested(101) }, 'more than 100 deep'],
  [{ meta: nested(6_000) }, 'more than 100 deep'],
  [{ meta: inflated(1_000_000) }, 'too large'],
  [{ meta: digits(40) }, 'too large'],
  [{ meta: `'7'` }, 'meta is no object'],
  [{ meta: `'[]'` }, 'meta is no object'],
  [{ progress: inflated(1_000_000) }, 'too large'],
  [{ progress: nested(6_000) }, 'more than 100 deep'],
  [{ errors: inflated(1_000_000) }, 'too large'],
  [{ errors: nested(6_000) }, 'more than 100 deep'],
  [{ backoff: inflated(1_000_000) }, 'too large'],
  [{ limits: inflated(1_000_000) }, 'too large'],
  [{ limits: `'7'` }, 'limits are no object but 7'],
  [{ limits: `'[]'` }, 'limits are no object'],
  [{ limits: `'"x"'` }, 'limits are no object'],
  ...['1', '-5', '"x"', '1e300', '1e400', '{}', 'true', '0'].map(
    (bytes) => [{ limits: `'{"memoryBytes":${bytes}}'` }, '"memoryBytes"'] as const,
  ),
  ...['"x"', '-1', '0', '1e300', '[]'].map(
    (ms) => [{ limits: `'{"timeMs":${ms}}'` }, '"timeMs"'] as const,
  ),
  [{ limits: `'{"sockets":3}'` }, '"sockets" that is not known'],
  [{ limits: `'{"__proto__":3,"constructor":4}'` }, '"constructor" that is not known'],
]

/** Columns of rows that are odd and still run. */
const RUNNABLE: readonly Record<string, string>[] = [
  { args: nested(100) },
  { meta: nested(100) },
  { args: inflated(100_000) },
  { args: digits(2) },
  { args: `jsonb_build_object('a', repeat('x', 1000000))` },
  { args: `'{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'` },
  { meta: `'{"__proto__":{"isAdmin":true}}'` },
  { meta: `jsonb_build_object('a', repeat('x', 60000))` },
  { limits: `'null'` },
  { limits: `'{"timeMs":null}'` },
  { limits: `'{"timeMs":60000}'` },
  { backoff: `'7'` },
  { backoff: `'"x"'` },
  { backoff: `'{"baseMs":1e308,"factor":9,"maxMs":1e308,"jitter":0}'` },
  { errors: `'[7, {"attempt":"x","kind":7,"name":[],"message":{},"usage":3}, null]'` },
  {
    errors: `(SELECT jsonb_agg(jsonb_build_object('attempt', g, 'kind', 'error', 'at', now(), 'name', 'E',
       'message', repeat(md5(g::text), 200), 'stack', repeat(md5(random()::text), 250))) FROM generate_series(1, 20) g)`,
  },
  { retention: `interval '178000000 years'` },
  { retention: `interval '-178000000 years'` },
  { unique_key: `repeat('x', 100000)` },
]

/** Columns of rows that the table refuses. */
const REFUSED: readonly Record<string, string>[] = [
  { name: `repeat('x', 201)` },
  { name: `repeat('x', 1000000)` },
  { name: `repeat('x', 1000000)`, run_at: 'now()', position: 'NULL' },
  { concurrency_key: `repeat('k', 1001)`, run_at: 'now()', position: 'NULL' },
  {
    concurrency_key: `(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 100) g)`,
    run_at: 'now()',
    position: 'NULL',
  },
]

async function insert(columns: Record<string, string>): Promise<string> {
  const all: Record<string, string> = {
    id: '$schema.new_id()',
    queue: `'default'`,
    name: `'ok'`,
    priority: '9',
    seq: `nextval('$schema.positions')`,
    position: `nextval('$schema.positions')`,
    ...columns,
  }
  const text = `INSERT INTO $schema.jobs (${Object.keys(all)}) VALUES (${Object.values(all)}) RETURNING id`
  const [row] = await sql<{ id: string }>(schema, text)
  return row!.id
}

const polluted = (value: unknown) => (Object.assign({}, value) as { isAdmin?: boolean }).isAdmin
const ok = job({ name: 'ok', maxAttempts: 1 }, (args: unknown, { job: own }) => {
  const merged = { ...(args as object) } as { constructor?: { prototype?: object } }
  const isPolluted = polluted(args) ?? polluted(own.meta) ?? Object.hasOwn(merged, '__proto__')
  return isPolluted || merged.constructor?.prototype !== Object.prototype ? 'polluted' : 'ok'
})

describe('a row that no push has written', () => {
  it('fails alone with the reason when it cannot be run, and all others succeed', async () => {
    await using app = await startApp({ schema, jobs: ok })
    app.all('job.started')
    app.all('job.saved')
    const troubles = app.all('database.error')
    const ids: string[] = []
    for (const [columns] of INVALID) ids.push(await insert(columns))
    // Of those the first are claimed alone, and the others in one claim.
    // Deadlines follow from the lease, and texts of this size take their time on a busy machine.
    await app.start({ lease: '60s', heartbeat: '2s' })
    for (const [columns] of INVALID) ids.push(await insert({ ...columns, max_attempts: '5' }))
    const valid = await app.chancy.pushMany(Array.from({ length: 50 }, () => ok))
    const done = await app.chancy.waitForJobs(valid, { timeout: '2m' })
    expect(done.every(({ state }) => state === 'succeeded')).toBe(true)
    const failed = await app.chancy.waitForJobs(
      ids.map((id) => Reference.from(id)),
      {
        timeout: '2m',
      },
    )
    for (const [index, one] of failed.entries()) {
      const [columns, says] = INVALID[index % INVALID.length]!
      const what = JSON.stringify(columns).slice(0, 200)
      expect(one.state, what).toBe('failed')
      expect(one.errors.at(-1)?.kind, what).toBe('row-invalid')
      expect(one.errors.at(-1)?.message, what).toContain(says)
      expect(one.attempts, what).toBe(1)
    }
    expect(troubles.map(({ what, error }) => `${what}: ${error}`)).toEqual([])
  }, 180_000)

  it('runs when nothing keeps it from running, and pollutes nothing', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.start({ lease: '60s', heartbeat: '2s' })
    const ids: string[] = []
    for (const columns of RUNNABLE) ids.push(await insert(columns))
    const done = await app.chancy.waitForJobs(
      ids.map((id) => Reference.from(id)),
      {
        timeout: '2m',
      },
    )
    for (const [index, one] of done.entries()) {
      const what = JSON.stringify(RUNNABLE[index]).slice(0, 200)
      expect([one.state, one.result], what).toEqual(['succeeded', 'ok'])
      expect([polluted(one.args), polluted(one.meta)], what).toEqual([undefined, undefined])
    }
    // Twenty failures of 14 kB are more than a claim brings along, and they are all there.
    expect(done[RUNNABLE.findIndex(({ errors }) => errors?.includes('md5'))]!.errors).toHaveLength(
      20,
    )
    // No end of a job is beyond what PostgreSQL can count, so its day can be dropped.
    const [kept] = await sql(
      schema,
      `SELECT max(finished_at + coalesce(retention, '7 days')) < now() + interval '11 years' AS ends,
              min(retention) >= interval '10 minutes' AS begins
         FROM $schema.finished_jobs`,
    )
    expect(kept).toEqual({ ends: true, begins: true })
  })

  it('is not decompressed by a claim where it takes too much as it is stored', async () => {
    await sql(
      schema,
      `INSERT INTO $schema.jobs (id, queue, name, args)
       VALUES (gen_random_uuid(), 'default', 'large', ${inflated(100_000_000)})`,
    )
    const [row] = await sql<{ 'QUERY PLAN': readonly { Plan: Record<string, number> }[] }>(
      schema,
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
       SELECT $schema.text_1(args, 262144, 65536) FROM $schema.jobs`,
    )
    const plan = row!['QUERY PLAN'][0]!.Plan
    const pages = plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!
    const [stored] = await sql<{ pages: number }>(
      schema,
      `SELECT pg_column_size(args) / 8192 AS pages FROM $schema.jobs`,
    )
    expect(stored!.pages).toBeGreaterThan(100)
    expect(pages).toBeLessThan(stored!.pages)
  })

  it('is refused by the table where its name or its key would not fit into an index', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.start()
    for (const columns of REFUSED) {
      await expect(insert(columns), JSON.stringify(columns)).rejects.toMatchObject({
        code: '23514',
      })
    }
    expect(await app.chancy.waitForJob(await app.chancy.push(ok))).toMatchObject({ result: 'ok' })
  })

  it('is refused by the function push where it is nested too deep', async () => {
    const push = (columns: string) => sql(schema, `SELECT $schema.push('ok', ${columns})`)
    for (const depth of [101, 6_000]) {
      const refused = { code: '22023', message: expect.stringContaining('100 deep') }
      await expect(push(`args => ${nested(depth)}`)).rejects.toMatchObject(refused)
      await expect(push(`meta => ${nested(depth)}`)).rejects.toMatchObject(refused)
    }
    await push(`args => ${nested(100)}, meta => ${nested(100)}`)
  })
})

describe('a reader', () => {
  it('gets every row, with what is too large or too deep cut', async () => {
    await using app = await startApp({ schema, jobs: ok })
    const { chancy } = app
    const all = [...INVALID.map(([columns]) => columns), ...RUNNABLE]
    const ids: string[] = []
    for (const columns of all) {
      const { max_attempts, ...others } = columns
      ids.push(await insert({ ...others, position: 'NULL', run_at: `now() + '1 day'` }))
    }
    const refs = ids.map((id) => Reference.from(id))
    const read = [await chancy.getJobs(refs), await chancy.listJobs({ limit: 1_000 })]
    // And once more from history.
    for (const ref of refs) expect(await chancy.cancel(ref)).toBe('cancelled')
    read.push(
      await chancy.getJobs(refs),
      await chancy.listJobs({ state: 'cancelled', limit: 1_000 }),
    )
    read.push(await chancy.waitForJobs(refs))
    for (const jobs of read) {
      expect(jobs).toHaveLength(all.length)
      for (const one of jobs) {
        const what = JSON.stringify(all[ids.indexOf(one.id)]).slice(0, 200)
        // Small enough to be printed, and nothing in it stops the printing.
        expect(JSON.stringify(one).length, what).toBeLessThan(5_000_000)
        expect(Array.isArray(one.errors) && typeof one.meta === 'object', what).toBe(true)
        for (const { at, attempt, kind, message, name } of one.errors) {
          expect(at, what).toBeInstanceOf(Date)
          expect(
            [attempt, kind, message, name].map((value) => typeof value),
            what,
          ).toEqual([...['number', 'string', 'string', 'string']])
        }
        expect([polluted(one.args), polluted(one.meta)], what).toEqual([undefined, undefined])
      }
      const large = jobs.find(({ id }) => id === ids[7])!
      expect(large.args).toBe('… [cut]')
    }
  }, 180_000)
})
