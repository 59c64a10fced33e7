/**
 * What Chancy asks of a client library. Everything above this file speaks to PostgreSQL through
 * these few methods, so that node-postgres, postgres.js and PGlite are interchangeable, and one
 * conformance suite (`test/conformance/driver.ts`) says what "interchangeable" means:
 *
 * - one statement a call, placeholders `$1 …`, `undefined` goes as null;
 * - values are strings, numbers, booleans and null. A batch travels as an array literal in a
 *   string (`database/array-literal.ts`) and is cast in SQL, since the libraries differ on arrays;
 * - rows are plain objects. Statements select text, int4, float8 and bool only, since the libraries
 *   differ on everything else (bigint, jsonb, timestamptz, arrays);
 * - an error carries `code` (the SQLSTATE) when the server sent it, and `constraint` where one was
 *   violated. A lost connection has no SQLSTATE, or one that `retry.ts` calls ambiguous;
 * - a call that passes its deadline rejects, and its session is destroyed, never reused.
 */
export type Value = string | number | boolean | null | undefined

export interface Query {
  readonly text: string
  readonly values: readonly Value[]
  /** Set for statements that are worth preparing. Ignored behind a transaction pooler. */
  readonly name?: string
  /** Client-side deadline. Default: `DEFAULT_DEADLINE_MS`. */
  readonly deadlineMs?: number
}

/** How long a call may stay unanswered before its session is destroyed, in milliseconds. */
export const DEFAULT_DEADLINE_MS = 30_000

/** Somewhere to send statements: a pool, one session of it, or a caller's transaction. */
export interface Session {
  /** Sends one statement, and returns its rows. */
  query<Row = never>(query: Query): Promise<Row[]>
}

/** One session, held until it is released. */
export interface ReservedSession extends Session {
  /** `destroy` when its state is in doubt: the connection is closed instead of reused. */
  release(destroy?: boolean): void
}

export interface Listener {
  onPayload(payload: string): void
  /** The subscription is gone and will not come back by itself. Called at most once. */
  onLost(error: Error): void
}

/**
 * Where a thread can reach the same server by itself: a DSN, or settings of a pool of `pg` that can be
 * cloned. `pooler` among them says that there is one in between.
 */
export type Address = string | Readonly<Record<string, unknown>>

/** `unknown`: there is a pooler, and whether it keeps sessions could not be seen. */
export type Pooler = 'transaction' | 'unknown'

/** What Chancy needs of a database: statements, transactions and notifications. */
export interface Driver extends Session {
  /** `BEGIN ISOLATION LEVEL READ COMMITTED` … `COMMIT`, or `ROLLBACK` when `work` rejects. */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** A session for the caller alone, until it is released. */
  reserve(): Promise<ReservedSession>
  /** Resolves once subscribed. The channel is lower case. The result unsubscribes. */
  listen(channel: string, listener: Listener): Promise<() => Promise<void>>
  /** Closes what this driver opened; a pool that was handed in stays open. */
  close(): Promise<void>
  /** For the heartbeat's thread. Null or absent: this server cannot be reached from a thread. */
  address?(): Promise<Address | null>
  /** How many statements can run side by side: the size of the pool, 1 for PGlite. */
  readonly sessions: number
  /**
   * Looks whether a pooler is between this driver and the server; one in transaction mode sets
   * `isPooled`. Absent: that cannot be.
   */
  findPooler?(): Promise<Pooler | null>
  /**
   * Whether each transaction may run in a different session of the server, as the option `pooler` says or
   * as was seen: then nothing is set for a session, and LISTEN is refused. Default: false.
   */
  readonly isPooled?: boolean
}
