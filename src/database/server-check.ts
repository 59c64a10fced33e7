import { ConfigError } from '../core/errors.ts'
import type { Database, RunOptions } from './database.ts'
import { serverSettings } from './statements/migrations.ts'

/**
 * Refuses a database, or a setting of it or of its role, under which values would be stored or read
 * wrong. Every other setting makes no difference: numbers and times travel in forms that depend on none.
 *
 * @throws {ConfigError} that names it and says what to do
 */
export async function checkServer(database: Database, options: RunOptions = {}): Promise<void> {
  const [row] = await database.run(serverSettings, [], { ...options, prepare: false })
  if (row === undefined) return
  if (row.encoding !== 'UTF8')
    throw new ConfigError(
      `The database "${row.name}" has the encoding ${row.encoding}, which cannot hold every text that a job may have. ` +
        `Use a database with the encoding UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    )
  if (row.float_digits < 0)
    throw wrong('extra_float_digits', row.float_digits, 'numbers and times are read as other ones')
  if (row.array_nulls !== 'on')
    throw wrong('array_nulls', row.array_nulls, 'a missing value is read as the text "NULL"')
  if (row.read_only !== 'off')
    throw wrong('default_transaction_read_only', row.read_only, 'nothing can be written')
}

function wrong(setting: string, value: unknown, effect: string): ConfigError {
  return new ConfigError(
    `The setting ${setting} of the database or the role is ${value}, so that ${effect}. ` +
      `Take it back: ALTER ROLE … RESET ${setting}, or ALTER DATABASE … RESET ${setting}`,
  )
}
