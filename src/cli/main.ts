#!/usr/bin/env node
import { Command } from 'commander'
import { isChancyError } from '../index.ts'
import { addGrantCommands } from './commands/grant.ts'
import { addMigrationCommands } from './commands/migrate.ts'

// A reader that has seen enough, as `head`, closes the pipe.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const program = new Command('chancy').description('Chancy, the job queue on PostgreSQL')
addMigrationCommands(program)
addGrantCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  // What Chancy says of itself is enough; anything else is a fault that needs its stack.
  const text = isChancyError(error) ? error.message : String((error as Error).stack ?? error)
  process.stderr.write(`${text}\n`)
  process.exitCode = 1
}
