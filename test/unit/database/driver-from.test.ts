import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import type { Driver } from '../../../src/database/driver.ts'
import { driverFrom } from '../../../src/database/driver-from.ts'
import { pgDriver } from '../../../src/database/drivers/pg.ts'
import { addressOf } from '../../../src/database/drivers/pg-address.ts'
import { pgliteDriver } from '../../../src/database/drivers/pglite.ts'
import { postgresJsDriver } from '../../../src/database/drivers/postgres-js.ts'

// Nothing here connects: pg and postgres.js do so at the first statement.
const dsn = 'postgres://ada:secret@localhost:1/app'

const messageOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  throw new Error('It was accepted')
}

describe('driverFrom', () => {
  it('makes a pool of its own for a DSN', async () => {
    const driver = driverFrom(dsn, { max: 3 })
    expect(driver.sessions).toBe(3)
    expect(await driver.address?.()).toBe(dsn)
    await driver.close()
  })

  it('leaves a driver as it is', () => {
    const driver = pgDriver(new pg.Pool({ connectionString: dsn }))
    expect(driverFrom(driver)).toBe(driver)
    expect(driver.sessions).toBe(10)
  })

  it.each<[string, () => unknown, string]>([
    ['a pool', () => new pg.Pool(), 'pgDriver(pool)'],
    ['a client', () => new pg.Client(), 'pgDriver(new pg.Pool('],
    ['an sql', () => postgres(dsn), 'postgresJsDriver(sql)'],
    ['a PGlite database', () => Object.create(PGlite.prototype), 'pgliteDriver(db)'],
    ['a number', () => 5432, 'It takes a DSN'],
    ['nothing', () => undefined, 'undefined'],
    ['a URL', () => new URL(dsn), 'url.href'],
  ])('says what to write instead of %s', (_title, given, advice) => {
    expect(messageOf(() => driverFrom(given() as Driver))).toContain(advice)
  })

  it.each([
    'localhost/app',
    'mysql://ada:secret@localhost/app',
    'postgres://ada:secret@local host:port/app',
    'postgres://ada:secret@localhost:port/app',
    'postgres://ada:secret@localhost:99999/app',
    'postgres://ada:se/cr?et@secret@localhost:port/app',
    '',
  ])('refuses the DSN %j immediately, without its password', (bad) => {
    const message = messageOf(() => driverFrom(bad))
    expect(message).toContain('postgres://user:password@host:5432/database')
    expect(message).not.toMatch(/secret|se\/cr/)
  })

  it('refuses a pool size that is none', () => {
    expect(messageOf(() => driverFrom(dsn, { max: 0 }))).toContain('"max"')
  })
})

describe('the drivers', () => {
  it('refuse what they cannot drive', () => {
    expect(messageOf(() => pgDriver(5 as never))).toContain('pgDriver(new pg.Pool')
    expect(messageOf(() => pgDriver(new pg.Client() as never))).toContain('one client')
    expect(messageOf(() => pgDriver(new pg.Pool({ binary: true } as never)))).toContain('binary')
    expect(messageOf(() => postgresJsDriver({} as never))).toContain('postgres(dsn)')
    const camel = postgres(dsn, { transform: postgres.camel })
    expect(messageOf(() => postgresJsDriver(camel))).toContain('transform')
    const types = { truth: { to: 16, from: [16], serialize: String, parse: () => 'spoilt' } }
    expect(messageOf(() => postgresJsDriver(postgres(dsn, { types })))).toContain('OID 16')
    expect(messageOf(() => pgliteDriver({} as never))).toContain('PGlite.create')
  })

  it('say where a thread reaches their server', async () => {
    const settings = { host: 'db', port: 5433, user: 'ada', password: 'secret', database: 'app' }
    expect(await pgDriver(new pg.Pool(settings)).address?.()).toEqual(settings)
    const sql = postgres({ ...settings, ssl: 'require' })
    expect(await postgresJsDriver(sql).address?.()).toEqual({
      ...settings,
      ssl: { rejectUnauthorized: false },
    })
    expect(await postgresJsDriver(postgres('postgres://a,b/app')).address?.()).toBeNull()
    const rotating = { ...settings, password: async () => 'secret' }
    expect(await pgDriver(new pg.Pool(rotating)).address?.()).toBeNull()
  })

  it('give addresses that can be cloned', () => {
    // pg hides the key from enumeration.
    const pool = new pg.Pool({ host: 'db', ssl: { ca: 'ca', key: 'key' } })
    const clone = structuredClone(addressOf(pool.options))
    expect(clone).toEqual({ host: 'db', ssl: { ca: 'ca', key: 'key' } })
    expect(addressOf({ ssl: { checkServerIdentity: () => undefined } })).toBeNull()
    expect(addressOf({ stream: () => {} })).toBeNull()
  })
})
