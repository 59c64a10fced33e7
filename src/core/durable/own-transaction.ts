import { systemClock } from '../clock.ts'
import { AttemptError, isChancyError } from '../errors.ts'
import { nextDelayMs } from '../retry-delay.ts'
import type { Transact, TransactionEnd, TransactionStep } from '../transact.ts'
import { type SendSql, type SqlRow, type UserDatabase, userDatabase } from '../user-database.ts'

/** Rolls a transaction back, and says how its step ended. */
class RolledBack {
  readonly end: TransactionEnd | null

  constructor(end: TransactionEnd | null) {
    this.end = end
  }
}

/** SQLSTATEs of a schema, a function or a table that there is not, and of one that the role must not use. */
const ABSENT = new Set(['3F000', '42883', '42P01', '42501'])

/**
 * Runs a step in a transaction of a database of the user: begin, is it recorded, the function, the record as the last
 * statement, so that the row of the job is locked for the commit only.
 */
export const ownTransaction: Transact = async (given, step) => {
  const database = userDatabase(given)
  let isCommitting = false
  try {
    return await database.transaction(async (tx, send) => {
      const known = await recorded(send, step)
      if (known !== null) throw new RolledBack(known)
      const result = await step.work(tx)
      const [saved] = await send(step.sql.save, step.saveValues(result))
      if (saved?.state !== 'saved') throw new RolledBack({ kind: 'lost' })
      isCommitting = true
      return { kind: 'recorded', n: Number(saved.n), result }
    })
  } catch (error) {
    if (error instanceof RolledBack) return error.end ?? { kind: 'lost' }
    if (!isCommitting) throw error
    const known = await afterDoubt(database, step)
    if (known === null) throw error
    return known
  }
}

/** The commit was not answered: only a new connection can say whether it happened. Null: it did not. */
async function afterDoubt(
  database: UserDatabase,
  step: TransactionStep,
): Promise<TransactionEnd | null> {
  for (let delayMs = 0; ; delayMs = nextDelayMs(delayMs)) {
    if (delayMs > 0) await systemClock.sleep(delayMs, step.signal)
    try {
      await database.transaction(async (_, send) => {
        throw new RolledBack(await recorded(send, step))
      })
    } catch (error) {
      if (error instanceof RolledBack) return error.end
      // The database cannot be reached yet.
      if (step.signal.aborted || isChancyError(error)) throw error
    }
  }
}

/** How the step ended before; null: it did not. @throws {AttemptError} NOT_SAME_DATABASE */
async function recorded(send: SendSql, step: TransactionStep): Promise<TransactionEnd | null> {
  const row = await firstRow(send, step)
  switch (row?.state) {
    case 'new':
      return null
    case 'recorded':
      return { kind: 'recorded', n: Number(row.n), result: String(row.result) }
    case 'lost':
      return { kind: 'lost' }
    default:
      throw notSame('it has no such job')
  }
}

async function firstRow(send: SendSql, step: TransactionStep): Promise<SqlRow | undefined> {
  try {
    return (await send(step.sql.recorded, step.recordedValues))[0]
  } catch (error) {
    const { code, cause } = error as {
      readonly code?: string
      readonly cause?: { readonly code?: string }
    }
    if (!ABSENT.has(code ?? cause?.code ?? '')) throw error
    throw notSame('the functions of Chancy cannot be called there', error)
  }
}

function notSame(why: string, cause?: unknown): AttemptError {
  return new AttemptError(
    'NOT_SAME_DATABASE',
    `ctx.transaction was given another database than the one that holds this job: ${why}. Give it the database of the schema, or use ctx.step and its key.`,
    cause === undefined ? {} : { cause },
  )
}
