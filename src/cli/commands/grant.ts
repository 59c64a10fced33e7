import type { Command } from 'commander'
import { grant, grantSql, type RoleKind } from '../../index.ts'
import { withDatabase } from '../database-option.ts'

/** `chancy grant <kind> <role>` and `chancy show-grant <kind> <role>`. */
export function addGrantCommands(program: Command): void {
  withDatabase(
    program
      .command('grant <kind> <role>')
      .description(
        'let a role be a producer, worker, reader or operator; as the owner of the schema',
      ),
    async (chancy, _options, [kind, role]) => {
      await grant(chancy, kind as RoleKind, role ?? '')
      process.stdout.write(`The role ${role} is a ${kind} now.\n`)
    },
  )
  program
    .command('show-grant <kind> <role>')
    .description('print the SQL of "grant", and connect to nothing')
    .option('--schema <name>', 'the schema of all tables', 'chancy')
    .action((kind: RoleKind, role: string, { schema }: { readonly schema: string }) => {
      process.stdout.write(grantSql(kind, role, { schema }))
    })
}
