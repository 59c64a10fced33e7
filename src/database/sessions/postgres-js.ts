import { send } from '../drivers/postgres-js-session.ts'
import type { PostgresJsSession } from '../drivers/postgres-js-shapes.ts'
import { isFunction, type SessionLibrary } from '../session-library.ts'
import { withoutDeadline } from './pg.ts'

/** postgres.js: the `sql` of a transaction or a savepoint, or a reserved one. */
export const postgresJs: SessionLibrary = {
  knows: (given) => isFunction(given.unsafe) && isFunction(given.typed),
  refusal(given) {
    if (isFunction(given.savepoint) || isFunction(given.release)) return undefined
    return {
      found: 'the root sql of postgres.js',
      advice: 'Give it the transaction: sql.begin((sql) => chancy.push(job, { session: sql }))',
    }
  },
  session(given) {
    const sql = given as unknown as PostgresJsSession
    return { query: (query) => send(sql, withoutDeadline(query)) }
  },
}
