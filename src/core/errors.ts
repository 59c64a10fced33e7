/**
 * Every error that Chancy throws is a `ChancyError` with a code. A subclass exists only where a
 * caller would catch it apart; everything finer is in `code` and `details`.
 */

import { brandClass } from './brand.ts'

const BRAND = Symbol.for('chancy.error')

/**
 * Every code with one sentence on when it is thrown and what to do. The reference page of errors is
 * made from it. Codes are never reused for something else.
 */
export const errorCatalogue = Object.freeze({
  CONFIG_INVALID:
    'An option, a name, an argument or a rule is wrong; the message says what was expected and what was found, so correct the call.',
  FILTER_INVALID:
    'The filter of jobs is wrong; details.at is where in its text, and the message says what was expected there.',
  CURSOR_INVALID:
    'The cursor is none that a page has returned, or belongs to another filter or order; begin again without it.',
  CHANGED_MEANWHILE:
    'The job is not as it was when its version was read; read it again, and decide again whether to change it.',
  CLOSED: 'The Chancy, worker or driver was closed before this call; make a new one.',
  DATABASE_FAILED:
    'PostgreSQL refused a statement for a reason that does not pass by itself; look at details.sqlState and the cause.',
  DATABASE_UNREACHABLE:
    'No connection to PostgreSQL could be made or kept; check the address, the server and the network, then try again.',
  DATABASE_DEADLINE:
    'A statement was not answered before its deadline and its session was destroyed; look for locks or an overloaded server, then try again.',
  OUTCOME_UNKNOWN:
    'The connection was lost while a commit was under way, so it may or may not have happened; look before doing it again.',
  MIGRATIONS_NEEDED:
    'The schema is older or newer than this release needs; run "chancy migrate", or call chancy.migrate().',
  RIGHTS_MISSING:
    'The role of a worker lacks rights on the schema; run the GRANT of the message, or "chancy grant worker ROLE", as the owner of the schema.',
  JOB_NOT_FOUND:
    'No committed job has this id: its transaction is open or rolled back, or the job was pruned; check the reference.',
  STEP_NOT_FOUND:
    'A durable job has recorded no step of this name in its present run; getSteps() has the names.',
  SIGNALS_FULL:
    'A durable job has 10,000 signals that it has not taken, so no further one is sent; let it take them, or send fewer.',
  FAILURE_NOT_FOUND:
    'No group of failures has this fingerprint: it is mistyped, or the oldest closed groups made room; failures.list() has those that there are.',
  BULK_NOT_FOUND:
    'No bulk action has this id: it is mistyped, or was removed 400 days after its end; bulk.list() has those that there are.',
  QUEUE_NOT_FOUND: 'No queue of this name is declared; declare it with chancy.declare().',
  WORKER_NOT_FOUND:
    'No worker has this id: it was lost more than a day ago, or never there; getWorkers() has those that are known.',
  GROUP_NOT_FOUND: 'No concurrency group with this key has a job; getGroups() has those that do.',
  FUNCTION_NOT_FOUND:
    'No job function of this name is known here; add its module to the jobs option.',
  WORKFLOW_NOT_FOUND: 'No workflow has this id or name; check the id, or push the workflow first.',
  WORKFLOW_TOO_LARGE:
    'A workflow has more than 10,000 steps, the items of its maps included, or more than 100,000 dependencies; split it, or let one of its steps push workflows.',
  JOB_STATE_CONFLICT:
    'The state of the job does not allow this call, such as a retry of a job that has not failed; details.state is its state.',
  UNIQUE_KEY_BUSY:
    'An open transaction elsewhere holds this unique key and did not end before the push deadline; push again later, or shorten that transaction.',
  UNIQUE_KEY_TAKEN:
    'Another waiting or running job has this unique key; wait until it has finished, or cancel it.',
  ATTEMPT_TIMED_OUT:
    'The attempt ran longer than its time limit; raise Limit.time or make the job shorter.',
  ATTEMPT_CANCELLED:
    'The attempt was stopped because its job was cancelled; nothing is to be done.',
  MEMORY_EXCEEDED:
    'The attempt used more memory than its limit; raise Limit.memory or make the job smaller.',
  CHILD_EXITED:
    'The thread or process that ran the attempt ended without an answer; look at details for its exit code, signal and last words.',
  LIMIT_NOT_SUPPORTED:
    'The executor of the queue cannot enforce a limit of this job; move the job to a queue with another executor, or drop the limit.',
  RESULT_NOT_SERIALIZABLE:
    'The attempt returned a value that cannot be stored as JSON; return plain data. The job is not retried.',
  ROW_INVALID:
    'The row of the job holds what no push writes, such as arguments that are no object or a limit that cannot be kept, so it was not run; correct what writes the rows. The job is not retried.',
  OUTCOME_NOT_SAVED:
    'PostgreSQL refused to store how the attempt ended, so only this failure was saved; the job is not retried.',
  ACCESS_NEEDED:
    'A request of the HTTP API has no session; sign in, or send what the option access of createHandler() looks at.',
  ACCESS_DENIED:
    'The role of a request does not have the verb of details.verb, or allow() has taken it away; use another role.',
  HOST_REFUSED:
    'Without the option access the HTTP API serves its own machine alone; give createHandler() an access function.',
  ORIGIN_REFUSED:
    'A request that changes something came from another site, or without the header "X-Chancy: 1"; send it, and name further origins in the option origins.',
  ROUTE_NOT_FOUND: 'The HTTP API has no such route, or it is off; look at openapi.json of the API.',
  METHOD_NOT_ALLOWED:
    'The route of the HTTP API does not take this method; the header Allow names those that it takes.',
  TOO_LARGE: 'A request of the HTTP API is larger than its limit; details.maxBytes is the limit.',
  MEDIA_TYPE_REFUSED:
    'The body of a request is no JSON by its Content-Type; send application/json, or application/x-ndjson of a batch.',
  PRECONDITION_NEEDED:
    'An edit of the HTTP API needs the header If-Match, so that it changes only what was seen; send the ETag of the job.',
  RATE_LIMITED:
    'A caller of the HTTP API sends more requests than its limit; wait as long as Retry-After says.',
  TOO_MANY_STREAMS:
    'A process or an actor has more event streams open than its limit; close some, or poll with once=1.',
  BUSY: 'Too much is under way in this process; try again after as long as Retry-After says.',
  QUERY_TOO_SLOW:
    'A read took longer than its time limit on the server; narrow the filter, or try again when the server has less to do.',
  INTERNAL: 'A fault of the server; its log has the cause under the request id.',
  WAIT_TIMED_OUT:
    'The job did not reach a wanted state in time; details.explanations says why, as explain() does. The job itself continues, so wait again or give more time.',
  SCHEDULE_NOT_FOUND:
    'There is no schedule with this key; check the key, or declare it with schedule().',
  SCHEDULE_KEY_TAKEN:
    'The key of a schedule belongs to another owner: a set that is declared in code, or schedule(); use another key, or remove that schedule first.',
  SCHEDULE_UNREADABLE:
    'The row of a schedule holds a timing or a rule that this release does not know, so it is not fired; update this release, or declare the schedule again.',
  TEST_JOB_RUNS:
    'A job of a test runs and does not end by itself: move time to its limit by advance(), or give testChancy() more patience.',
  TEST_ENDLESS:
    'Jobs or times of a test come due again and again: correct what repeats itself, or advance in shorter stretches.',
  TEST_LOOP_FAILED: 'A loop of a plugin failed in a test: its error is the cause.',
  PLUGIN_NEED_MISSING:
    'A plugin needs another one that is not there; add it to the plugins option.',
  PLUGIN_NAME_TAKEN:
    'Two plugins have the same name, or both own the same event, command or table names; remove or rename one of them.',
  PLUGIN_MISSING:
    'A function of a plugin was called with a Chancy that does not have this plugin; add it to the plugins option.',
  PLUGIN_CONTRACT:
    'A plugin was made for another version of the plugin contract; use releases of the plugin and of chancy that fit together.',
  AROUND_NOT_RUN:
    'The "around" module of a plugin ended without calling run, so the function of the job was not called; correct the plugin, or remove it.',
  STEP_FAILED:
    'A step of a durable job failed and has no tries left; error.step is its name and error.cause why. Catch it to continue without the step, or let it through: the next attempt of the job tries the step again.',
  STEPS_CHANGED:
    'The code of a durable job does not fit to what it has recorded, so no step was run; roll the deploy back, keep the steps that were recorded, or guard a change by ctx.version(), then retry the job.',
  STEP_DUPLICATE:
    'Two steps of a durable job have the same name in one run; make the names differ, such as by the item that each is about.',
  STEP_NESTED:
    'A step of a durable job called its context; call it between the steps and pass results on as values.',
  ATTEMPT_OVER:
    'The context of a durable job was called after its attempt had ended; await every call before the function returns.',
  HISTORY_FULL:
    'A durable job has recorded 10,000 steps or 16 MiB in one run; begin the next run in time by ctx.continueWith(), or record less. The job is not retried.',
  NOT_SAME_DATABASE:
    'The call of ctx.transaction() names another database than the one that holds the job; use ctx.step() and its key, or the database of the schema.',
})

