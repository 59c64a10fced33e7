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
  QUEUE_NOT_FOUND: 'No queue of this name is declared; declare it with chancy.declare().',
  FUNCTION_NOT_FOUND:
    'No job function of this name is known here; add its module to the jobs option.',
  WORKFLOW_NOT_FOUND: 'No workflow has this id or name; check the id, or push the workflow first.',
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
  WAIT_TIMED_OUT:
    'The job did not reach a wanted state in time; details.explanations says why, as explain() does. It goes on by itself, so wait again or give more time.',
  PLUGIN_NEED_MISSING:
    'A plugin needs another one that is not there; add it to the plugins option.',
  PLUGIN_NAME_TAKEN: 'Two plugins have the same name; remove one of them.',
})

/** What `error.code` can be. */
export type ErrorCode = keyof typeof errorCatalogue

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

/** An option, a name, an argument or a rule is wrong. Thrown at once, never retried. */
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
    code: 'JOB_NOT_FOUND' | 'QUEUE_NOT_FOUND' | 'FUNCTION_NOT_FOUND' | 'WORKFLOW_NOT_FOUND',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
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

/** Why an attempt ended without a value that could be stored. */
export class AttemptError extends ChancyError {
  constructor(code: AttemptErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * A wait ended before the job reached a wanted state. The job itself goes on. `details.ids` are up to ten
 * jobs that were still missing, and `details.explanations` what `explain` said of each, in that order.
 */
export class WaitTimedOutError extends ChancyError {
  constructor(message: string, options?: ErrorOptions) {
    super('WAIT_TIMED_OUT', message, options)
  }
}

/** A set of plugins that does not fit together. */
export class PluginError extends ChancyError {
  constructor(
    code: 'PLUGIN_NEED_MISSING' | 'PLUGIN_NAME_TAKEN',
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
  UniqueKeyError,
  AttemptError,
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
