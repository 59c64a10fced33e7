import { availableParallelism, cpus, totalmem } from 'node:os'
import pg from 'pg'
import { embeddedPostgres } from './chancy.ts'
import { fillLog, KEPT_LOG } from './log-files.ts'

/** What a result rests on besides the code. */
export interface Setting {
  readonly node: string
  readonly processors: string
  readonly memoryGib: number
  readonly server: string
  readonly settings: Readonly<Record<string, string>>
}

/** The server that is measured, and connections to it that are not. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string
  readonly isEmbedded: boolean
  readonly pool: pg.Pool
  readonly setting: Setting
  /** What the bench itself sends to the database, outside of what it measures. */
  query<Row extends object = never>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** Shown in `pg_stat_activity` for the sessions of the bench. */
export const BENCH_APPLICATION = 'chancy-bench'

/** A quarter of the machine's memory, which PostgreSQL's manual names as where to start. */
const SHARED_BUFFERS = `${Math.floor(totalmem() / 4 / 1024 ** 2)}MB`

/** The server's own defaults, except the cache, the log, and room for sixteen workers' connections. */
const EMBEDDED_SETTINGS = { shared_buffers: SHARED_BUFFERS, max_connections: '300', ...KEPT_LOG }

/** Settings that decide about rates; they stand in every result. */
const SHOWN_SETTINGS = [
  'shared_buffers',
  'max_connections',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'min_wal_size',
  'max_wal_size',
  'autovacuum',
  'io_method',
]

/**
 * The server of a DSN, or an embedded one with a temporary directory that goes with this process.
 *
 * @param settings of the embedded server, beside `EMBEDDED_SETTINGS`
 */
export async function benchServer(
  dsn: string | undefined,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const embedded =
    dsn === undefined
      ? embeddedPostgres({ settings: { ...EMBEDDED_SETTINGS, ...settings }, max: 1 })
      : null
  const url = dsn ?? (await embedded!.url())
  const pool = new pg.Pool({ connectionString: url, max: 4, application_name: BENCH_APPLICATION })
  // A connection that the stopping server ends while it is being closed is no news.
  pool.on('error', () => {})
  const query = async <Row extends object>(text: string, values: readonly unknown[] = []) =>
    (await pool.query<Row>(text, [...values])).rows
  if (embedded !== null) await fillLog(query)
  return {
    url,
    isEmbedded: embedded !== null,
    pool,
    setting: await settingOf(query),
    query,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await embedded?.close()
    },
  }
}

async function settingOf(query: BenchServer['query']): Promise<Setting> {
  const rows = await query<{ name: string; value: string }>(
    `SELECT name, current_setting(name) AS value
       FROM pg_settings
      WHERE name = ANY ($1) OR name = 'server_version'`,
    [SHOWN_SETTINGS],
  )
  const settings = Object.fromEntries(rows.map(({ name, value }) => [name, value]))
  const { server_version: version = '', ...rest } = settings
  return {
    node: process.version,
    processors: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    server: `PostgreSQL ${version.split(' ')[0]}`,
    settings: rest,
  }
}

/** One line about the setting, for the end of a table. */
export function settingLine(server: BenchServer): string {
  const { node, processors, server: version, settings } = server.setting
  const kind = server.isEmbedded ? 'embedded' : 'given server'
  return `Node ${node}, ${version} (${kind}, shared_buffers ${settings.shared_buffers}, fsync ${settings.fsync}, synchronous_commit ${settings.synchronous_commit}), ${processors}`
}
