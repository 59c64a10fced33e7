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

/** A clock whose sleeps end immediately after `endSleeps` was called. */
function interruptibleClock(): Clock & { endSleeps(): void } {
  const ending = new AbortController()
  return {
    now: systemClock.now,
    monotonic: systemClock.monotonic,
    sleep: (ms, signal) =>
      systemClock.sleep(ms, signal ? AbortSignal.any([signal, ending.signal]) : ending.signal),
    endSleeps: () => ending.abort(),
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
      // postgres.js rejects no promise when `end` cuts off its first query, that of the types.
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
    // postgres.js keeps connecting to a server that hangs up, so only the deadline ends this.
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

  it('loses a reply to COMMIT and reports that the outcome is unknown', async () => {
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

  it('gives up on a statement while the server is away, and nothing is left unhandled', async () => {
    await using proxy = await startProxy(databaseUrl())
    const { driver, stop } = make(proxy.url)
    await driver.query(one)
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', note)
    try {
      proxy.blackHole()
      // The connection that the driver makes to cancel the statement is refused.
      proxy.stopListening()
      const late = await driver.query({ ...one, deadlineMs: 200 }).catch((error) => error)
      expect(late).toMatchObject({ code: 'DATABASE_DEADLINE' })
      // A refused connection is reported after a few turns of the loop.
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
      for (const other of others) process.on('unhandledRejection', other)
    }
    await stop()
  })

  it('detects by its probe that a subscription receives nothing', async () => {
    await using proxy = await startProxy(databaseUrl())
    const clock = interruptibleClock()
    const { driver, stop } = make(proxy.url, clock)
    const lost: Error[] = []
    const received: string[] = []
    const listener = {
      onPayload: (text: string) => void received.push(text),
      onLost: (error: Error) => void lost.push(error),
    }
    await driver.listen('chancy_hole', listener)
    proxy.blackHole()
    clock.endSleeps()
    await expect.poll(() => lost.length, { timeout: 10_000 }).toBe(1)
    proxy.resume()
    await stop()
    expect(received).toEqual([])
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
