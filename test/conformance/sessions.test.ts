import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import type { Session } from '../../src/database/driver.ts'
import { pgDriver } from '../../src/database/drivers/pg.ts'
import { asSession } from '../../src/database/session.ts'
import { SESSION } from '../../src/database/session-library.ts'
import { customSession } from '../../src/database/sessions/custom.ts'
import { databaseUrl, testSchema } from '../support/database.ts'

const name = testSchema()
const pool = new pg.Pool({ connectionString: databaseUrl(name), max: 2 })
const sql = postgres(databaseUrl(), {
  max: 2,
  connection: { application_name: name },
  onnotice: () => {},
})
const db = await PGlite.create()

afterAll(async () => {
  await pool.end()
  await sql.end()
  await db.close()
})

/** One statement of each kind in a transaction that is then rolled back. */
async function use(session: Session): Promise<void> {
  const table = 'CREATE TEMPORARY TABLE callers (id int CONSTRAINT once PRIMARY KEY) ON COMMIT DROP'
  await session.query({ text: table, values: [] })
  const text = 'INSERT INTO callers VALUES ($1) RETURNING id, $2::text AS note, $3::bool AS yes'
  const insert = { text, values: [7, undefined, 'true'], name: 'callers_insert' }
  expect(await session.query(insert)).toEqual([{ id: 7, note: null, yes: true }])
  await expect(session.query(insert)).rejects.toMatchObject({ code: '23505', constraint: 'once' })
  // The transaction is aborted, and stays so: nothing was retried or swallowed.
  await expect(session.query(insert)).rejects.toMatchObject({ code: '25P02' })
}

describe('asSession', () => {
  it('takes a client of a pg pool', async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await use(asSession(client))
    await client.query('ROLLBACK')
    client.release()
  })

  it('takes a pg client of its own, once it is connected', async () => {
    const client = new pg.Client({ connectionString: databaseUrl(name) })
    expect(() => asSession(client)).toThrow(/not connected.*client\.connect\(\)/)
    await client.connect()
    await client.query('BEGIN')
    await use(asSession(client))
    await client.end()
  })

  it('takes a transaction and a savepoint of postgres.js', async () => {
    const end = new Error('rolled back')
    const work = sql.begin(async (transaction) => {
      await transaction.savepoint(async (savepoint) => {
        await use(asSession(savepoint))
        throw end
      })
    })
    await expect(work).rejects.toMatchObject({
      message: expect.stringMatching(/rolled back|duplicate/),
    })
    await sql
      .begin(async (transaction) => {
        await use(asSession(transaction))
        throw end
      })
      .catch(() => {})
  })

  it('takes a transaction of PGlite', async () => {
    await db.transaction(async (transaction) => {
      await use(asSession(transaction))
      await transaction.rollback()
    })
  })

  it('takes the session that an adapter brings', () => {
    const session: Session = { query: async () => [] }
    expect(asSession({ [SESSION]: () => session })).toBe(session)
    expect(SESSION).toBe(Symbol.for('chancy.session'))
  })

  it('takes a custom session, with null for a value that is undefined', async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    const query = async (text: string, values: unknown[]) => (await client.query(text, values)).rows
    await use(asSession(customSession(query)))
    const given: unknown[][] = []
    const noting = customSession((text, values) => {
      given.push([text, values])
      return []
    })
    await asSession(noting).query({ text: 'SELECT $1', values: [undefined] })
    expect(given).toEqual([['SELECT $1', [null]]])
    await client.query('ROLLBACK')
    client.release()
  })

  it('refuses what a custom session answers instead of rows', async () => {
    for (const answer of [{ rows: [] }, undefined, [[1]], [7]]) {
      const session = asSession(customSession((() => answer) as never))
      const sent = session.query({ text: 'SELECT 1', values: [] })
      await expect(sent).rejects.toThrow(/array of objects: often result\.rows/)
    }
    expect(() => customSession('SELECT 1' as never)).toThrow(/expected a function/)
  })

  it('keeps a deadline only where the query names one', async () => {
    const client = await pool.connect()
    const sleep = { text: 'SELECT pg_sleep(0.3)::text', values: [] }
    expect(await asSession(client).query(sleep)).toHaveLength(1)
    await expect(asSession(client).query({ ...sleep, deadlineMs: 50 })).rejects.toMatchObject({
      code: 'DATABASE_DEADLINE',
    })
    client.release(true)
  })

  it.each<[string, () => unknown, RegExp]>([
    ['a pool', () => pool, /a pool of pg.*await pool\.connect\(\)/],
    ['the root sql', () => sql, /the root sql of postgres\.js.*sql\.begin/],
    ['a PGlite database', () => db, /a PGlite database.*db\.transaction/],
    ['a driver', () => pgDriver(pool), /a driver of Chancy/],
    ['a text', () => 'postgres://', /a string/],
    ['nothing', () => undefined, /undefined/],
    ['an object', () => ({}), /an object it does not know/],
    ['a date', () => new Date(), /"Date"/],
    [
      'something that only queries',
      () => ({ query: () => {} }),
      /It takes a connected client of pg/,
    ],
    ['a promise', () => pool.connect().then((client) => client.release()), /to be awaited/],
    ['a function', () => () => {}, /a function it does not know/],
    ['a mock', () => vi.fn(), /a function it does not know/],
    ['an object without a prototype', () => Object.create(null), /an object it does not know/],
    [
      'a proxy that has every property',
      () => new Proxy(function mock() {}, { get: () => () => 1, has: () => true }),
      /has every property, such as a mock/,
    ],
    [
      'a proxy that throws',
      () => new Proxy({}, { get: () => unreadable() }),
      /an object that cannot be read/,
    ],
    ['a revoked proxy', revoked, /an object that cannot be read/],
  ])('refuses %s and says what to give instead', (_title, given, message) => {
    expect(() => asSession(given())).toThrow(ConfigError)
    expect(() => asSession(given())).toThrow(message)
  })

  it('says in one line what it takes when it is given something that it does not know', () => {
    for (const given of [null, {}, Object.create(null), revoked(), vi.fn()]) {
      expect(() => asSession(given)).toThrow(
        /^The option "session" was given .*customSession\(.*\)$/,
      )
    }
  })
})

function unreadable(): never {
  throw new Error('on purpose')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