/** The codes of Chancy itself. */
export type CoreErrorCode = keyof typeof errorCatalogue

/**
 * The codes that an error can have. A plugin adds its own:
 * `declare module 'chancy' { interface ErrorCodes { ACME_AUDIT_FULL: string } }`.
 */
export interface ErrorCodes extends Readonly<Record<CoreErrorCode, string>> {}

/** What `error.code` can be. */
export type ErrorCode = keyof ErrorCodes

export interface ErrorOptions {
  /** Plain data about what was found. Default: `{}`. */
  readonly details?: Readonly<Record<string, unknown>>
  /** What caused it. Default: none. */
  readonly cause?: unknown
}

/** The base of every error that Chancy throws: `code`, `message`, `details` (plain data), `cause`. */
export class ChancyError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.details = options.details ?? {}
  }
}

/** An option, a name, an argument or a rule is wrong. Thrown immediately, never retried. */
export class ConfigError extends ChancyError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG_INVALID', message, options)
  }
}

export type DatabaseErrorCode =
  | 'DATABASE_FAILED'
  | 'DATABASE_UNREACHABLE'
  | 'DATABASE_DEADLINE'
  | 'OUTCOME_UNKNOWN'
  | 'MIGRATIONS_NEEDED'
  | 'RIGHTS_MISSING'

