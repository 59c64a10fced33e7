import { Deadline } from '../../core/clock.ts'
import { ConfigError, DatabaseError, isChancyError } from '../../core/errors.ts'
import { isConnectionLoss, sqlStateOf } from '../sql-state.ts'

/**
 * The error of a call that stayed unanswered.
 *
 * `details.sent` false: it was still waiting for a session, so it surely was not applied.
 */
export function deadlineError(passedMs: number, sent: boolean): DatabaseError {
  const deadlineMs = Math.round(passedMs)
  return new DatabaseError(
    sent
      ? `The database did not answer within ${deadlineMs} ms; the connection has been closed. ` +
          'A statement that writes may have been applied nevertheless'
      : `No connection became free within ${deadlineMs} ms; the statement was not sent. ` +
          'Allow more connections, or hold them for less time',
    { code: 'DATABASE_DEADLINE', details: { deadlineMs, sent } },
  )
}

/** What `pg` says when a server answers that it has no TLS. */
const NO_TLS = 'The server does not support SSL connections'
/** What Node says where postgres.js continues without having received that answer. */
const TLS_CUT = 'before secure TLS connection was established'
const TLS_CUT_HINT =
  'The server may not offer TLS: turn on "ssl" there, or leave "ssl" out where the network can be trusted'
/** Node's codes of a certificate that is not trusted. */
const CERTIFICATE =
  /^(CERT_|ERR_TLS_CERT|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF))/

/** The error of a connection that could not be made. What the server said to it stays as it is. */
export function unreachable(error: unknown): unknown {
  if (isChancyError(error) || sqlStateOf(error) !== undefined) return error
  const { message, code } = (error ?? {}) as { message?: string; code?: unknown }
  if (message === NO_TLS)
    return new ConfigError(
      'The connection is to be encrypted, and the server does not offer TLS. Turn on "ssl" in the ' +
        'server, or write sslmode=disable in the DSN where the network can be trusted',
      { cause: error },
    )
  if (typeof code === 'string' && CERTIFICATE.test(code))
    return new ConfigError(
      `The certificate of the server is not trusted: ${message}. Name the authority that signed it, ` +
        'with sslrootcert=… in the DSN, or write sslmode=no-verify where the network can be trusted',
      { cause: error },
    )
  if (!isConnectionLoss(error)) return error
  const hint = message?.includes(TLS_CUT) ? `. ${TLS_CUT_HINT}` : ''
  return new DatabaseError(`Cannot connect to the database: ${reasonOf(error)}${hint}`, {
    code: 'DATABASE_UNREACHABLE',
    cause: error,
  })
}

/** Node tries several addresses of a name, and gathers their errors in one that says nothing. */
function reasonOf(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: string; errors?: readonly unknown[] }
  if (message) return message
  if (Array.isArray(errors) && errors.length > 0)
    return [...new Set(errors.map((one) => reasonOf(one)))].join(', ')
  return String(error)
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
 * returns. Node keeps timers of one duration in one list, so that arming one is cheap.
 */
export function withDeadline<T>(
  work: PromiseLike<T>,
  deadlineMs: number,
  onDeadline: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(deadlineMs, () => reject(onDeadline()))
    work.then(
      (value) => {
        deadline.clear()
        resolve(value)
      },
      (error) => {
        deadline.clear()
        reject(error)
      },
    )
  })
}
