import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { startProxy, type TestProxy } from '../support/proxy.ts'

const schema = testSchema()
let proxy: TestProxy

beforeAll(() =>
  withClient(async (client) => {
    await client.query(`CREATE SCHEMA ${schema}`)
    await client.query(`CREATE TABLE ${schema}.notes (id int PRIMARY KEY)`)
  }),
)
beforeEach(async () => {
  proxy = await startProxy(databaseUrl(schema))
  onTestFinished(() => proxy.close())
})
afterAll(() => expect(proxy.connections).toBe(0))

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy.url })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end().catch(() => {}))
  return client
}

const insert = (id: number, name?: string) => ({
  ...(name !== undefined && { name }),
  text: `INSERT INTO ${schema}.notes (id) VALUES ($1)`,
  values: [id],
})

const isThere = async (id: number) => {
  const text = `SELECT 1 FROM ${schema}.notes WHERE id = $1`
  return (await withClient((client) => client.query(text, [id]))).rowCount === 1
}

describe('a proxy', () => {
  it('passes on what no rule loses', async () => {
    const client = await connected()
    await client.query(insert(1))
    const { rows } = await client.query('SELECT generate_series(1, 20000) AS n')
    expect(rows).toHaveLength(20_000)
    expect(await isThere(1)).toBe(true)
    expect(proxy.connections).toBe(1)
  })

  it('cuts the reply to a statement that was committed', async () => {
    const client = await connected()
    const fault = proxy.cutReplies('.notes')
    await expect(client.query(insert(2))).rejects.toThrow(/terminated/)
    expect(fault.hits).toBe(1)
    expect(await isThere(2)).toBe(true)
  })

  it('matches a prepared statement by its text when it runs again', async () => {
    const client = await connected()
    await client.query(insert(3, 'insert_note'))
    proxy.cutReplies('INSERT INTO')
    await expect(client.query(insert(4, 'insert_note'))).rejects.toThrow(/terminated/)
    expect(await isThere(4)).toBe(true)
  })

  it('cuts the reply to COMMIT', async () => {
    const client = await connected()
    proxy.cutReplies('COMMIT')
    await client.query('BEGIN')
    await client.query(insert(5))
    await expect(client.query('COMMIT')).rejects.toThrow(/terminated/)
    expect(await isThere(5)).toBe(true)
  })

  it('passes on the reply to a statement that failed', async () => {
    const client = await connected()
    await client.query(insert(6))
    const fault = proxy.cutReplies('.notes')
    await expect(client.query(insert(6))).rejects.toMatchObject({ code: '23505' })
    expect(fault.hits).toBe(0)
  })

  it('drops a statement before it reaches the server', async () => {
    const client = await connected()
    const fault = proxy.dropRequests((text) => text.startsWith('INSERT'))
    await expect(client.query(insert(7))).rejects.toThrow(/terminated/)
    await fault.hit
    expect(await isThere(7)).toBe(false)
  })

  it('swallows a statement in silence', async () => {
    const client = await connected()
    const fault = proxy.dropRequests('.notes', { isSilent: true })
    const query = client.query(insert(8)).catch((error: Error) => error)
    await fault.hit
    await expect(Promise.race([query, nothingAfter(100)])).resolves.toBe('nothing')
    proxy.cut()
    await expect(query).resolves.toBeInstanceOf(Error)
    expect(await isThere(8)).toBe(false)
  })

  it('becomes a black hole and comes back', async () => {
    const client = await connected()
    proxy.blackHole()
    const query = client.query(insert(9))
    await expect(Promise.race([query, nothingAfter(100)])).resolves.toBe('nothing')
    expect(await isThere(9)).toBe(false)
    proxy.resume()
    await query
    expect(await isThere(9)).toBe(true)
  })

  it('delays', async () => {
    const client = await connected()
    proxy.delay(60)
    const before = performance.now()
    await client.query('SELECT 1')
    expect(performance.now() - before).toBeGreaterThanOrEqual(110)
  })

  it('refuses new connections', async () => {
    proxy.refuse()
    await expect(connected()).rejects.toThrow()
    proxy.refuse(false)
    await connected()
  })

  it('hits as often as its rule allows', async () => {
    const fault = proxy.cutReplies('SELECT 42', { times: 2 })
    for (const _ of [1, 2]) await expect((await connected()).query('SELECT 42')).rejects.toThrow()
    await (await connected()).query('SELECT 42')
    expect(fault.hits).toBe(2)
  })
})

const nothingAfter = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, 'nothing'))
