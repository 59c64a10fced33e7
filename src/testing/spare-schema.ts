import type { PluginDatabase } from '../plugin/index.ts'
import { readMark } from './old-schemas.ts'
import {
  emptyTables,
  findSchemas,
  lockSchema,
  markSchema,
  readShape,
  type SchemaRow,
} from './schema-statements.ts'
import type { Names } from './statements.ts'

type Database = Pick<PluginDatabase['driver'], 'query' | 'transaction'>

/** A schema, and the digest of its tables and functions as they were made. */
export interface MadeSchema {
  readonly name: string
  readonly shape: string
}

/** How many of one kind are left in a database: as many test files as run at a time, and some. */
const MAX_SPARE = 16

/**
 * Takes an empty schema that a test has left, whose tables are made of the same: that takes a tenth of the time of
 * making one. Null when there is none. Two tests never take the same.
 */
export async function takeSpare(database: Database, digest: string): Promise<MadeSchema | null> {
  for (const { schema } of await sparesOf(database, digest)) {
    const taken = await database.transaction(async (session) => {
      const [lock] = await session.query<{ locked: boolean }>(lockSchema(schema))
      if (lock?.locked !== true) return null
      const [row] = await session.query<SchemaRow>(findSchemas(schema))
      const spare = row === undefined ? undefined : readMark(row.mark)?.spare
      if (spare?.digest !== digest) return null
      await session.query(markSchema(schema, { madeMs: Date.now(), isKept: false }))
      return { name: schema, shape: spare.shape }
    })
    if (taken !== null) return taken
  }
  return null
}

/**
 * Empties the schema and leaves it to the next test. False: it is not what it was when it was made, since the test
 * has changed tables or functions, or there are spare ones enough.
 */
export async function leaveSpare(
  database: Database,
  { names, digest, shape }: { names: Names; digest: string; shape: string },
): Promise<boolean> {
  if ((await sparesOf(database, digest)).length >= MAX_SPARE) return false
  return database.transaction(async (session) => {
    await session.query(emptyTables(names, true))
    const [now] = await session.query<{ shape: string }>(readShape(names))
    if (now?.shape !== shape) return false
    const mark = { madeMs: Date.now(), isKept: false, spare: { digest, shape } }
    await session.query(markSchema(names.plainSchema, mark))
    return true
  })
}

async function sparesOf(database: Database, digest: string): Promise<readonly SchemaRow[]> {
  const found = await database.query<SchemaRow>(findSchemas())
  return found.filter(({ mark }) => readMark(mark)?.spare?.digest === digest)
}
