import { ConfigError } from '../core/errors.ts'
import type { Query, Session } from './driver.ts'
import { send as sendToPg, toPgQuery } from './drivers/pg-session.ts'
import type { PgClient } from './drivers/pg-shapes.ts'
import { type PGliteSession, sendToPGlite } from './drivers/pglite.ts'
import { send as sendToPostgresJs } from './drivers/postgres-js-session.ts'
import type { PostgresJsSession } from './drivers/postgres-js-shapes.ts'

/**
 * The caller's own session, known by its shape: `chancy.push(job, { session })` takes the raw client
 * or transaction. A pool or a root object is refused, since each of its statements may run on
 * another connection: the job would silently be outside of the transaction.
 *
 * Nothing is prepared on a caller's session, because a stale plan would abort the transaction, and
 * its errors go through untouched. Only a deadline that a query names is kept: how long the
 * transaction may take is the caller's to say.
 */

/** An object that brings its own `Session` under this symbol is asked for it: the adapters do. */
export const SESSION: unique symbol = Symbol.for('chancy.session') as never

/** The longest that a timer can wait, 24 days: no deadline. */
const NO_DEADLINE_MS = 2 ** 31 - 1

/** What is looked for. Everything is unknown until it has been checked. */
type Shape = Partial<Record<keyof ShapeNames, unknown>> & { readonly [SESSION]?: unknown }

interface ShapeNames {
  query: 1
  exec: 1
  unsafe: 1
  savepoint: 1
  release: 1
  rollback: 1
  transaction: 1
  reserve: 1
  begin: 1
  listen: 1
  connect: 1
  connection: 1
  native: 1
  processID: 1
  totalCount: 1
}

/**
 * Makes a session of a caller's client or transaction.
 *
 * @throws {ConfigError} that says what was given, and what to give instead
 */
export function asSession(given: unknown): Session {
  const shape = (isObject(given) ? given : {}) as Shape
  const adapter = shape[SESSION]
  if (isFunction(adapter)) return adapter.call(given) as Session
  const refused = refusal(given, shape)
  if (refused !== undefined)
    throw new ConfigError(`The option "session" was given ${refused.found}. ${refused.advice}`)
  if (isFunction(shape.unsafe)) return postgresJsSession(given as PostgresJsSession)
  if (isFunction(shape.exec)) return pgliteSession(given as PGliteSession)
  return pgSession(given as PgClient)
}

interface Refusal {
  readonly found: string
  readonly advice: string
}

const ADVICE = {
  pg: 'Give it the client that the transaction runs on: const client = await pool.connect()',
  postgresJs: 'Give it the transaction: sql.begin((sql) => chancy.push(job, { session: sql }))',
  pglite: 'Give it the transaction: db.transaction((tx) => chancy.push(job, { session: tx }))',
  any: 'It takes a connected client of pg, or a transaction of postgres.js or PGlite',
}

function refusal(given: unknown, shape: Shape): Refusal | undefined {
  if (!isObject(given)) return { found: describe(given), advice: ADVICE.any }
  if (isFunction(shape.unsafe)) {
    if (isFunction(shape.savepoint) || isFunction(shape.release)) return undefined
    return { found: 'the root sql of postgres.js', advice: ADVICE.postgresJs }
  }
  if (!isFunction(shape.query)) return { found: describe(given), advice: ADVICE.any }
  if (isFunction(shape.reserve)) return { found: 'a driver of Chancy', advice: ADVICE.any }
  if (isFunction(shape.exec)) {
    if (!isFunction(shape.transaction) && isFunction(shape.rollback)) return undefined
    return { found: 'a PGlite database', advice: ADVICE.pglite }
  }
  if ('totalCount' in given) return { found: 'a pool of pg', advice: ADVICE.pg }
  return refusePgClient(given, shape)
}

function refusePgClient(given: object, shape: Shape): Refusal | undefined {
  // pg-native has no protocol object, and no process id to go by.
  if (!isObject(shape.connection) && !isObject(shape.native))
    return { found: describe(given), advice: ADVICE.any }
  if (isObject(shape.connection) && shape.processID === null)
    return { found: 'a client of pg that is not connected', advice: 'Await client.connect() first' }
  return undefined
}

function pgSession(client: PgClient): Session {
  return {
    query: async <Row>(query: Query): Promise<Row[]> => {
      const { rows } = await sendToPg(client, toPgQuery(query), query.deadlineMs ?? NO_DEADLINE_MS)
      // The statement asks for these columns; nobody else can know them.
      return rows as Row[]
    },
  }
}

function postgresJsSession(sql: PostgresJsSession): Session {
  return { query: (query) => sendToPostgresJs(sql, inherited(query)) }
}

function pgliteSession(transaction: PGliteSession): Session {
  return { query: (query) => sendToPGlite(transaction, inherited(query)) }
}

function inherited({ text, values, deadlineMs = NO_DEADLINE_MS }: Query): Query {
  return { text, values, deadlineMs }
}

function describe(given: unknown): string {
  if (given === null || given === undefined) return String(given)
  if (!isObject(given)) return `a ${typeof given}`
  const name = given.constructor?.name
  return name && name !== 'Object'
    ? `an object of the class "${name}"`
    : 'an object it does not know'
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

// A shape's methods are called through the object that they were found on.
function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}
