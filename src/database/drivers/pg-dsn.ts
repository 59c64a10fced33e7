import pg from 'pg'
import { ConfigError } from '../../core/errors.ts'
import type { Address, Driver } from '../driver.ts'
import { ClusterTimeline } from './cluster-timeline.ts'
import { type Dsn, parseDsn } from './dsn.ts'
import { PgDriver, type PgDriverOptions } from './pg.ts'
import { clientsOf, findsHost } from './pg-dsn-client.ts'

/** How long a connection may take to be made, in milliseconds. */
export const CONNECTION_TIMEOUT_MS = 2_000
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
  /** How long a connection may take to be made, in milliseconds. Default: what the DSN says, else 2,000. */
  readonly connectionTimeoutMs?: number | undefined
  /** When an idle connection is closed, in milliseconds; 0: never. Default: 30,000. */
  readonly idleTimeoutMs?: number | undefined
  /** Where the variables of libpq are read. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** What is known of the cluster's timelines. Default: nothing. */
  readonly timeline?: ClusterTimeline | undefined
}

/**
 * A driver with a pool of its own, which `close` closes. Connects at the first statement. Of several
 * hosts, each connection finds the one that takes writes.
 *
 * @param text `postgres://user:password@host:port/database`, with more hosts after commas, or a path
 *   of a Unix socket's folder
 * @throws {ConfigError} for a DSN that cannot be read; its password is not shown
 */
export function pgFromDsn(text: string, options: PgDsnOptions = {}): Driver {
  const dsn = named(parseDsn(text, 'The DSN', options.environment), options.applicationName)
  const max = options.max ?? DEFAULT_MAX
  if (!Number.isInteger(max) || max < 1)
    throw new ConfigError(`The option "max" takes a whole number from 1, got ${String(max)}`)
  const timeline = options.timeline ?? new ClusterTimeline()
  const timeoutMs = options.connectionTimeoutMs ?? dsn.connectTimeoutMs ?? CONNECTION_TIMEOUT_MS
  const { Client, accepts } = clientsOf(dsn, timeline, timeoutMs)
  const pool = new pg.Pool({
    Client: Client as never,
    max,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: timeoutMs,
    idleTimeoutMillis: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    fallback_application_name: 'chancy',
  })
  return new PgDriver(pool, options, {
    close: () => pool.end(),
    accepts,
    address: addressOf(text, dsn, options, timeline),
  })
}

function named(dsn: Dsn, name: string | undefined): Dsn {
  return name === undefined
    ? dsn
    : { ...dsn, settings: { ...dsn.settings, application_name: name } }
}

/** The DSN alone, where it says everything. */
function addressOf(
  dsn: string,
  parsed: Dsn,
  { pooler, environment }: PgDsnOptions,
  timeline: ClusterTimeline,
): Address {
  if (pooler === undefined && environment === undefined && !findsHost(parsed)) return dsn
  return {
    dsn,
    ...(environment === undefined ? {} : { environment }),
    ...(pooler === undefined ? {} : { pooler }),
    ...(findsHost(parsed) ? { timeline: timeline.buffer } : {}),
  }
}
