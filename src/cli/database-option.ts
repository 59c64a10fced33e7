import type { Command } from 'commander'
import { Chancy, ConfigError } from '../index.ts'

interface DatabaseOptions {
  readonly database?: string
  readonly schema: string
}

/**
 * Gives a command what it needs to reach a database: `--database`, or DATABASE_URL, which does not
 * show in the list of processes.
 */
export function withDatabase<Options>(
  command: Command,
  work: (chancy: Chancy, options: Options) => Promise<void>,
): void {
  command
    .option('--database <dsn>', 'where PostgreSQL is; default: the variable DATABASE_URL')
    .option('--schema <name>', 'the schema of all tables', 'chancy')
    .action(async (given: DatabaseOptions & Options) => {
      const dsn = given.database ?? process.env.DATABASE_URL
      if (dsn === undefined || dsn === '') {
        throw new ConfigError(
          'No database was given. Add --database postgres://user:password@host:5432/database, or set DATABASE_URL.',
        )
      }
      const chancy = new Chancy(dsn, { schema: given.schema })
      try {
        await work(chancy, given)
      } finally {
        await chancy.close()
      }
    })
}
