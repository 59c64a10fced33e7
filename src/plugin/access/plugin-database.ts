import type { Database } from '../../database/database.ts'
import type { Driver, Session, Value } from '../../database/driver.ts'
import type { Names } from '../../database/names.ts'
import { asSession } from '../../database/session.ts'
import { SESSION } from '../../database/session-library.ts'
import type { Statement } from '../../database/statement.ts'

/** Options of a statement of a plugin. */
export interface PluginRunOptions {
  /** The caller's transaction, as `push` takes it, or one of `driver.transaction`. Default: any session. */
  readonly session?: unknown
  /** How long to wait for the answer, in milliseconds. Default: 30 seconds. */
  readonly deadlineMs?: number
  /** Whether to prepare it on the server. Default: true, outside of a transaction. */
  readonly prepare?: boolean
}

/** The database of an application, as its plugins reach it. */
export interface PluginDatabase {
  /** The names of the schema: `own` for the tables of the plugin, `fn('push_stored_1')`, `allJobs`. */
  readonly names: Names
  /** A session of `transaction` is taken by `run`, by `push` and by `wake` as `{ session }`. */
  readonly driver: Pick<Driver, 'query' | 'transaction' | 'reserve' | 'listen' | 'sessions'>
  /** Errors are the driver's, with SQLSTATE in `code`: see `run` of the access. */
  run<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
    options?: PluginRunOptions,
  ): Promise<Row[]>
}

export function pluginDatabase(database: Database): PluginDatabase {
  const { driver, names } = database
  return Object.freeze({
    names,
    driver: Object.freeze({
      sessions: driver.sessions,
      query: (query) => driver.query(query),
      transaction: (work) => driver.transaction((session) => work(ownSession(session))),
      reserve: () => driver.reserve(),
      listen: (channel, listener) => driver.listen(channel, listener),
    } satisfies PluginDatabase['driver']),
    run: (what, values, options = {}) => {
      const { session, ...rest } = options
      if (session === undefined) return database.run(what, values, rest)
      const given = { ...rest, session: asSession(session), prepare: false }
      return database.run(what, values, given)
    },
  } satisfies PluginDatabase)
}

/** Known by `asSession`, which asks it for the session behind it. */
export function ownSession(session: Session): Session & { readonly [SESSION]: () => Session } {
  return { query: (query) => session.query(query), [SESSION]: () => session }
}
