import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'

const DECLARED =
  'PostgreSQL is behind a transaction pooler: work is found by polling, and no statement is prepared'
const ADVICE = "Give pooler: 'transaction' to the Chancy, and to its driver"

/**
 * Logs what is between a worker and its server: a transaction pooler changes how work is found, and
 * one that the options do not name costs failed statements besides.
 */
export async function sayPooler(app: { database: Database; log: Logger }): Promise<void> {
  const { database, log } = app
  if (database.isPooled) return log.info({}, DECLARED)
  const pooler = await database.driver.findPooler?.().catch(() => null)
  if (pooler === 'transaction')
    log.warn(
      { pooler },
      `PostgreSQL is behind a pooler in transaction mode, such as PgBouncer, and the option pooler is missing: notifications and prepared statements are now off. ${ADVICE}`,
    )
  else if (pooler === 'unknown')
    log.warn(
      { pooler },
      `PostgreSQL is behind a pooler, such as PgBouncer. If it is in transaction mode: ${ADVICE}`,
    )
}
