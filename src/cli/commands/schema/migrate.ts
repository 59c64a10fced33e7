import { Option } from 'commander'
import type { Chancy, SchemaVersion } from '../../../index.ts'
import { type Answer, type Call, command } from '../../program/command.ts'
import { wholeNumber } from '../../program/values.ts'
import { schemaApplication } from './schema-application.ts'

interface Given {
  readonly to?: number
  readonly plugin?: string
  readonly dryRun?: boolean
}

/** A line of versions, as it was and as it is. */
interface Moved {
  readonly line: string
  readonly before: number
  readonly after: number
}

export const migrate = command<Given>({
  name: 'migrate',
  summary: 'bring the schema, and the tables of the plugins, to this release or another version',
  details:
    'Each version is a transaction, and any number of processes may migrate concurrently. Downwards it removes tables with what is in them, and asks first.',
  options: [
    new Option('--to <version>', 'the version to reach, up or down').argParser(wholeNumber(0)),
    new Option('--plugin <name>', 'the tables of this plugin alone'),
    new Option('--dry-run', 'print the SQL and change nothing'),
  ],
  examples: [
    {
      text: "Migrate the application's schema, with the tables of its plugins",
      command: 'chancy --app ./app.ts migrate',
    },
    { text: 'Print the SQL for a review', command: 'chancy migrate --dry-run > migrate.sql' },
  ],
  isPatient: true,
  async run(call, { dryRun = false, ...target }) {
    const chancy = await schemaApplication(call, target.plugin)
    if (dryRun) return script(chancy, target)
    const before = await chancy.getSchemaVersions()
    await confirmDown(call, target, before)
    await chancy.migrate(target)
    const after = await chancy.getSchemaVersions()
    const moved: Moved[] = after.map(({ line, have }) => ({
      line,
      before: before.find((one) => one.line === line)?.have ?? 0,
      after: have,
    }))
    return { value: moved }
  },
})

async function script(chancy: Chancy, target: Omit<Given, 'dryRun'>): Promise<Answer> {
  const sql = await chancy.migrationSql(target)
  return { value: { sql }, shown: sql?.trimEnd() ?? '-- There is nothing to do.' }
}

/** On the way down tables go, and their rows with them. */
async function confirmDown(
  call: Call,
  { to, plugin = 'chancy.core' }: Given,
  before: readonly SchemaVersion[],
): Promise<void> {
  const have = before.find(({ line }) => line === plugin)?.have ?? 0
  if (to === undefined || to >= have) return
  const what =
    plugin === 'chancy.core' && to === 0
      ? 'Remove all tables of Chancy and of its plugins, with every job?'
      : `Take ${plugin} down from version ${have} to ${to}, with the rows of the tables that it removes?`
  await call.confirm(what)
}
