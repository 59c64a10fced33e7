import pg from 'pg'
import type { Address, Driver } from '../driver.ts'
import { PgDriver } from './pg.ts'
import { CONNECTION_TIMEOUT_MS, KEEP_ALIVE_DELAY_MS } from './pg-dsn.ts'

/**
 * A driver for what another driver's `address()` gave, in a thread that shares nothing with it: one
 * connection, kept open, since it is there for a lease.
 */
export function pgOfAddress(address: Address): Driver {
  const where = typeof address === 'string' ? { connectionString: address } : address
  const pool = new pg.Pool({
    ...where,
    max: 1,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    idleTimeoutMillis: 0,
    fallback_application_name: 'chancy',
  })
  return new PgDriver(pool, {}, () => pool.end())
}
