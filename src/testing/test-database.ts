import { ConfigError } from '../core/errors.ts'
import { pgFromDsn } from '../database/drivers/pg-dsn.ts'
import { type Driver, pgliteDriver } from '../index.ts'

/** What is used of PGlite. */
export interface PGliteHandle {
  close(): Promise<void>
  dumpDataDir(compression: 'none'): Promise<Blob>
}

/** Where the tables of a test are. */
export interface TestDatabase {
  /** A driver for one application, which closes it. */
  driver(): Driver
  /** A PGlite that the kit has made, or null. */
  readonly pglite: PGliteHandle | null
}

/** A test waits for one thing at a time, and each further connection takes as long as ten statements. */
const MAX_CONNECTIONS = 3

/**
 * A database by its address or a driver, else that of CHANCY_TEST_URL, else PGlite. Never that of DATABASE_URL.
 *
 * @param data A data directory for PGlite to begin with. Default: an empty one.
 * @throws {ConfigError} when there is no PGlite either, or the address cannot be read
 */
export async function testDatabase(
  database: string | Driver | undefined,
  data?: () => Promise<Blob | null>,
): Promise<TestDatabase> {
  const where = database ?? (process.env.CHANCY_TEST_URL || null)
  if (typeof where === 'string')
    return { driver: () => pgFromDsn(where, { max: MAX_CONNECTIONS }), pglite: null }
  if (where !== null) return { driver: () => where, pglite: null }
  const { PGlite } = await loadPGlite()
  const loaded = (await data?.()) ?? null
  const db = new PGlite(loaded === null ? {} : { loadDataDir: loaded })
  const driver = pgliteDriver(db)
  return { driver: () => driver, pglite: db }
}

async function loadPGlite(): Promise<typeof import('@electric-sql/pglite')> {
  try {
    return await import('@electric-sql/pglite')
  } catch (cause) {
    throw new ConfigError(
      'There is no database for the tests. Set CHANCY_TEST_URL to the address of a server, give the option "database", or install @electric-sql/pglite.',
      { cause },
    )
  }
}
