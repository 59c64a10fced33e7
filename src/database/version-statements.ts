import { DatabaseError } from '../core/errors.ts'
import type { Database } from './database.ts'
import type { Session } from './driver.ts'
import { classify, QUERY_CANCELED, sqlStateOf } from './sql-state.ts'
import { bundleOf } from './statement-bundle.ts'
import { beginBundle, undoBundle } from './statements/migrations.ts'

/** How long one statement may take, and all of a version in one call. */
const DEADLINE_MS = 120_000
const BUNDLE_DEADLINE_MS = 600_000
/** How much of a statement an error shows. */
const SHOWN = 80

/**
 * Runs the statements of a version in its transaction, in one call: a hundred calls take longer than what they do.
 * When the bundle is refused, its statements run one by one, so that the error is that of the one which is
 * refused; and what cannot be executed in a bundle, or not within the time limit of one statement, is then done.
 *
 * @throws {DatabaseError} that says which statement was refused
 */
export async function runStatements(
  database: Database,
  session: Session,
  version: string,
  texts: readonly string[],
): Promise<void> {
  if (texts.length > 1) {
    const options = { session, prepare: false }
    await database.run(beginBundle, [], options)
    try {
      return await database.execute(bundleOf(texts), session, BUNDLE_DEADLINE_MS)
    } catch (error) {
      if (classify(error) !== 'caller' && sqlStateOf(error) !== QUERY_CANCELED) throw error
      await database.run(undoBundle, [], options)
    }
  }
  for (const [index, text] of texts.entries()) {
    try {
      await database.execute(text, session, DEADLINE_MS)
    } catch (error) {
      throw refused(error, version, texts, index)
    }
  }
}

/** An error that passes by itself stays as it is. */
function refused(
  error: unknown,
  version: string,
  texts: readonly string[],
  index: number,
): unknown {
  if (classify(error) !== 'caller') return error
  const statement = texts[index]?.trim() ?? ''
  const line = statement.replace(/\s+/g, ' ')
  const shown = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line
  return new DatabaseError(
    `${version}: PostgreSQL refused statement ${index + 1} of ${texts.length} (${shown}): ${(error as Error).message}.`,
    { details: { sqlState: sqlStateOf(error), statement }, cause: error },
  )
}
