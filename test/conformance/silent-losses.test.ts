import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { pgDriver } from '../../src/database/drivers/pg.ts'
import { pgFromDsn } from '../../src/database/drivers/pg-dsn.ts'
import { classify } from '../../src/database/sql-state.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const one = { text: 'SELECT 1 AS a', values: [] }
const nap = (seconds: number) => ({
  text: `SELECT 1 AS a, pg_sleep(${seconds})::text AS b`,
  values: [],
})

/** Far from the 30 s of a statement, and with room for a machine that is busy. */
const SOON_MS = 20_000

describe('connections that die in silence', () => {
  it('are found when one of their statements stays unanswered, and idle ones are replaced', async () => {
    await using proxy = await startProxy(databaseUrl())
    const driver = pgFromDsn(proxy.url, { max: 4 })
    await Promise.all([1, 2, 3, 4].map(() => driver.query(nap(0.2))))
    expect(proxy.connections).toBe(4)
    proxy.silence()
    proxy.endSilence()
    const startedAt = performance.now()
    const lost = await driver.query(one).catch((error) => error)
    expect(lost).toMatchObject({ code: 'DATABASE_DEADLINE', details: { sent: true } })
    expect(classify(lost)).toBe('ambiguous')
    // The other three are dead too, and no statement waits for them.
    const answers = await Promise.all([1, 2, 3, 4].map(() => driver.query(one)))
    expect(answers.flat()).toEqual([1, 2, 3, 4].map(() => ({ a: 1 })))
    expect(performance.now() - startedAt).toBeLessThan(SOON_MS)
    await driver.close()
  })

  it('are found as soon as the network is back, also in a transaction and for a listener', async () => {
    await using proxy = await startProxy(databaseUrl())
    const driver = pgFromDsn(proxy.url, { max: 4 })
    let lostAt = 0
    const onLost = (): void => {
      lostAt = performance.now()
    }
    const listener = { onPayload: () => {}, onLost }
    await driver.listen('chancy_silent', listener)
    const held = await driver.reserve()
    await held.query(one)
    proxy.silence()
    const waiting = held.query(one).catch((error) => error)
    const transaction = driver.transaction((session) => session.query(one)).catch((error) => error)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    proxy.endSilence()
    const closedAt = performance.now()
    expect(classify(await waiting)).toBe('ambiguous')
    expect(await transaction).toBeInstanceOf(Error)
    await expect.poll(() => lostAt, { timeout: SOON_MS }).toBeGreaterThan(0)
    expect(performance.now() - closedAt).toBeLessThan(SOON_MS)
    held.release()
    expect(await driver.query(one)).toEqual([{ a: 1 }])
    await driver.close()
  })

  it('are not taken for dead while the server works on their statements', async () => {
    await using proxy = await startProxy(databaseUrl())
    const driver = pgFromDsn(proxy.url, { max: 4 })
    const long = [driver.query(nap(3.5)), driver.transaction((session) => session.query(nap(3.5)))]
    for (const rows of await Promise.all(long)) expect(rows).toEqual([{ a: 1, b: '' }])
    await driver.close()
  })

  it('do not keep a driver from closing', async () => {
    await using proxy = await startProxy(databaseUrl())
    const driver = pgFromDsn(proxy.url, { max: 2 })
    await driver.listen('chancy_silent', { onPayload: () => {}, onLost: () => {} })
    await Promise.all([driver.query(nap(0.1)), driver.query(nap(0.1))])
    proxy.silence()
    const waiting = driver.query(one).catch((error) => error)
    const startedAt = performance.now()
    await driver.close()
    expect(performance.now() - startedAt).toBeLessThan(SOON_MS)
    expect(await waiting).toBeInstanceOf(Error)
  })
})

it('waits for a free connection of a busy pool for longer than one may take to be made', async () => {
  const pool = new pg.Pool({
    connectionString: databaseUrl(),
    max: 1,
    connectionTimeoutMillis: 1_000,
  })
  const driver = pgDriver(pool)
  const [first, second] = [driver.query(nap(2)), driver.query(one)]
  expect(await first).toEqual([{ a: 1, b: '' }])
  expect(await second).toEqual([{ a: 1 }])
  await driver.close()
  await pool.end()
})
