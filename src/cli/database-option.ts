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
  work: (chancy: Chancy, options: Options, args: readonly string[]) => Promise<void>,
): void {
  command
    .option('--database <dsn>', 'where PostgreSQL is; default: the variable DATABASE_URL')
    .option('--schema <name>', 'the schema of all tables', 'chancy')
    // The arguments of the command come first, then its options, and the command itself.
    .action(async (...all: unknown[]) => {
      const args = all.slice(0, -2) as string[]
      const given = all.at(-2) as DatabaseOptions & Options
      const dsn = given.database ?? process.env.DATABASE_URL
      if (dsn === undefined || dsn === '') {
        throw new ConfigError(
          'No database was given. Add --database postgres://user:password@host:5432/database, or set DATABASE_URL.',
        )
      }
      const chancy = new Chancy(dsn, { schema: given.schema })
      try {
        await work(chancy, given, args)
      } finally {
        await chancy.close()
      }
    })
}
