import type { PluginDatabase } from '../plugin/index.ts'
import {
  dropSchema,
  findSchemas,
  lockSchema,
  PREFIX,
  type SchemaMark,
  type SchemaRow,
} from './schema-statements.ts'

const DAY_MS = 86_400_000
/** After this long a schema belongs to a process that was killed, or to a person who has read it. */
const [OLD_MS, OLD_KEPT_MS] = [DAY_MS, 7 * DAY_MS]
/** How many are removed at the end of a test file: each takes as long as making one. */
const MAX_REMOVED = 20

/** Removes schemas that test processes have left behind, and kept ones after a week. */
export async function removeOldSchemas(driver: PluginDatabase['driver']): Promise<void> {
  const found = await driver.query<SchemaRow>(findSchemas())
  for (const { schema } of found.filter(isOld).slice(0, MAX_REMOVED)) {
    await driver.transaction(async (session) => {
      const [lock] = await session.query<{ locked: boolean }>(lockSchema(schema))
      // Another test may have taken it meanwhile.
      const [row] = await session.query<SchemaRow>(findSchemas(schema))
      if (lock?.locked === true && row !== undefined && isOld(row))
        await session.query(dropSchema(schema))
    })
  }
}

const OWN_NAME = new RegExp(`^${PREFIX}[0-9a-f]{16}$`)

function isOld({ schema, mark }: SchemaRow): boolean {
  const read = OWN_NAME.test(schema) ? readMark(mark) : null
  return read !== null && Date.now() - read.madeMs > (read.isKept ? OLD_KEPT_MS : OLD_MS)
}

/** Null where the comment is not one of the kit. */
export function readMark(text: string): SchemaMark | null {
  try {
    return JSON.parse(text) as SchemaMark
  } catch {
    return null
  }
}
