import { isServed, type LineVersion } from '../../database/migrator.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { listed } from './phrase.ts'

export const schemaVersions: Check = {
  id: 'schema',
  title: 'schema and its versions',
  needsSchema: false,
  run: async ({ versions, database, options }) =>
    judgeVersions(await versions(options), database.names.plainSchema),
}

export function judgeVersions(versions: readonly LineVersion[], schema: string): Finding {
  const migrate = 'Run chancy migrate, with --app where plugins have tables.'
  const [core] = versions
  if (core !== undefined && core.have === 0 && core.begun === 0) {
    return error(`The schema "${schema}" is not there.`, migrate)
  }
  const behind = versions.filter(({ have, want }) => have < want)
  if (behind.length > 0) {
    const lines = behind.map(({ line, have, want }) => `${line} is at ${have} of ${want}`)
    return error(`Migrations are missing: ${listed(lines)}.`, migrate)
  }
  const broken = versions.filter((version) => !isServed(version))
  if (broken.length > 0) {
    return error(
      `The schema is of a release that this one cannot work with: ${listed(broken.map(textOf))}.`,
      'Use the release of Chancy that has migrated it.',
    )
  }
  const under = versions.filter(({ have, begun }) => begun > have)
  if (under.length > 0) {
    return warning(
      `A migration has begun and is not complete: ${listed(under.map(({ line, begun }) => `${line} ${begun}`))}.`,
      'Wait for it, or run chancy migrate again when none runs.',
    )
  }
  return ok(`${listed(versions.map(textOf))}.`)
}

const textOf = ({ line, have }: LineVersion): string => `${line} is at ${have}`
