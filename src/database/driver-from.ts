import { ConfigError } from '../core/errors.ts'
import type { Driver } from './driver.ts'
import { type PgDsnOptions, pgFromDsn } from './drivers/pg-dsn.ts'

/**
 * The driver of what `new Chancy(database)` was given: a DSN becomes a pool of its own, a driver
 * stays as it is (its options were given when it was made).
 *
 * @throws {ConfigError} for anything else, with what to write instead
 */
export function driverFrom(database: string | Driver, options: PgDsnOptions = {}): Driver {
  if (typeof database === 'string') return pgFromDsn(database, options)
  if (isDriver(database)) return database
  throw new ConfigError(`The database was given as ${adviceOn(database)}`)
}

function isDriver(value: unknown): value is Driver {
  const given = (value ?? {}) as Partial<Driver>
  const methods = [given.query, given.transaction, given.reserve, given.listen, given.close]
  return (
    methods.every((method) => typeof method === 'function') && typeof given.sessions === 'number'
  )
}

function adviceOn(value: unknown): string {
  const given = (value ?? {}) as Readonly<Record<string, unknown>>
  if (value instanceof URL) return 'a URL object. Give its text: new Chancy(url.href)'
  if (typeof given.unsafe === 'function')
    return 'an sql of postgres.js. Write new Chancy(postgresJsDriver(sql))'
  if (typeof given.query === 'function' && typeof given.exec === 'function')
    return 'a PGlite database. Write new Chancy(pgliteDriver(db))'
  if ('totalCount' in Object(value)) return 'a pool of pg. Write new Chancy(pgDriver(pool))'
  if (typeof given.query === 'function' && typeof given.connect === 'function')
    return 'one client of pg. Give it a pool: new Chancy(pgDriver(new pg.Pool(…)))'
  const kind =
    value === null || value === undefined ? String(value) : `a value of type ${typeof value}`
  return `${kind}. It takes a DSN, such as "postgres://localhost/app", or a driver, such as pgDriver(pool)`
}
