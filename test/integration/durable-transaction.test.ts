import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ownTransaction } from '../../src/core/durable/own-transaction.ts'
import { newId } from '../../src/core/reference.ts'
import type { TransactionStep } from '../../src/core/transact.ts'
import { namesOf } from '../../src/database/names.ts'
import { transactionSql } from '../../src/database/statements/durable.ts'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'

const app = testApplication()
const { schema } = app
const WORKER = '01890000-0000-7000-8000-000000000001'
const url = databaseUrl(schema)
const sql = postgres(url, { max: 4, onnotice: () => {} })
afterAll(() => sql.end())

const statements = transactionSql(namesOf(schema))

interface Held {
  readonly id: string
  readonly fence: number
}

beforeEach(async () => {
  await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity')`, [WORKER])
  await app.sql(`INSERT INTO $queues (name) VALUES ('default')`)
  await app.sql('CREATE TABLE IF NOT EXISTS $bookings (job uuid, note text)')
  await app.sql('TRUNCATE $bookings')
})

/** Jobs that a worker runs. */
async function running(count: number): Promise<Held[]> {
  const ids = Array.from({ length: count }, () => newId(Date.now()))
  await app.sql(
    `SELECT * FROM $push_1($1::uuid[], '{default}', '{order}', array_fill('{}'::text, ARRAY[$2::int]), '{0}', '{5}',
       NULL, NULL, NULL, NULL, false, 0, NULL)`,
    [ids, count],
  )
  return app.sql<Held & Record<string, unknown>>(
    `SELECT id::text AS id, fence::int AS fence
       FROM $claim_1('default', $1, 10000, '{order}', true) WHERE id IS NOT NULL ORDER BY id`,
    [WORKER],
  )
}

async function held(): Promise<Held> {
  return (await running(1))[0] as Held
}

function step(
  { id, fence }: Held,
  name: string,
  work: (tx: unknown) => Promise<unknown>,
): TransactionStep {
  const values = [id, fence, WORKER, name] as const
  return {
    sql: statements,
    recordedValues: values,
    saveValues: (result) => [...values, result, 1_000, 2_000],
    signal: new AbortController().signal,
    work: async (tx) => JSON.stringify((await work(tx)) ?? null),
  }
}

const notes = async (): Promise<string[]> =>
  (await app.sql<{ note: string }>('SELECT note FROM $bookings ORDER BY note')).map(
    ({ note }) => note,
  )
const recorded = (id: string) =>
  app.sql('SELECT n, kind, name, result::text AS result FROM $job_steps WHERE job_id = $1', [id])
const takeAway = (id: string) => app.sql('UPDATE $jobs SET fence = fence + 1 WHERE id = $1', [id])

const INSERT = `INSERT INTO ${schema}.bookings VALUES ($1, $2)`
const pgBook =
  (id: string, note: string) =>
  async (tx: unknown): Promise<string> => {
    await (tx as pg.PoolClient).query(INSERT, [id, note])
    return note
  }

const LIBRARIES = {
  pg: () => ({ database: app.pool(4), book: pgBook }),
  'postgres.js': () => ({
    database: sql,
    book: (id: string, note: string) => async (tx: unknown) => {
      await (tx as postgres.TransactionSql).unsafe(INSERT, [id, note])
      return note
    },
  }),
}

