import type { Chancy } from '../../../index.ts'
import type { Call } from '../../program/command.ts'
import { optionalPlugins } from '../../program/own-plugins.ts'

/**
 * What `migrate` and `check-migrations` work on. Without an application it has the default plugins, those of
 * Chancy's others whose tables are in the schema already, and the one that is named.
 */
export async function schemaApplication(call: Call, named?: string): Promise<Chancy> {
  if (call.app !== null) return call.chancy()
  const optional = optionalPlugins()
  const versions = await call.chancy(optional).getSchemaVersions()
  const isThere = (name: string): boolean =>
    versions.some(({ line, have, begun }) => line === name && (have > 0 || begun !== null))
  return call.chancy(optional.filter(({ name }) => name === named || isThere(name)))
}
