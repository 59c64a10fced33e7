import { DatabaseError } from '../../core/errors.ts'
import { isConnectionLoss, sqlStateOf } from '../sql-state.ts'

/**
 * The error of a call that stayed unanswered.
 *
 * `details.sent` false: it was still waiting for a session, so it surely was not applied.
 */
export function deadlineError(deadlineMs: number, sent: boolean): DatabaseError {
  return new DatabaseError(
    sent
      ? `The database did not answer within ${deadlineMs} ms; the connection has been closed. ` +
          'The statement may have been applied'
      : `No connection became free within ${deadlineMs} ms; the statement was not sent. ` +
          'Allow more connections, or hold them for less time',
    { code: 'DATABASE_DEADLINE', details: { deadlineMs, sent } },
  )
}

/** The error of a connection that could not be made. What the server said to it stays as it is. */
export function unreachable(error: unknown): unknown {
  if (sqlStateOf(error) !== undefined || !isConnectionLoss(error)) return error
  const reason = error instanceof Error && error.message ? error.message : String(error)
  return new DatabaseError(`Cannot connect to the database: ${reason}`, {
    code: 'DATABASE_UNREACHABLE',
    cause: error,
  })
}

/** The error of a session that was used after its end, or after its connection was lost. */
export function sessionGone(why: string, cause?: unknown): DatabaseError {
  return new DatabaseError(`This session is over: ${why}. The statement was not sent`, {
    code: 'DATABASE_UNREACHABLE',
    cause,
  })
}

/**
 * Settles as `work` does, unless `deadlineMs` passes first: then rejects with what `onDeadline`
 * gives. Node keeps timers of one duration in one list, so that arming one is cheap.
 */
export function withDeadline<T>(
  work: PromiseLike<T>,
  deadlineMs: number,
  onDeadline: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onDeadline()), deadlineMs)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
