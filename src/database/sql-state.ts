/**
 * What an error from the database means for the statement that met it: one table of SQLSTATEs and
 * one of the client libraries' own words. What retries asks here and nowhere else.
 *
 * - `transient`: surely not applied, and likely to pass. Try again.
 * - `ambiguous`: may have been committed. Try again only if doing it twice is harmless.
 * - `stale-statement`: the prepared statement is no longer what it was. Once more, elsewhere.
 * - `wrong-node`: a standby, or a primary that was demoted. Reconnect, then try again.
 * - `caller`: it will never pass by itself.
 */
export type Verdict = 'transient' | 'ambiguous' | 'stale-statement' | 'wrong-node' | 'caller'

export const CANNOT_CONNECT = '08001'
export const CONNECTION_DOES_NOT_EXIST = '08003'
export const CONNECTION_REJECTED = '08004'
export const CONNECTION_FAILURE = '08006'
export const FEATURE_NOT_SUPPORTED = '0A000'
export const UNIQUE_VIOLATION = '23505'
export const CHECK_VIOLATION = '23514'
export const READ_ONLY_TRANSACTION = '25006'
export const IN_FAILED_TRANSACTION = '25P02'
export const IDLE_IN_TRANSACTION_TIMEOUT = '25P03'
export const TRANSACTION_TIMEOUT = '25P04'
export const INVALID_STATEMENT_NAME = '26000'
/** A class: no such user, a wrong password, not allowed by pg_hba.conf. */
export const INVALID_AUTHORIZATION = '28'
export const SERIALIZATION_FAILURE = '40001'
export const INTEGRITY_VIOLATION_ROLLBACK = '40002'
export const COMPLETION_UNKNOWN = '40003'
export const DEADLOCK_DETECTED = '40P01'
export const INVALID_SCHEMA_NAME = '3F000'
export const INSUFFICIENT_PRIVILEGE = '42501'
export const UNDEFINED_COLUMN = '42703'
export const UNDEFINED_FUNCTION = '42883'
export const UNDEFINED_TABLE = '42P01'
/** A statement of the same name was prepared in the server's session by a second client of a pooler. */
export const DUPLICATE_STATEMENT = '42P05'
export const OBJECT_IN_USE = '55006'
export const LOCK_NOT_AVAILABLE = '55P03'
export const QUERY_CANCELED = '57014'
export const ADMIN_SHUTDOWN = '57P01'
export const CRASH_SHUTDOWN = '57P02'
export const CANNOT_CONNECT_NOW = '57P03'
export const DATABASE_DROPPED = '57P04'
export const IDLE_SESSION_TIMEOUT = '57P05'
export const SNAPSHOT_TOO_OLD = '72000'
/** The engine's own: a row or a group changed under it, everything was undone, and it may try again. */
export const CHANGED_MEANWHILE = 'CH002'

/** Whole codes first, then the class (the first two characters), then `caller`. */
export const VERDICTS: Readonly<Record<string, Verdict>> = Object.freeze({
  '08': 'ambiguous',
  [CANNOT_CONNECT]: 'transient',
  [CONNECTION_REJECTED]: 'transient',
  '25': 'caller',
  [READ_ONLY_TRANSACTION]: 'wrong-node',
  // The server has closed the session; with it the transaction has been rolled back.
  [IDLE_IN_TRANSACTION_TIMEOUT]: 'transient',
  [TRANSACTION_TIMEOUT]: 'transient',
  '26': 'stale-statement',
  [DUPLICATE_STATEMENT]: 'stale-statement',
  '40': 'transient',
  [INTEGRITY_VIOLATION_ROLLBACK]: 'caller',
  [COMPLETION_UNKNOWN]: 'ambiguous',
  // Out of disk, memory or connections: waits until there is room.
  '53': 'transient',
  '55': 'caller',
  [OBJECT_IN_USE]: 'transient',
  [LOCK_NOT_AVAILABLE]: 'transient',
  '57': 'ambiguous',
  // statement_timeout or a cancel: the statement was undone, the server is well.
  [QUERY_CANCELED]: 'transient',
  [CANNOT_CONNECT_NOW]: 'transient',
  [DATABASE_DROPPED]: 'caller',
  '58': 'transient',
  [SNAPSHOT_TOO_OLD]: 'transient',
  [CHANGED_MEANWHILE]: 'transient',
  // Internal errors, and what poolers report when they lose the server behind them.
  XX: 'ambiguous',
  XX001: 'caller',
  XX002: 'caller',
})

