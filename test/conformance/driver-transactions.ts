import { expect, it } from 'vitest'
import type { Driver } from '../../src/database/driver.ts'

/** Statements, their errors, and transactions. */
export function describeStatements(driver: () => Driver, table: string): void {
  const insert = (id: number) => ({
    text: `INSERT INTO ${table} (id) VALUES ($1) RETURNING id`,
    values: [id],
  })

  it('gives the SQLSTATE and the constraint of a refused row', async () => {
    await driver().query(insert(1))
    await expect(driver().query(insert(1))).rejects.toMatchObject({
      code: '23505',
      constraint: 'only_once',
    })
    await expect(driver().query({ text: 'SELEC 1', values: [] })).rejects.toMatchObject({
      code: '42601',
    })
    expect(await driver().query(insert(2))).toEqual([{ id: 2 }])
  })

  it('refuses two statements in one text', async () => {
    const text = `INSERT INTO ${table} (id) VALUES (1); INSERT INTO ${table} (id) VALUES (2)`
    await expect(driver().query({ text, values: [] })).rejects.toMatchObject({ code: '42601' })
    expect(await driver().query({ text: `SELECT id FROM ${table}`, values: [] })).toEqual([])
  })

  it('runs a named statement again after its plan went stale', async () => {
    const query = { text: `SELECT * FROM ${table}`, values: [], name: `stale_${table}` }
    for (let i = 0; i < driver().sessions * 2; i++) await driver().query(query)
    await driver().query({ text: `ALTER TABLE ${table} ADD COLUMN extra int`, values: [] })
    expect(await Promise.all(Array.from({ length: 20 }, () => driver().query(query)))).toHaveLength(
      20,
    )
    await driver().query({ text: `ALTER TABLE ${table} DROP COLUMN extra`, values: [] })
    expect(await driver().query(query)).toEqual([])
  })

  it('runs many statements concurrently', async () => {
    const rows = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        driver().query<{ n: number }>({ text: 'SELECT $1::int AS n', values: [n], name: 'many' }),
      ),
    )
    expect(rows.map(([row]) => row?.n)).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })
}

export function describeTransactions(driver: () => Driver, table: string): void {
  const ids = async () =>
    (
      await driver().query<{ id: number }>({
        text: `SELECT id FROM ${table} ORDER BY id`,
        values: [],
      })
    ).map((row) => row.id)
  const insert = (id: number) => ({ text: `INSERT INTO ${table} (id) VALUES ($1)`, values: [id] })

  it('commits what the work did, at READ COMMITTED, and gives its value', async () => {
    const level = await driver().transaction(async (session) => {
      await session.query(insert(1))
      await session.query(insert(2))
      const text = "SELECT current_setting('transaction_isolation') AS level"
      return (await session.query<{ level: string }>({ text, values: [] }))[0]?.level
    })
    expect(level).toBe('read committed')
    expect(await ids()).toEqual([1, 2])
  })

  it('rolls back and passes the error on when the work rejects', async () => {
    const error = new Error('no')
    const work = driver().transaction(async (session) => {
      await session.query(insert(1))
      throw error
    })
    await expect(work).rejects.toBe(error)
    expect(await ids()).toEqual([])
  })

  it('rejects when the work continued after a failed statement', async () => {
    const work = driver().transaction(async (session) => {
      await session.query(insert(1))
      await session.query({ text: 'SELECT 1/0', values: [] }).catch(() => {})
      return 'fine'
    })
    await expect(work).rejects.toThrow()
    expect(await ids()).toEqual([])
    expect(await driver().query({ text: 'SELECT 1 AS a', values: [] })).toEqual([{ a: 1 }])
  })

  it('runs statements that were sent side by side one after the other', async () => {
    await driver().transaction((session) =>
      Promise.all([1, 2, 3].map((id) => session.query(insert(id)))),
    )
    expect(await ids()).toEqual([1, 2, 3])
  })

  it('refuses a statement after the end', async () => {
    let kept: { query: Driver['query'] } | undefined
    await driver().transaction(async (session) => {
      kept = session
    })
    await expect(kept?.query(insert(1))).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    expect(await ids()).toEqual([])
  })
}
