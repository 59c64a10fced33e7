import { ChancyError, errorCatalogue, isChancyError } from '../core/errors.ts'

/** The status of each code that the API can answer with. */
const STATUS: Readonly<Record<string, number>> = {
  CONFIG_INVALID: 400,
  FILTER_INVALID: 400,
  CURSOR_INVALID: 400,
  ACCESS_NEEDED: 401,
  ACCESS_DENIED: 403,
  ORIGIN_REFUSED: 403,
  HOST_REFUSED: 403,
  ROUTE_NOT_FOUND: 404,
  PLUGIN_MISSING: 404,
  METHOD_NOT_ALLOWED: 405,
  UNIQUE_KEY_TAKEN: 409,
  UNIQUE_KEY_BUSY: 409,
  JOB_STATE_CONFLICT: 409,
  SCHEDULE_KEY_TAKEN: 409,
  SCHEDULE_UNREADABLE: 409,
  CHANGED_MEANWHILE: 412,
  TOO_LARGE: 413,
  MEDIA_TYPE_REFUSED: 415,
  PRECONDITION_NEEDED: 428,
  RATE_LIMITED: 429,
  TOO_MANY_STREAMS: 429,
  BUSY: 503,
  CLOSED: 503,
  DATABASE_UNREACHABLE: 503,
  MIGRATIONS_NEEDED: 503,
  RIGHTS_MISSING: 503,
  QUERY_TOO_SLOW: 503,
  DATABASE_DEADLINE: 504,
  OUTCOME_UNKNOWN: 504,
}
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Sign in first',
  403: 'Refused',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  412: 'Changed meanwhile',
  413: 'Too large',
  415: 'Not JSON',
  428: 'If-Match is needed',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not available',
  504: 'Too late',
}
/** What the server says when a statement has taken longer than it may. */
const QUERY_CANCELED = '57014'
const READ_ONLY = '25006'
/** A schema, a table, a column or a function is not there. */
const NOT_MIGRATED = ['3F000', '42P01', '42703', '42883']
/** What concerns the answer itself, and is no detail. */
const OWN_DETAILS = ['login', 'challenge', 'retryAfterSeconds', 'allow']

/** A failure as it is answered. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  /** Whether the cause belongs into the log: it is of this server. */
  readonly isFault: boolean
}

/** What any error is answered as. What is not known is `INTERNAL`, without a detail. */
export function problemOf(thrown: unknown, requestId: string): Problem {
  const error = known(thrown)
  const status = error === null ? 500 : statusOf(error)
  const { login, challenge, retryAfterSeconds, allow } = error?.details ?? {}
  const details = Object.entries(error?.details ?? {}).filter(
    ([name]) => !OWN_DETAILS.includes(name),
  )
  const code = error?.code ?? 'INTERNAL'
  return {
    status,
    isFault: error === null,
    headers: {
      ...(typeof challenge === 'string' && { 'www-authenticate': challenge }),
      ...(typeof retryAfterSeconds === 'number' && { 'retry-after': String(retryAfterSeconds) }),
      ...(typeof allow === 'string' && { allow }),
      ...(status === 503 && retryAfterSeconds === undefined && { 'retry-after': '2' }),
    },
    body: {
      type: `urn:chancy:${code}`,
      title: TITLES[status] ?? 'Error',
      status,
      detail: error === null ? null : error.message,
      code,
      details: plain(Object.fromEntries(details)),
      login: typeof login === 'string' ? login : null,
      requestId,
    },
  }
}

function known(thrown: unknown): ChancyError | null {
  if (!isChancyError(thrown)) return null
  const { sqlState } = thrown.details
  if (sqlState === QUERY_CANCELED) {
    return new ChancyError(
      'QUERY_TOO_SLOW',
      'The database needs too long for this. Narrow the filter, or try again when the server has less to do.',
      { details: { sqlState } },
    )
  }
  // A statement that PostgreSQL refuses for another reason is a fault of this server or of its rights.
  if (NOT_MIGRATED.includes(String(sqlState))) {
    return new ChancyError(
      'MIGRATIONS_NEEDED',
      'Tables of a plugin are not there. Run "chancy migrate" with the plugins of the application.',
      { details: { sqlState } },
    )
  }
  if (thrown.code === 'DATABASE_FAILED') return sqlState === READ_ONLY ? null : rightsOf(thrown)
  return thrown
}

const INSUFFICIENT_PRIVILEGE = '42501'

function rightsOf(error: ChancyError): ChancyError | null {
  if (error.details.sqlState !== INSUFFICIENT_PRIVILEGE) return null
  return new ChancyError('RIGHTS_MISSING', error.message, { details: error.details })
}

function statusOf({ code }: ChancyError): number {
  const known = STATUS[code] ?? (String(code).endsWith('_NOT_FOUND') ? 404 : undefined)
  // A plugin has codes of its own: its routes refuse with them.
  return known ?? (code in errorCatalogue ? 500 : 400)
}

/** Details are plain data; dates become text. */
function plain(details: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(JSON.stringify(details))
}
