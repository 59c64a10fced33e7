import {
  isFunction,
  isShape,
  type Refusal,
  type SessionLibrary,
  type Shape,
} from '../session-library.ts'
import { foreignSession } from './foreign-session.ts'

interface DrizzleTransaction {
  execute(statement: object): PromiseLike<unknown>
}

/** The classes of Drizzle have their names under it. */
const KIND = Symbol.for('drizzle:entityKind')

/** Drizzle, over any driver for PostgreSQL. */
export const drizzle: SessionLibrary = {
  knows: (given) =>
    isFunction(given.execute) && isFunction(given.select) && kindOf(given) !== undefined,
  refusal,
  session(given) {
    const transaction = given as unknown as DrizzleTransaction
    const send = async (text: string, values: unknown[]) => {
      const statement = { getSQL: () => statement, toQuery: () => ({ sql: text, params: values }) }
      const answer = await transaction.execute(statement).then(undefined, throwCause)
      if (Array.isArray(answer)) return Array.from(answer)
      return isShape(answer) ? answer.rows : answer
    }
    return foreignSession(send, () => refusal(given))
  },
}

function refusal(given: Shape): Refusal | undefined {
  if (!kindOf(given.dialect)?.startsWith('Pg'))
    return {
      found: 'an object of Drizzle for another database',
      advice: 'Give it a transaction of drizzle-orm/node-postgres, postgres-js or pglite',
    }
  if (!isFunction(given.rollback))
    return {
      found: 'the root db of Drizzle',
      advice: 'Give it the transaction: db.transaction((tx) => chancy.push(job, { session: tx }))',
    }
  if (isIdle(given))
    return { found: 'a transaction of Drizzle that has ended', advice: 'Push before it ends' }
  return undefined
}

/**
 * Whether its client of `pg` is in no transaction. That it is in the next transaction of its pool cannot be
 * seen, nor anything of postgres.js; PGlite refuses the statement.
 */
function isIdle({ session }: Shape): boolean {
  const client = isShape(session) && isShape(session.client) ? session.client : {}
  return isFunction(client.getTransactionStatus) && client.getTransactionStatus() === 'I'
}

function kindOf(given: unknown): string | undefined {
  const made = isShape(given) && isShape(given.constructor) ? given.constructor[KIND] : undefined
  return typeof made === 'string' ? made : undefined
}

/** The driver's own error. Drizzle's has no SQLSTATE, and its message may contain the arguments of the job. */
function throwCause(error: unknown): never {
  const isDrizzles = isShape(error) && 'query' in error && 'params' in error
  throw isDrizzles ? (error.cause ?? error) : error
}
