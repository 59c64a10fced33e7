import { Chancy, type ChancyOptions, type Driver } from '../index.ts'
import { newSchemaName } from './own-schema.ts'
import { dropSchema } from './schema-statements.ts'
import { testDatabase } from './test-database.ts'

/** A schema for one test of a plugin, which has several applications and makes the tables by itself. */
export interface TestSchema {
  /** An application of this schema, as one process has it. */
  open(options: ChancyOptions): Chancy
  /** Closes the applications, and drops the schema. */
  close(): Promise<void>
}

/** @throws {ConfigError} when there is no database */
export async function testSchema(database: string | Driver | undefined): Promise<TestSchema> {
  const { driver, pglite } = await testDatabase(database)
  const schema = newSchemaName()
  const opened: Chancy[] = []
  return {
    open: (options) => {
      const chancy = new Chancy(driver(), { logger: silent, ...options, schema })
      opened.push(chancy)
      return chancy
    },
    close: async () => {
      for (const chancy of opened.splice(0)) await chancy.close()
      const last = driver()
      if (pglite === null) await last.query(dropSchema(schema))
      await last.close()
      await pglite?.close()
    },
  }
}

const nothing = (): void => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }
