import type { BenchServer } from '../support/server.ts'

/** Settings of an embedded server that counts statements, and does not until a session turns it on. */
export const COUNTING = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'none',
}
/** What a session sets to be counted, with the statements inside of functions. */
export const COUNTED = 'pg_stat_statements.track=all'

/** The figures of one statement, of its own or inside of a function. */
export interface ServerStatement {
  readonly text: string
  /** Whether a client sent it; else a function ran it. */
  readonly isSent: boolean
  readonly calls: number
  /** By the clock of the server, with what it ran inside. */
  readonly ms: number
  readonly rows: number
  readonly walBytes: number
  readonly pagesHit: number
  readonly pagesRead: number
  readonly pagesDirtied: number
}

/** The server's own count, statement by statement. Only of an embedded server: others are not changed. */
export class ServerStatements {
  readonly #server: BenchServer

  private constructor(server: BenchServer) {
    this.#server = server
  }

  static async open(server: BenchServer): Promise<ServerStatements | null> {
    if (!server.isEmbedded) return null
    await server.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
    return new ServerStatements(server)
  }

  async measure(work: () => Promise<void>): Promise<ServerStatement[]> {
    await this.#server.query('SELECT pg_stat_statements_reset()')
    await work()
    return this.#server.query<ServerStatement>(
      `SELECT regexp_replace(query, '\\s+', ' ', 'g') AS text, toplevel AS "isSent",
              calls::float8 AS calls, total_exec_time AS ms, rows::float8 AS rows,
              wal_bytes::float8 AS "walBytes", shared_blks_hit::float8 AS "pagesHit",
              shared_blks_read::float8 AS "pagesRead", shared_blks_dirtied::float8 AS "pagesDirtied"
         FROM pg_stat_statements
        ORDER BY total_exec_time DESC
        LIMIT 40`,
    )
  }
}
