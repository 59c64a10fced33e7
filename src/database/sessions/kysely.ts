import { isFunction, type Refusal, type SessionLibrary, type Shape } from '../session-library.ts'
import { foreignSession } from './foreign-session.ts'

/** The parts of a transaction that are used. */
interface KyselyTransaction {
  withoutPlugins(): KyselyTransaction
  executeQuery(query: object): Promise<{ readonly rows: unknown }>
}

/** Kysely, with plugins left out: one that renames columns would rename those of the answers. */
export const kysely: SessionLibrary = {
  knows: (given) => isFunction(given.executeQuery) && isFunction(given.withoutPlugins),
  refusal,
  session(given) {
    const transaction = (given as unknown as KyselyTransaction).withoutPlugins()
    const send = async (text: string, values: unknown[]) => {
      const node = { kind: 'RawNode', sqlFragments: [text], parameters: [] }
      const query = { sql: text, parameters: values, query: node, queryId: { queryId: 'chancy' } }
      return (await transaction.executeQuery(query)).rows
    }
    return foreignSession(send, () => refusal(given))
  },
}

function refusal(given: Shape): Refusal | undefined {
  if (given.isTransaction !== true)
    return {
      found: 'the root Kysely',
      advice:
        'Give it the transaction: db.transaction().execute((trx) => chancy.push(job, { session: trx }))',
    }
  // Those of `startTransaction()` say that they have ended; the others refuse the statement.
  if (given.isCommitted === true || given.isRolledBack === true)
    return { found: 'a transaction of Kysely that has ended', advice: 'Push before it ends' }
  return undefined
}
