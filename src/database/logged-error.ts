import { sqlStateOf } from './sql-state.ts'

/** Fields of a line of the log. */
export interface LoggedError {
  readonly sqlState?: string
  readonly reason?: string
  readonly err?: unknown
}

/**
 * An error for the log. What PostgreSQL says beside its message shows whole rows, arguments and results included, so
 * of its errors the message alone is logged; any other error is logged with its stack.
 */
export function loggedError(error: unknown): LoggedError {
  const sqlState = sqlStateOf(error)
  if (sqlState === undefined) return { err: error }
  return { sqlState, reason: error instanceof Error ? error.message : String(error) }
}
