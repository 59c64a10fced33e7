import type { SchemaVersion } from '../../../index.ts'
import { command } from '../../program/command.ts'
import { schemaApplication } from './schema-application.ts'

export const checkMigrations = command({
  name: 'check-migrations',
  summary: 'compare the versions of the schema with this release; exits with 1 when one is behind',
  async run(call) {
    const versions = await (await schemaApplication(call)).getSchemaVersions()
    const isNo = versions.some(({ isServed }) => !isServed)
    return { value: versions, shown: versions.map(row), isNo }
  },
})

function row(version: SchemaVersion): object {
  const { line, have, want } = version
  return { line, have, want, state: stateOf(version) }
}

function stateOf({ have, want, begun, isServed }: SchemaVersion): string {
  if (begun !== null) return `version ${begun} was interrupted or is under way`
  if (have > want) return isServed ? 'newer, and works' : 'newer than this release can use'
  return have < want ? 'behind' : 'ok'
}
