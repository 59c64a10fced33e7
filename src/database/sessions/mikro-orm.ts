import { isFunction, isShape, type SessionLibrary, type Shape } from '../session-library.ts'
import { knex } from './knex.ts'
import { kysely } from './kysely.ts'

interface EntityManager {
  getTransactionContext(): unknown
}

/** MikroORM, whose transactions are those of Knex (6) or Kysely (7). */
export const mikroOrm: SessionLibrary = {
  knows: (given) => isFunction(given.getTransactionContext) && isFunction(given.getUnitOfWork),
  refusal(given) {
    const transaction = transactionOf(given)
    const library = libraryOf(transaction)
    if (library !== undefined) {
      if (library.refusal(transaction as Shape) === undefined) return undefined
      const found = 'an EntityManager of MikroORM whose transaction has ended'
      return { found, advice: 'Push before it ends' }
    }
    return {
      found:
        transaction === undefined || transaction === null
          ? 'an EntityManager of MikroORM outside of a transaction'
          : 'an EntityManager of MikroORM on another database',
      advice:
        'Give it the em of one: orm.em.transactional((em) => chancy.push(job, { session: em }))',
    }
  },
  session(given) {
    const transaction = transactionOf(given) as Shape
    // What was refused does not come here.
    return (libraryOf(transaction) as SessionLibrary).session(transaction)
  },
}

function transactionOf(given: Shape): unknown {
  return (given as unknown as EntityManager).getTransactionContext()
}

function libraryOf(transaction: unknown): SessionLibrary | undefined {
  return [knex, kysely].find((library) => isShape(transaction) && library.knows(transaction))
}
