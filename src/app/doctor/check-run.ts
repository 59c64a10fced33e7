import type { Database, RunOptions } from '../../database/database.ts'
import { INSUFFICIENT_PRIVILEGE, QUERY_CANCELED, sqlStateOf } from '../../database/sql-state.ts'
import * as advice from '../../database/statements/advice.ts'
import { beginCheck, readOnly } from '../../database/statements/diagnosis-server.ts'
import { CHECK_LEVELS } from '../../plugin/parts/plugin-check.ts'
import type { Check, DoctorAccess, DoctorOptions, Finding } from './check.ts'
import { error, warning } from './check.ts'

/** How long a statement of a check may take, in milliseconds, and how long its answer is waited for. */
const STATEMENT_MS = 2_000
const ANSWER_MS = 3_000

/** Runs a check. Whatever goes wrong is a finding of that check. */
export async function runCheck(options: DoctorOptions, check: Check): Promise<Finding> {
  const { database } = options
  try {
    const found = check.connects
      ? await check.run(accessOf(options, { prepare: false, deadlineMs: ANSWER_MS }))
      : await inReading(database, (own) => check.run(accessOf(options, own)))
    return isFinding(found) ? found : noFinding()
  } catch (cause) {
    return failure(cause)
  }
}

/** Work in a transaction that only reads, and whose statements are bounded. */
export function inReading<T>(
  database: Database,
  work: (options: RunOptions) => T | Promise<T>,
): Promise<T> {
  return database.driver.transaction(async (session) => {
    const options = { session, prepare: false, deadlineMs: ANSWER_MS }
    await database.run(readOnly, [], options)
    await database.run(beginCheck, [String(STATEMENT_MS)], options)
    return work(options)
  })
}

function accessOf(given: DoctorOptions, options: RunOptions): DoctorAccess {
  const { database } = given
  return {
    ...given,
    options,
    clock: database.clock,
    read: (what, values) => database.run(what, values, options),
  }
}

function failure(cause: unknown): Finding {
  const message = cause instanceof Error ? cause.message : String(cause)
  switch (sqlStateOf(cause)) {
    case INSUFFICIENT_PRIVILEGE:
      return warning(
        `Not checked, since the role of this command may not see it: ${message}.`,
        'Run doctor as the owner of the schema, or grant the role: chancy grant reader ROLE.',
      )
    case QUERY_CANCELED:
      return warning(
        `Not found out within ${STATEMENT_MS / 1_000} s.`,
        `Run doctor again when the server has less to do. If it stays so, look for locks on the tables: ${advice.LOCK_WAITS}.`,
      )
    default:
      return error(`Not checked: ${message}.`, 'Run doctor again.')
  }
}

function isFinding(value: unknown): value is Finding {
  const { level, found } = (value ?? {}) as Partial<Finding>
  return CHECK_LEVELS.some((one) => one === level) && typeof found === 'string'
}

/** A plugin may be written in JavaScript. */
function noFinding(): Finding {
  return error(
    'Not checked: it returned no finding.',
    "Return { level: 'ok' | 'warning' | 'error', found, todo } from its run().",
  )
}
