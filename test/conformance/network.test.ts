import pg from 'pg'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { Driver } from '../../src/database/driver.ts'
import { pgDriver } from '../../src/database/drivers/pg.ts'
import { pgFromDsn } from '../../src/database/drivers/pg-dsn.ts'
import { postgresJsDriver } from '../../src/database/drivers/postgres-js.ts'
import { classify } from '../../src/database/sql-state.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const one = { text: 'SELECT 1 AS a', values: [] }

/** A clock whose sleeps last no time once it is told to hurry. */
function hurryingClock(): Clock & { hurry(): void } {
  const hurry = new AbortController()
  return {
    now: systemClock.now,
    monotonic: systemClock.monotonic,
    sleep: (ms, signal) =>
      systemClock.sleep(ms, signal ? AbortSignal.any([signal, hurry.signal]) : hurry.signal),
    hurry: () => hurry.abort(),
  }
}

interface Made {
  readonly driver: Driver
  stop(): Promise<unknown>
}

const drivers: [string, (url: string, clock?: Clock) => Made][] = [
  [
    'pg',
    (url, clock) => {
      const driver = pgFromDsn(url, { max: 2, clock })
      return { driver, stop: () => driver.close() }
    },
  ],
  [
    'postgres.js',
    (url, clock) => {
      // Nobody in postgres.js hears of it when the types it asks for at first are cut off by `end`.
      const sql = postgres(url, { max: 2, onnotice: () => {}, fetch_types: false })
      return { driver: postgresJsDriver(sql, { clock }), stop: () => sql.end({ timeout: 0 }) }
    },
  ],
]

describe.each(drivers)('%s on a bad network', (_name, make) => {
  it('gets over a connection that is cut, and over a server that is away', async () => {
    await using proxy = await startProxy(databaseUrl())
    const { driver, stop } = make(proxy.url)
    expect(await driver.query(one)).toEqual([{ a: 1 }])
    const cut = proxy.cutReplies('cut here')
    const lost = await driver.query({ ...one, text: 'SELECT 1 /* cut here */' }).catch((e) => e)
    expect([classify(lost), cut.hits]).toEqual(['ambiguous', 1])
    proxy.refuse()
    proxy.cut()
    // postgres.js goes on connecting to a server that hangs up, so only the deadline ends this.
    const away = { ...one, deadlineMs: 500 }
    await expect
      .poll(() => driver.query(away).catch((e) => classify(e)), { timeout: 5_000 })
      .toMatch(/transient|ambiguous/)
    proxy.refuse(false)
    await expect
      .poll(() => driver.query(one).catch(() => 'lost'), { timeout: 5_000 })
      .toEqual([{ a: 1 }])
    await stop()
  })

  it('loses a reply to COMMIT and says that nobody knows', async () => {
    await using proxy = await startProxy(databaseUrl())
    const { driver, stop } = make(proxy.url)
    proxy.cutReplies((text) => /^\s*commit/i.test(text))
    const lost = await driver.transaction((session) => session.query(one)).catch((e) => e)
    expect(classify(lost)).toBe('ambiguous')
    expect(await driver.transaction((session) => session.query(one))).toEqual([{ a: 1 }])
    await stop()
  })

  it('does not wait for an answer that never comes', async () => {
    await using proxy = await startProxy(databaseUrl())
    const { driver, stop } = make(proxy.url)
    await driver.query(one)
    proxy.blackHole()
    const late = await driver.query({ ...one, deadlineMs: 200 }).catch((error) => error)
    expect(late).toMatchObject({ code: 'DATABASE_DEADLINE', details: { sent: true } })
    proxy.resume()
    await expect
      .poll(() => driver.query(one).catch(() => 'lost'), { timeout: 5_000 })
      .toEqual([{ a: 1 }])
    await stop()
  })

  it('gives up on a statement while the server is away, and nothing is left unheard', async () => {
    await using proxy = await startProxy(databaseUrl())
    const { driver, stop } = make(proxy.url)
    await driver.query(one)
    const unheard: unknown[] = []
    const note = (error: unknown) => void unheard.push(error)
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', note)
    try {
      proxy.blackHole()
      // What the driver sends to end the statement finds nobody.
      proxy.stopListening()
      const late = await driver.query({ ...one, deadlineMs: 200 }).catch((error) => error)
      expect(late).toMatchObject({ code: 'DATABASE_DEADLINE' })
      // A refused connection is told of after a few turns of the loop.
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
      for (const other of others) process.on('unhandledRejection', other)
    }
    await stop()
  })

  it('finds out by its probe that a subscription hears nothing', async () => {
    await using proxy = await startProxy(databaseUrl())
    const clock = hurryingClock()
    const { driver, stop } = make(proxy.url, clock)
    const lost: Error[] = []
    const heard: string[] = []
    const listener = {
      onPayload: (text: string) => void heard.push(text),
      onLost: (error: Error) => void lost.push(error),
    }
    await driver.listen('chancy_hole', listener)
    proxy.blackHole()
    clock.hurry()
    await expect.poll(() => lost.length, { timeout: 10_000 }).toBe(1)
    proxy.resume()
    await stop()
    expect(heard).toEqual([])
  })
})

describe('a full pool', () => {
  it('rejects what waited too long as surely not applied', async () => {
    for (const make of drivers.map(([, make]) => make)) {
      const { driver, stop } = make(databaseUrl())
      const held = [await driver.reserve(), await driver.reserve()]
      const late = await driver.query({ ...one, deadlineMs: 100 }).catch((error) => error)
      expect(late).toMatchObject({ code: 'DATABASE_DEADLINE', details: { sent: false } })
      expect(classify(late)).toBe('transient')
      for (const session of held) session.release()
      expect(await driver.query(one)).toEqual([{ a: 1 }])
      await stop()
    }
  })

  it('leaves the rest of a user’s pool alone', async () => {
    const pool = new pg.Pool({ connectionString: databaseUrl(), max: 2 })
    const driver = pgDriver(pool)
    await driver.query(one)
    await driver.close()
    expect((await pool.query('SELECT 1 AS a')).rows).toEqual([{ a: 1 }])
    await pool.end()
  })
})