/** `code` of errors that no server sent: Node's, postgres.js's and Chancy's own. */
export const CLIENT_VERDICTS: Readonly<Record<string, Verdict>> = Object.freeze({
  ECONNREFUSED: 'transient',
  ENOTFOUND: 'transient',
  EAI_AGAIN: 'transient',
  CONNECT_TIMEOUT: 'transient',
  DATABASE_UNREACHABLE: 'transient',
  ECONNRESET: 'ambiguous',
  ECONNABORTED: 'ambiguous',
  EPIPE: 'ambiguous',
  ETIMEDOUT: 'ambiguous',
  EHOSTUNREACH: 'ambiguous',
  ENETUNREACH: 'ambiguous',
  EHOSTDOWN: 'ambiguous',
  ENETDOWN: 'ambiguous',
  ERR_STREAM_DESTROYED: 'ambiguous',
  CONNECTION_CLOSED: 'ambiguous',
  CONNECTION_DESTROYED: 'ambiguous',
  DATABASE_DEADLINE: 'ambiguous',
  OUTCOME_UNKNOWN: 'ambiguous',
})

// node-postgres gives these errors no code, only a text.
const TEXT_VERDICTS: Readonly<Record<string, Verdict>> = Object.freeze({
  'Client has encountered a connection error and is not queryable': 'transient',
  'Client was closed and is not queryable': 'transient',
  'timeout exceeded when trying to connect': 'transient',
  'Connection terminated due to connection timeout': 'transient',
  'timeout expired': 'transient',
  'Connection terminated': 'ambiguous',
  'Connection terminated unexpectedly': 'ambiguous',
  'Query read timeout': 'ambiguous',
})

/** The parts of the libraries' errors that are looked at. */
interface ErrorParts {
  readonly code?: unknown
  readonly message?: unknown
  readonly severity?: unknown
  readonly routine?: unknown
  /** Which constraint was violated: node-postgres and PGlite, then postgres.js. */
  readonly constraint?: unknown
  readonly constraint_name?: unknown
  readonly syscall?: unknown
  readonly errors?: unknown
  readonly cause?: unknown
  readonly details?: { readonly sent?: unknown; readonly sqlState?: unknown }
  /** Where the driver's error is in one of an ORM: TypeORM's, Sequelize's, and Drizzle's, whose is `cause`. */
  readonly driverError?: unknown
  readonly original?: unknown
  readonly query?: unknown
  readonly params?: unknown
  /** Of Prisma, whose own `code` looks like a SQLSTATE. */
  readonly meta?: { readonly code?: unknown; readonly driverAdapterError?: unknown }
  readonly originalCode?: unknown
}

const SQL_STATE = /^[0-9A-Z]{5}$/
/** PostgreSQL has of these classes only P0. */
const PRISMA_CODE = /^P[1-9]\d{3}$/

/** The SQLSTATE of an error, also of one that Chancy or an ORM has wrapped. Absent: no server sent it. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity, details, cause } = partsOf(error)
  // Node's EPIPE looks like a SQLSTATE too; only what the server sent bears a severity.
  if (isSqlState(code) && !PRISMA_CODE.test(code) && (severity || !CLIENT_VERDICTS[code]))
    return code
  if (typeof details?.sqlState === 'string') return details.sqlState
  if (code === 'DATABASE_FAILED' && cause) return sqlStateOf(cause)
  return sqlStateWithin(partsOf(error))
}

/** The SQLSTATE in the error of an ORM. */
function sqlStateWithin(parts: ErrorParts): string | undefined {
  const { driverError, original, cause, meta } = parts
  const isDrizzles = 'query' in parts && 'params' in parts
  const within = driverError ?? original ?? (isDrizzles && cause)
  if (within) return sqlStateOf(within)
  // Prisma over an adapter, and over its engine.
  const { originalCode } = partsOf(partsOf(meta?.driverAdapterError).cause ?? cause)
  return [originalCode, meta?.code].find(isSqlState)
}

function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && SQL_STATE.test(code)
}

