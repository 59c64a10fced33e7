import type { Query } from '../driver.ts'
import type { PgClient } from '../drivers/pg-shapes.ts'
import {
  isFunction,
  isShape,
  type Refusal,
  refused,
  type SessionLibrary,
  type Shape,
} from '../session-library.ts'
import { isPgClient, pgSession } from './pg.ts'

interface KnexTransaction {
  isCompleted(): boolean
  readonly client: { acquireConnection(): Promise<object> }
}

/** Knex. Its statements go to the client of `pg` under it, since those of Knex read each `?` as a placeholder. */
export const knex: SessionLibrary = {
  knows: (given) =>
    isFunction(given.raw) && isShape(given.client) && isFunction(given.client.acquireConnection),
  refusal,
  session(given) {
    const transaction = given as unknown as KnexTransaction
    return {
      async query<Row>(query: Query): Promise<Row[]> {
        const client = (await transaction.client.acquireConnection()) as unknown as Shape
        // Once the transaction has ended, its client belongs to another one.
        const why = refusal(given) ?? refusalOfClient(client)
        if (why !== undefined) throw refused(why)
        return pgSession(client as unknown as PgClient).query<Row>(query)
      },
    }
  },
}

function refusal(given: Shape): Refusal | undefined {
  if (given.isTransaction !== true)
    return {
      found: 'the root knex',
      advice:
        'Give it the transaction: knex.transaction((trx) => chancy.push(job, { session: trx }))',
    }
  if ((given as unknown as KnexTransaction).isCompleted())
    return { found: 'a transaction of Knex that has ended', advice: 'Push before it ends' }
  return undefined
}

function refusalOfClient(client: Shape): Refusal | undefined {
  if (isPgClient(client)) return undefined
  return {
    found: 'a transaction of Knex over another client than pg',
    advice: "Use knex({ client: 'pg' }), or customSession((text, values) => rows)",
  }
}
