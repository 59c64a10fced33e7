import pg from 'pg'
import { ConfigError } from '../../core/errors.ts'
import type { Driver } from '../driver.ts'
import { PgDriver, type PgDriverOptions } from './pg.ts'

/** How long a connection may take to be made, in milliseconds. */
export const CONNECTION_TIMEOUT_MS = 10_000
/** An idle connection is closed after this, before a proxy on the way forgets it. */
export const IDLE_TIMEOUT_MS = 30_000
/** When TCP begins to ask whether the other side is still there. */
export const KEEP_ALIVE_DELAY_MS = 10_000
/** Connections of one driver. */
export const DEFAULT_MAX = 10

export interface PgDsnOptions extends PgDriverOptions {
  /** How many connections at most. Default: 10. The listener has one more. */
  readonly max?: number | undefined
  /** Shown in `pg_stat_activity`. Default: what the DSN says, else `chancy`. */
  readonly applicationName?: string | undefined
}

/**
 * A driver with a pool of its own, which `close` closes. Connects at the first statement.
 *
 * @param dsn `postgres://user:password@host:port/database`, or a path of a Unix socket's folder
 * @throws {ConfigError} for a DSN that cannot be read; its password is not shown
 */
export function pgFromDsn(dsn: string, options: PgDsnOptions = {}): Driver {
  checkDsn(dsn)
  const max = options.max ?? DEFAULT_MAX
  if (!Number.isInteger(max) || max < 1)
    throw new ConfigError(`The option "max" takes a whole number from 1, got ${String(max)}`)
  const pool = makePool(dsn, max, options.applicationName)
  return new PgDriver(pool, options, () => pool.end())
}

function makePool(dsn: string, max: number, applicationName: string | undefined): pg.Pool {
  return new pg.Pool({
    connectionString: dsn,
    max,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    ...(applicationName === undefined
      ? { fallback_application_name: 'chancy' }
      : { application_name: applicationName }),
  })
}

const ADVICE = 'Write it as postgres://user:password@host:5432/database'

/**
 * @param what What the DSN is called in the message.
 * @throws {ConfigError} when it cannot be read; its password is not shown
 */
export function checkDsn(dsn: string, what = 'The DSN'): void {
  if (dsn.startsWith('/')) return
  if (!/^(postgres|postgresql|socket):\/\//i.test(dsn))
    throw new ConfigError(`${what} "${redactDsn(dsn)}" does not begin with postgres://. ${ADVICE}`)
  try {
    // What the pool will do with it, before anything waits for a connection.
    new pg.Client({ connectionString: dsn })
  } catch (error) {
    // The cause is left out: its text may hold the DSN.
    const reason = error instanceof Error ? error.message.replaceAll(dsn, '…') : 'unreadable'
    throw new ConfigError(`${what} "${redactDsn(dsn)}" cannot be read: ${reason}. ${ADVICE}`)
  }
}

/** A DSN that can be shown: no password, neither before the host nor among the parameters. */
export function redactDsn(dsn: string): string {
  const scheme = dsn.indexOf('://')
  const colon = dsn.indexOf(':', scheme < 0 ? 0 : scheme + 3)
  // Up to the last @, since a careless password may hold one, or a slash.
  const at = dsn.lastIndexOf('@')
  const shown = colon >= 0 && at > colon ? `${dsn.slice(0, colon)}:***${dsn.slice(at)}` : dsn
  return shown.replace(/(password=)('[^']*'|[^&\s]*)/gi, '$1***')
}
