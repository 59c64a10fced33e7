import { type PGliteSession, sendToPGlite } from '../drivers/pglite.ts'
import { isFunction, type SessionLibrary } from '../session-library.ts'
import { withoutDeadline } from './pg.ts'

/** PGlite: its transactions have no `transaction`, and refuse statements after their end. */
export const pglite: SessionLibrary = {
  knows: (given) => isFunction(given.query) && isFunction(given.exec),
  refusal(given) {
    if (!isFunction(given.transaction) && isFunction(given.rollback)) return undefined
    return {
      found: 'a PGlite database',
      advice: 'Give it the transaction: db.transaction((tx) => chancy.push(job, { session: tx }))',
    }
  },
  session(given) {
    const transaction = given as unknown as PGliteSession
    return { query: (query) => sendToPGlite(transaction, withoutDeadline(query)) }
  },
}