describe.each(Object.entries(LIBRARIES))('a transaction of %s', (_, library) => {
  it('commits its writes with the record of the step, once', async () => {
    const { database, book } = library()
    const job = await held()
    const first = await ownTransaction(database, step(job, 'book', book(job.id, 'a')))
    expect(first).toEqual({ kind: 'recorded', n: 1, result: '"a"' })
    const again = await ownTransaction(database, step(job, 'book', book(job.id, 'b')))
    expect(again).toMatchObject({ kind: 'recorded', n: 1, result: '"a"' })
    expect(await notes()).toEqual(['a'])
    expect(await recorded(job.id)).toEqual([
      { n: 1, kind: 'transaction', name: 'book', result: '"a"' },
    ])
  })

  it('commits nothing when the function throws', async () => {
    const { database, book } = library()
    const job = await held()
    const failing = step(job, 'book', async (tx) => {
      await book(job.id, 'a')(tx)
      throw new TypeError('no')
    })
    await expect(ownTransaction(database, failing)).rejects.toThrow('no')
    expect(await notes()).toEqual([])
    expect(await recorded(job.id)).toEqual([])
  })

  it('is refused at its end when another attempt has the job by then', async () => {
    const { database, book } = library()
    const job = await held()
    const stale = step(job, 'book', async (tx) => {
      await book(job.id, 'stale')(tx)
      await takeAway(job.id)
    })
    expect(await ownTransaction(database, stale)).toEqual({ kind: 'lost' })
    expect(await ownTransaction(database, step(job, 'book', book(job.id, 'stale')))).toEqual({
      kind: 'lost',
    })
    const next = { ...job, fence: 2 }
    await ownTransaction(database, step(next, 'book', book(job.id, 'next')))
    expect(await notes()).toEqual(['next'])
  })

  it('happens once for each of 40 jobs that are taken away meanwhile', async () => {
    const { database, book } = library()
    const jobs = await running(40)
    const ends = await Promise.all(
      jobs.map(async (job, index) => {
        const stale = ownTransaction(database, step(job, 'book', book(job.id, `${index}`)))
        if (index % 2 === 0) await takeAway(job.id)
        const end = await stale
        if (end.kind === 'recorded') return 'first'
        const next = { ...job, fence: 2 }
        await ownTransaction(database, step(next, 'book', book(job.id, `${index}`)))
        return 'second'
      }),
    )
    expect(ends).toContain('first')
    expect(await notes()).toHaveLength(40)
    expect(new Set(await notes()).size).toBe(40)
  })
})

describe('a transaction', () => {
  /** A pool whose commits are not answered. */
  function deaf(isCommitted: boolean): pg.Pool {
    const pool = app.pool(2)
    let left = 1
    const connect = async (): Promise<pg.PoolClient> => {
      const client = await pool.connect()
      const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>
      client.query = (async (...given: unknown[]) => {
        if (given[0] !== 'commit' || left-- <= 0) return query(...given)
        await query(isCommitted ? 'commit' : 'rollback')
        throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })
      }) as never
      return client
    }
    return { totalCount: 1, query: () => {}, connect } as unknown as pg.Pool
  }

  it('whose commit was not answered is asked for on a new connection', async () => {
    const done = await held()
    const end = await ownTransaction(deaf(true), step(done, 'book', pgBook(done.id, 'done')))
    expect(end).toMatchObject({ kind: 'recorded', n: 1, result: '"done"' })
    const open = await held()
    const undone = ownTransaction(deaf(false), step(open, 'book', pgBook(open.id, 'undone')))
    await expect(undone).rejects.toThrow('Connection terminated')
    expect(await notes()).toEqual(['done'])
  })

  it('of another database is refused', async () => {
    const job = await held()
    const other = new pg.Pool({ connectionString: url, max: 1 })
    const absent = { ...step(job, 'book', async () => 1), sql: transactionSql(namesOf('absent')) }
    const error = { code: 'NOT_SAME_DATABASE' }
    await expect(ownTransaction(other, absent)).rejects.toMatchObject(error)
    const unknown = step({ id: newId(Date.now()), fence: 1 }, 'book', async () => 1)
    await expect(ownTransaction(other, unknown)).rejects.toMatchObject(error)
    await other.end()
  })

  it.each([
    ['nothing', undefined, /was given undefined/],
    ['an object', {}, /which it does not know/],
    ['a connection', new pg.Client(), /a single connection or a transaction/],
  ])('does not begin on %s', async (_, given, message) => {
    const job = await held()
    await expect(
      ownTransaction(
        given,
        step(job, 'book', async () => 1),
      ),
    ).rejects.toThrow(message)
  })
})
