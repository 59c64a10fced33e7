import type { Value } from '../../database/driver.ts'
import type { Statement } from '../../database/statement.ts'
import type { PluginDatabase } from '../../plugin/access/plugin-database.ts'

/** A function of the engine refuses to run outside READ COMMITTED. */
const NOT_READ_COMMITTED = 'CH001'

/** Runs what locks and pushes. Where the server's default isolation is another one, in a transaction of its own. */
export async function engineRun<Values extends readonly Value[], Row>(
  database: PluginDatabase,
  what: Statement<Values, Row>,
  values: Values,
): Promise<Row[]> {
  try {
    return await database.run(what, values)
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== NOT_READ_COMMITTED) throw error
    return database.driver.transaction((session) => database.run(what, values, { session }))
  }
}
