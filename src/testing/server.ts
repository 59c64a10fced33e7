import { type EmbeddedPostgres, embeddedPostgres } from '../database/drivers/embedded-postgres.ts'

/** One for the whole process, whatever loads this module, and how often. */
const shared = globalThis as { chancyTestServer?: EmbeddedPostgres | undefined }
/** Enough for one process for each core of a large machine. */
const SETTINGS = {
  max_connections: '500',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
}

/**
 * A global set-up for Vitest, Jest and `node --test`: starts one embedded PostgreSQL and sets CHANCY_TEST_URL, which
 * the processes of the tests inherit. Where that variable is set already, it starts nothing. The server ends with the
 * process that started it, or by what this returns.
 *
 * @throws {ConfigError} when the package `embedded-postgres` is not installed
 */
export async function globalSetup(): Promise<() => Promise<void>> {
  if (!process.env.CHANCY_TEST_URL) {
    const server = embeddedPostgres({ settings: SETTINGS, max: 1 })
    process.env.CHANCY_TEST_URL = await server.url()
    shared.chancyTestServer = server
  }
  return globalTeardown
}

/** Ends the server that `globalSetup` started, if any. */
export async function globalTeardown(): Promise<void> {
  const server = shared.chancyTestServer
  if (server === undefined) return
  shared.chancyTestServer = undefined
  delete process.env.CHANCY_TEST_URL
  await server.close()
}

// The name by which Vitest and Jest find it.
export default globalSetup
