import pg from 'pg'
import type { Address, Driver } from '../driver.ts'
import { ClusterTimeline } from './cluster-timeline.ts'
import { PgDriver, type PgDriverOptions } from './pg.ts'
import { CONNECTION_TIMEOUT_MS, KEEP_ALIVE_DELAY_MS, pgFromDsn } from './pg-dsn.ts'

/**
 * A driver for what another driver's `address()` gave, in a thread that shares nothing with it: one
 * connection, kept open, since it is there for a lease. What the address says of a pooler holds for
 * it too.
 */
export function pgOfAddress(address: Address, options: PgDriverOptions = {}): Driver {
  const { dsn, pooler, timeline, environment, ...settings } =
    typeof address === 'string' ? { dsn: address } : (address as AddressParts)
  const given: PgDriverOptions = pooler === undefined ? options : { ...options, pooler }
  if (dsn !== undefined) {
    const shared = timeline === undefined ? {} : { timeline: new ClusterTimeline(timeline) }
    return pgFromDsn(dsn, { ...given, ...shared, environment, max: 1, idleTimeoutMs: 0 })
  }
  const pool = new pg.Pool({
    ...settings,
    max: 1,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    idleTimeoutMillis: 0,
    fallback_application_name: 'chancy',
  })
  return new PgDriver(pool, given, {
    close: () => pool.end(),
    address,
    accepts: () => true,
  })
}

/** Made by `pgFromDsn` with a DSN; else the settings of a pool. */
interface AddressParts {
  readonly dsn?: string
  readonly pooler?: 'transaction'
  readonly timeline?: SharedArrayBuffer
  readonly environment?: Readonly<Record<string, string | undefined>>
}