/** What this error means for the statement that met it. */
export function classify(error: unknown): Verdict {
  const { code, message, details, cause } = partsOf(error)
  const state = sqlStateOf(error)
  if (state === FEATURE_NOT_SUPPORTED) return isStalePlan(error) ? 'stale-statement' : 'caller'
  if (state !== undefined) return VERDICTS[state] ?? VERDICTS[state.slice(0, 2)] ?? 'caller'
  if (code === 'DATABASE_DEADLINE' && details?.sent === false) return 'transient'
  if (code === 'DATABASE_FAILED' && cause) return classify(cause)
  if (isConnectError(error)) return 'transient'
  if (typeof code === 'string') return CLIENT_VERDICTS[code] ?? 'caller'
  return (typeof message === 'string' && TEXT_VERDICTS[message]) || 'caller'
}

/**
 * Classes of SQLSTATEs that are about the values of a row: data exceptions, and constraints. Any other
 * code that is `caller` (a missing right, a limit of the server, a lost setting) says nothing about
 * the row, and the same row may be taken once the reason is gone.
 */
const ROW_CLASSES: readonly string[] = ['22', '23']

/** Whether a statement that writes rows was refused for what is in a row. */
export function isAboutRow(error: unknown): boolean {
  const state = sqlStateOf(error)
  if (state === undefined || !ROW_CLASSES.includes(state.slice(0, 2))) return false
  // A missing partition has the code of a check, and names no constraint.
  return state !== CHECK_VIOLATION || constraintOf(error) !== undefined
}

/**
 * Whether the server, or a client library, refused a statement that was sent as it should be: the
 * opposite of an outage, which passes for all statements together.
 */
export function isRefusal(error: unknown): boolean {
  const verdict = classify(error)
  if (verdict === 'caller' || verdict === 'stale-statement') return true
  // An internal error may be of one row, such as a value that is too large for the server's memory.
  return verdict === 'ambiguous' && sqlStateOf(error)?.startsWith('XX') === true
}

/** Whether the statement itself was refused or took too long: not that the server could not be reached. */
export function isOfStatement(error: unknown): boolean {
  const { code, details } = partsOf(error)
  if (code === 'DATABASE_DEADLINE') return details?.sent !== false
  return sqlStateOf(error) !== undefined && !isConnectionLoss(error)
}

/** Whether a row found no partition to go to. */
export function isMissingPartition(error: unknown): boolean {
  return sqlStateOf(error) === CHECK_VIOLATION && constraintOf(error) === undefined
}

function constraintOf(error: unknown): unknown {
  const { code, constraint, constraint_name, cause } = partsOf(error)
  if (code === 'DATABASE_FAILED' && cause) return constraintOf(cause)
  return constraint ?? constraint_name
}

/** Whether the session that met this error is gone, whatever became of its statement. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, message, severity, details, cause } = partsOf(error)
  const state = sqlStateOf(error)
  if (state !== undefined)
    return (
      severity === 'FATAL' ||
      severity === 'PANIC' ||
      state.startsWith('08') ||
      (state.startsWith('57P') && state !== CANNOT_CONNECT_NOW) ||
      state === IDLE_IN_TRANSACTION_TIMEOUT ||
      state === TRANSACTION_TIMEOUT
    )
  if (code === 'DATABASE_DEADLINE') return details?.sent !== false
  if (code === 'DATABASE_FAILED' && cause) return isConnectionLoss(cause)
  if (isConnectError(error)) return true
  if (typeof code === 'string') return code in CLIENT_VERDICTS
  return typeof message === 'string' && message in TEXT_VERDICTS
}

/** Never reached the server. Node tries several addresses and throws an `AggregateError`. */
function isConnectError(error: unknown): boolean {
  const { syscall, errors } = partsOf(error)
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isConnectError)
  return syscall === 'connect' || syscall === 'getaddrinfo'
}

// 0A000 says "not supported" of many things. A plan that a migration made stale is recognised by the
// server's routine, since its text depends on lc_messages.
function isStalePlan(error: unknown): boolean {
  const { routine, message, cause } = partsOf(error)
  if (routine === 'RevalidateCachedQuery') return true
  if (typeof message === 'string' && message.startsWith('cached plan')) return true
  return cause !== undefined && isStalePlan(cause)
}

function partsOf(error: unknown): ErrorParts {
  return typeof error === 'object' && error !== null ? error : {}
}
