import type { Command } from 'commander'
import { ConfigError } from '../../index.ts'
import { withDatabase } from '../database-option.ts'

/** `chancy migrate [--to N]` and `chancy check-migrations`. */
export function addMigrationCommands(program: Command): void {
  withDatabase(
    program
      .command('migrate')
      .description('bring the schema to this release, or to another version of it')
      .option('--to <version>', 'the version to reach, up or down', wholeNumber),
    async (chancy, { to }: { readonly to?: number }) => {
      await chancy.migrate(to === undefined ? {} : { to })
      process.stdout.write(to === undefined ? 'The schema is up to date.\n' : `At version ${to}.\n`)
    },
  )
  withDatabase(
    program
      .command('check-migrations')
      .description('exit with 1 when the schema is not at this release'),
    async (chancy) => {
      const isUpToDate = await chancy.isUpToDate()
      process.stdout.write(
        isUpToDate
          ? 'The schema is up to date.\n'
          : 'Migrations are needed: run "chancy migrate".\n',
      )
      if (!isUpToDate) process.exitCode = 1
    },
  )
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0) return value
  throw new ConfigError(`--to takes a whole number from 0, got "${text}".`)
}
