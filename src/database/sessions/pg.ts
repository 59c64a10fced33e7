import type { Query, Session } from '../driver.ts'
import { send, toPgQuery } from '../drivers/pg-session.ts'
import type { PgClient } from '../drivers/pg-shapes.ts'
import { isFunction, isShape, type SessionLibrary, type Shape } from '../session-library.ts'

/** The longest that a timer can wait, 24 days: no deadline. */
const NO_DEADLINE_MS = 2 ** 31 - 1

/** node-postgres: a client, of a pool or of its own. Whether it is in a transaction cannot be seen. */
export const pg: SessionLibrary = {
  knows: (given) => isPgClient(given) || isPool(given),
  refusal(given) {
    if (isPool(given))
      return {
        found: 'a pool of pg',
        advice:
          'Give it the client that the transaction runs on: const client = await pool.connect()',
      }
    if (isShape(given.connection) && given.processID === null)
      return {
        found: 'a client of pg that is not connected',
        advice: 'Await client.connect() first',
      }
    return undefined
  },
  session: (given) => pgSession(given as unknown as PgClient),
}

/** pg-native has no protocol object, and no process id to go by. */
export function isPgClient(given: Shape): boolean {
  if (!isFunction(given.query)) return false
  return isShape(given.native) || (isShape(given.connection) && 'processID' in given)
}

export function pgSession(client: PgClient): Session {
  return {
    query: async <Row>(query: Query): Promise<Row[]> => {
      const { rows } = await send(client, toPgQuery(query), query.deadlineMs ?? NO_DEADLINE_MS)
      // The statement asks for these columns; no other part can know them.
      return rows as Row[]
    },
  }
}

function isPool(given: Shape): boolean {
  return isFunction(given.query) && 'totalCount' in given
}

/** Without a deadline of its own, a statement may take as long as the transaction. */
export function withoutDeadline(query: Query): Query {
  return query.deadlineMs === undefined ? { ...query, deadlineMs: NO_DEADLINE_MS } : query
}
