import { DEFAULT_DEADLINE_MS, type Query, type Session, type Value } from '../driver.ts'
import {
  ADMIN_SHUTDOWN,
  CRASH_SHUTDOWN,
  IDLE_IN_TRANSACTION_TIMEOUT,
  IDLE_SESSION_TIMEOUT,
  isConnectionLoss,
  sqlStateOf,
  TRANSACTION_TIMEOUT,
} from '../sql-state.ts'
import { deadlineError, sessionGone, unreachable, withDeadline } from './deadline.ts'
import { BACKEND_DEADLINE_MS, BACKEND_TEXT, type BackendPair } from './pooler-probe.ts'
import type {
  PostgresJsConnection,
  PostgresJsQuery,
  PostgresJsSession,
} from './postgres-js-shapes.ts'

// The OID of `unknown`. The server works out the type of such a parameter itself, and postgres.js
// has no serializer for it. Without it postgres.js serializes by the described type: a string for
// jsonb is encoded twice, 'true' for a boolean is sent as false.
const UNKNOWN_OID = 705

// The statement that an unsent one is turned into, once no caller waits for it any more.
const NOTHING = 'SELECT 1 WHERE false'

/**
 * Sends one statement and gives its rows.
 *
 * @param options.onConnection Shown the connection, where postgres.js shows it at all.
 * @param options.tries How often to send it again when it met the last words of an earlier session.
 */
export async function send<Row>(
  sql: PostgresJsSession,
  query: Query,
  options: { onConnection?: (connection: PostgresJsConnection) => void; tries?: number } = {},
): Promise<Row[]> {
  const deadlineMs = query.deadlineMs ?? DEFAULT_DEADLINE_MS
  for (let left = options.tries ?? 0; ; left--) {
    const values = query.values.map((value) => asText(sql, value))
    const sent = sql.unsafe(query.text, values as never[], {
      prepare: query.name !== undefined,
      // The simple protocol would take several statements in one text.
      simple: false,
      // False: nothing is sent behind this statement before it is answered. postgres.js pipelines
      // otherwise, and a statement that waits for a lock would hold up the ones behind it.
      onexecute: (connection) => {
        options.onConnection?.(connection)
        return false
      },
    })
    try {
      const late = () => deadlineError(deadlineMs, abandon(sent))
      const rows = await withDeadline(sent, deadlineMs, late)
      // A copy: the library's array carries the statement and the columns. The statement asks for
      // these columns; the driver cannot know them.
      return Array.from(rows) as Row[]
    } catch (error) {
      // Null: it was never given to a connection.
      if (sent.state !== null) throw withConstraint(error)
      if (left <= 0 || !isLastWords(error)) throw unreachable(error)
    }
  }
}

/** Asks which backend answers a connection, and which one it was given. */
export async function lookAt(sql: PostgresJsSession): Promise<BackendPair> {
  const options = { prepare: false, simple: false, onexecute: () => false } as const
  const sent = sql.unsafe(BACKEND_TEXT, [], options)
  const late = () => deadlineError(BACKEND_DEADLINE_MS, abandon(sent))
  const rows = await withDeadline(sent, BACKEND_DEADLINE_MS, late)
  const { pid } = rows[0] as { pid: number }
  const reported = (sent.state as { readonly pid?: unknown } | null | undefined)?.pid
  return { given: typeof reported === 'number' ? reported : pid, answering: pid }
}

/**
 * What a server says to a session that it ends. A connection of postgres.js keeps it, and rejects
 * the first statement after its reconnection with it, without having sent that.
 */
export function isLastWords(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state !== undefined && LAST_WORDS.has(state)
}

const LAST_WORDS = new Set([
  ADMIN_SHUTDOWN,
  CRASH_SHUTDOWN,
  IDLE_SESSION_TIMEOUT,
  IDLE_IN_TRANSACTION_TIMEOUT,
  TRANSACTION_TIMEOUT,
])

function asText(sql: PostgresJsSession, value: Value): unknown {
  if (value === null || value === undefined) return null
  return sql.typed(String(value), UNKNOWN_OID)
}

/** Gives up on a statement. Returns whether the server may have seen it. */
function abandon(query: PostgresJsQuery): boolean {
  if (query.state === null && Array.isArray(query.strings)) {
    // Still in line for a connection. Cancelled while that connects, it would take the connection
    // with it: postgres.js never gives it out again. So it runs, as a statement that does nothing.
    query.strings = [NOTHING]
    query.args = []
    return false
  }
  // The statement is undone by the server, and the connection is clean again. `query.cancel()` would
  // drop the promise of this: while the server is away, its rejection would end the process.
  const cancel = query.canceller
  query.canceller = null
  Promise.resolve(cancel?.(query)).catch(() => {})
  return true
}

/** node-postgres and PGlite say `constraint`. */
function withConstraint(error: unknown): unknown {
  const given = error as { constraint?: unknown; constraint_name?: unknown } | null | undefined
  if (given?.constraint_name !== undefined) given.constraint ??= given.constraint_name
  return error
}

/**
 * A session that is held: a transaction or a reserved connection. It refuses statements once its
 * connection is lost, because postgres.js would write them to a socket that is no more, outside of
 * any promise, and that ends the process.
 */
export class PostgresJsHeldSession implements Session {
  readonly #sql: PostgresJsSession
  #gone: unknown
  #tail: Promise<unknown> = Promise.resolve()
  #connection: PostgresJsConnection | undefined
  #unhook = (): void => {}

  constructor(sql: PostgresJsSession) {
    this.#sql = sql
  }

  query<Row = never>(query: Query): Promise<Row[]> {
    // One after the other: what waits in the queue of postgres.js when the connection is lost is
    // never answered.
    const sent = this.#tail.then(() => this.#send<Row>(query))
    this.#tail = sent.catch(() => {})
    return sent
  }

  /** From now on nothing is sent. */
  gone(why: unknown): void {
    this.#gone ??= why
    this.#unhook()
  }

  get isGone(): boolean {
    return this.#gone !== undefined
  }

  /** Why nothing is sent any more. */
  get lostBy(): unknown {
    return this.#gone
  }

  /** What marks its connection as held, once a statement has shown that. */
  get holdMark(): { release?: boolean } | null | undefined {
    return this.#connection?.reserved
  }

  /** Closes the connection. Where the library does not show it, the server is asked to. */
  destroy(why: unknown): void {
    if (this.isGone) return
    this.gone(why)
    if (this.#connection?.terminate) this.#connection.terminate()
    else void send(this.#sql, TERMINATE).catch(() => {})
  }

  async #send<Row>(query: Query): Promise<Row[]> {
    if (this.isGone) throw sessionGone('it has ended, or its connection was lost', this.#gone)
    try {
      return await send<Row>(this.#sql, query, {
        onConnection: (connection) => this.#hold(connection),
      })
    } catch (error) {
      if (isConnectionLoss(error)) this.destroy(error)
      throw error
    }
  }

  #hold(connection: PostgresJsConnection): void {
    if (this.#connection !== undefined) return
    this.#connection = connection
    // `sql.begin` hangs its own listener here, and both have to be called.
    const before = connection.onclose
    const onclose = (error: unknown): void => {
      this.gone(error)
      before?.(error)
    }
    connection.onclose = onclose
    // The connection outlives its holder, and would keep every holder that it ever had.
    this.#unhook = () => {
      if (connection.onclose === onclose) connection.onclose = before
    }
  }
}

const TERMINATE: Query = {
  text: 'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())',
  values: [],
}