/** A driver's error that did not pass by itself. `details.sqlState` and `details.statement` where known. */
export class DatabaseError extends ChancyError {
  constructor(message: string, options: ErrorOptions & { readonly code?: DatabaseErrorCode } = {}) {
    super(options.code ?? 'DATABASE_FAILED', message, options)
  }
}

/** The schema is at another version than this release needs: `details.have`, `details.want`. */
export class MigrationsNeededError extends DatabaseError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, code: 'MIGRATIONS_NEEDED' })
  }
}

/** Something that was asked for by its id or name does not exist. */
export class NotFoundError extends ChancyError {
  constructor(
    code:
      | 'JOB_NOT_FOUND'
      | 'QUEUE_NOT_FOUND'
      | 'FUNCTION_NOT_FOUND'
      | 'WORKFLOW_NOT_FOUND'
      | 'STEP_NOT_FOUND'
      | 'SCHEDULE_NOT_FOUND'
      | 'FAILURE_NOT_FOUND'
      | 'BULK_NOT_FOUND',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
  }
}

/** The error for a job without a committed row. */
export function jobNotFound(id: string): NotFoundError {
  return new NotFoundError(
    'JOB_NOT_FOUND',
    `No committed job has the id ${id}. Its transaction is still open or was rolled back, or the job was pruned. Wait after the commit, and give the job a longer retention if it must be found later.`,
    { details: { id } },
  )
}

/** The state of a job does not allow a call: `details.id`, `details.state`. */
export class JobStateError extends ChancyError {
  constructor(message: string, options?: ErrorOptions) {
    super('JOB_STATE_CONFLICT', message, options)
  }
}

/** A unique key is held: by an open transaction (`UNIQUE_KEY_BUSY`) or by a job (`UNIQUE_KEY_TAKEN`). */
export class UniqueKeyError extends ChancyError {
  constructor(
    code: 'UNIQUE_KEY_BUSY' | 'UNIQUE_KEY_TAKEN',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
  }
}

export type AttemptErrorCode =
  | 'ATTEMPT_TIMED_OUT'
  | 'ATTEMPT_CANCELLED'
  | 'MEMORY_EXCEEDED'
  | 'CHILD_EXITED'
  | 'LIMIT_NOT_SUPPORTED'
  | 'RESULT_NOT_SERIALIZABLE'
  | 'ROW_INVALID'
  | 'OUTCOME_NOT_SAVED'
  | 'AROUND_NOT_RUN'
  | 'STEPS_CHANGED'
  | 'STEP_DUPLICATE'
  | 'STEP_NESTED'
  | 'ATTEMPT_OVER'
  | 'HISTORY_FULL'
  | 'NOT_SAME_DATABASE'

/** Why an attempt ended without a value that could be stored. */
export class AttemptError extends ChancyError {
  constructor(code: AttemptErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * A step of a durable job, or what it waited for, failed: `step` is its name, `cause` what went wrong. At a replay the
 * cause is made from what was recorded: its class is gone, and its name, message, code and stack are kept.
 */
export class StepError extends ChancyError {
  readonly step: string

  constructor(step: string, message: string, options?: ErrorOptions) {
    super('STEP_FAILED', message, options)
    this.step = step
  }
}

/**
 * A wait ended before the job reached a wanted state. The job itself continues. `details.ids` are up to ten
 * jobs that were still missing, and `details.explanations` what `explain` said of each, in that order.
 */
export class WaitTimedOutError extends ChancyError {
  constructor(message: string, options?: ErrorOptions) {
    super('WAIT_TIMED_OUT', message, options)
  }
}

/** Plugins do not fit together, or one is missing. */
export class PluginError extends ChancyError {
  constructor(
    code: 'PLUGIN_NEED_MISSING' | 'PLUGIN_NAME_TAKEN' | 'PLUGIN_MISSING' | 'PLUGIN_CONTRACT',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
  }
}

// On the prototypes, so that an error prints without a `name` and a brand among its fields.
Object.defineProperty(ChancyError.prototype, BRAND, { value: true })
const classes = {
  ChancyError,
  ConfigError,
  DatabaseError,
  MigrationsNeededError,
  NotFoundError,
  JobStateError,
  UniqueKeyError,
  AttemptError,
  StepError,
  WaitTimedOutError,
  PluginError,
}
for (const [name, made] of Object.entries(classes)) {
  brandClass(made, name)
  // Named here and not by `constructor.name`, which a minifier changes.
  Object.defineProperty(made.prototype, 'name', { value: name, configurable: true, writable: true })
}

/**
 * Says whether a value is an error of Chancy, also of another copy of the package: by its brand and
 * not by `instanceof`.
 */
export function isChancyError(value: unknown): value is ChancyError {
  return value instanceof Error && (value as { [BRAND]?: unknown })[BRAND] === true
}
