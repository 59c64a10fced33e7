import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import type { SqlValue } from './transact.ts'

/** Sends one statement and gives its rows. */
export type SendSql = (text: string, values: readonly SqlValue[]) => Promise<readonly SqlRow[]>
export type SqlRow = Readonly<Record<string, unknown>>

/**
 * A database of the user, by which `ctx.transaction` begins a transaction on a connection of its own. Known by its shape:
 * nothing of a client library is imported.
 */
export interface UserDatabase {
  /** Commits when `work` resolves, rolls back when it rejects, and rejects with the same. At READ COMMITTED. */
  transaction<T>(work: (tx: unknown, send: SendSql) => Promise<T>): Promise<T>
}

// biome-ignore lint/suspicious/noExplicitAny: an object of a library, whose methods were checked
type Known = any
type Shape = Readonly<Record<PropertyKey, unknown>>

const LEVEL = 'isolation level read committed'
/** The classes of Drizzle have their names under it. */
const KIND = Symbol.for('drizzle:entityKind')
const ACCEPTED =
  'It takes a Pool of pg, the root sql of postgres.js, a PGlite database, the root db of Drizzle or the root knex, which begins the transaction'

/** @throws {ConfigError} that says what was given, and what to give instead */
export function userDatabase(given: unknown): UserDatabase {
  if (!isShape(given)) throw refused(inspect(given))
  if (isFunction(given.unsafe)) {
    if (isFunction(given.begin) && !isFunction(given.savepoint)) return postgresJs(given)
    throw refused('a transaction of postgres.js')
  }
  if (isKnex(given)) {
    if (given.isTransaction === true) throw refused('a transaction of Knex')
    return knex(given)
  }
  if (isFunction(given.execute) && isFunction(given.select) && isDrizzle(given)) {
    if (isFunction(given.rollback)) throw refused('a transaction of Drizzle')
    return drizzle(given)
  }
  if (isFunction(given.query)) {
    if ('totalCount' in given && isFunction(given.connect)) return pgPool(given)
    if (isFunction(given.exec) && isFunction(given.transaction)) return pglite(given)
    throw refused('a single connection or a transaction')
  }
  throw refused(`${inspect(given)}, which it does not know`)
}

function pgPool(pool: Known): UserDatabase {
  return {
    async transaction(work) {
      const client = await pool.connect()
      // The end of the connection is reported so, and ends the process where nothing listens.
      const onError = (): void => {}
      client.on('error', onError)
      let fault: unknown
      try {
        await client.query(`begin ${LEVEL}`)
        const result = await work(client, pgSend(client))
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((thrown: unknown) => {
          fault = thrown
        })
        throw error
      } finally {
        client.off('error', onError)
        // With an error the pool closes it.
        client.release(fault)
      }
    },
  }
}

function pgSend(client: Known): SendSql {
  return async (text, values) => (await client.query({ text, values: values.map(asText) })).rows
}

function postgresJs(sql: Known): UserDatabase {
  return {
    transaction: async (work) => {
      const ended: { result?: Awaited<ReturnType<typeof work>> } = {}
      await sql.begin(LEVEL, async (tx: Known) => {
        // Its tagged templates need no name of a statement, and a transaction may run through a pooler.
        const send: SendSql = async (text, values) =>
          Array.from(await tx.unsafe(text, values.map(asText), { prepare: false }))
        ended.result = await work(tx, send)
      })
      return ended.result as Awaited<ReturnType<typeof work>>
    },
  }
}

function pglite(database: Known): UserDatabase {
  return {
    transaction: (work) =>
      database.transaction(async (tx: Known) => {
        await tx.query(`set transaction ${LEVEL}`)
        return work(tx, async (text, values) => (await tx.query(text, values.map(asText))).rows)
      }),
  }
}

function drizzle(database: Known): UserDatabase {
  const config = { isolationLevel: 'read committed' }
  return {
    transaction: (work) =>
      database.transaction(
        (tx: Known) =>
          work(tx, async (text, values) => {
            const query = { sql: text, params: values.map(asText) }
            const statement: object = { getSQL: () => statement, toQuery: () => query }
            const answer = await tx.execute(statement)
            return Array.isArray(answer) ? Array.from(answer) : answer.rows
          }),
        config,
      ),
  }
}

/** The statements of Chancy go to the client of `pg` under it, since Knex reads each `?` as a placeholder. */
function knex(database: Known): UserDatabase {
  const config = { isolationLevel: 'read committed' }
  return {
    transaction: (work) =>
      database.transaction(async (trx: Known) => {
        const client = await trx.client.acquireConnection()
        if (!isShape(client) || !isShape(client.connection))
          throw refused('a knex over another client than pg')
        return work(trx, pgSend(client))
      }, config),
  }
}

function asText(value: SqlValue): string | null {
  return value === null ? null : String(value)
}

function isKnex(given: Shape): boolean {
  return (
    isFunction(given.raw) && isShape(given.client) && isFunction(given.client.acquireConnection)
  )
}

function isDrizzle(given: Shape): boolean {
  const made = given.constructor as unknown as Shape | undefined
  return typeof made?.[KIND] === 'string'
}

function isShape(value: unknown): value is Shape {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}

function refused(found: string): ConfigError {
  return new ConfigError(`ctx.transaction was given ${found}. ${ACCEPTED}.`)
}
