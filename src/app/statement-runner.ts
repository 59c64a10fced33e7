import { DatabaseError, isChancyError, MigrationsNeededError } from '../core/errors.ts'
import type { Database } from '../database/database.ts'
import type { Value } from '../database/driver.ts'
import { classify, type Retry, type RetryOptions, retrying } from '../database/retry.ts'
import {
  DUPLICATE_STATEMENT,
  INSUFFICIENT_PRIVILEGE,
  INVALID_AUTHORIZATION,
  INVALID_SCHEMA_NAME,
  INVALID_STATEMENT_NAME,
  sqlStateOf,
  UNDEFINED_COLUMN,
  UNDEFINED_FUNCTION,
  UNDEFINED_TABLE,
} from '../database/sql-state.ts'
import type { Statement } from '../database/statement.ts'

/** SQLSTATEs of a schema that was never migrated to this release. */
const NOT_MIGRATED: readonly (string | undefined)[] = [
  INVALID_SCHEMA_NAME,
  UNDEFINED_TABLE,
  UNDEFINED_COLUMN,
  UNDEFINED_FUNCTION,
]

export interface StatementRunnerOptions {
  readonly database: Database
  /** How long to retry while the database is unreachable, in milliseconds. */
  readonly deadlineMs: number
  /** @throws {MigrationsNeededError} */
  readonly checkMigrations: () => Promise<void>
  /** @throws {ChancyError} `CLOSED` */
  readonly checkOpen: () => void
}

/**
 * Runs statements for the calls of users: retries while the database is unreachable, and translates errors
 * of the database and its client into errors of Chancy.
 */
export class StatementRunner {
  readonly #options: StatementRunnerOptions

  constructor(options: StatementRunnerOptions) {
    this.#options = options
  }

  get database(): Database {
    return this.#options.database
  }

  /** A statement that changes nothing. */
  read<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.run(what, values), { reads: true })
  }

  /** A statement that changes something and is idempotent. */
  run<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.run(what, values), { idempotent: true })
  }

  /** A statement that is not idempotent. */
  runOnce<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.run(what, values), {})
  }

  /** One of the engine's functions that is idempotent. */
  engine<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.engine(what, values), { idempotent: true })
  }

  /**
   * Work whose second run answers something else than the first, and can tell. It is repeated until there
   * is an answer; `isInDoubt` says that an earlier run may have been committed.
   */
  again<T>(work: (database: Database, isInDoubt: boolean) => Promise<T>): Promise<T> {
    let isInDoubt = false
    const onRetry = ({ verdict }: Retry): void => {
      isInDoubt ||= verdict === 'ambiguous'
    }
    return this.#ask(() => work(this.#options.database, isInDoubt), { idempotent: true, onRetry })
  }

  /** Any other work on the database, once. */
  async translatingErrors<T>(work: () => Promise<T>): Promise<T> {
    this.#options.checkOpen()
    try {
      return await work()
    } catch (error) {
      throw await this.translateError(error)
    }
  }

  /** An error of Chancy for an error of the database or its client; others stay as they are. */
  async translateError(error: unknown): Promise<unknown> {
    if (isChancyError(error)) return error
    const sqlState = sqlStateOf(error)
    if (NOT_MIGRATED.includes(sqlState)) {
      const needed = await this.#migrationsNeeded()
      if (needed !== null) return needed
    }
    const { message } = error as Error
    if (sqlState !== undefined) {
      return new DatabaseError(refusal(sqlState, message), {
        details: { sqlState },
        cause: error,
      })
    }
    if (classify(error) === 'caller') return error
    return new DatabaseError(`The database cannot be reached: ${message}.`, {
      code: 'DATABASE_UNREACHABLE',
      cause: error,
    })
  }

  #ask<T>(
    work: () => Promise<T>,
    options: Pick<RetryOptions, 'idempotent' | 'reads' | 'onRetry'>,
  ): Promise<T> {
    const { database, checkOpen } = this.#options
    const { bounds } = database
    // A statement that failed has ended the transaction of bounded reads: there is nothing to repeat in it.
    if (bounds?.session != null) return this.translatingErrors(work)
    const deadlineMs = bounds?.deadlineMs ?? this.#options.deadlineMs
    return this.translatingErrors(() =>
      retrying(
        () => {
          checkOpen()
          return work()
        },
        { clock: database.clock, deadlineMs, ...options },
      ),
    )
  }

  async #migrationsNeeded(): Promise<MigrationsNeededError | null> {
    try {
      await this.#options.checkMigrations()
    } catch (error) {
      if (error instanceof MigrationsNeededError) return error
    }
    return null
  }
}

function refusal(sqlState: string, message: string): string {
  if (sqlState.startsWith(INVALID_AUTHORIZATION))
    return `PostgreSQL refused the connection: ${message}. Check the user and the password that the Chancy was given.`
  if (sqlState === DUPLICATE_STATEMENT || sqlState === INVALID_STATEMENT_NAME)
    return `PostgreSQL refused the statement: ${message}. A pooler in transaction mode, such as PgBouncer, is in between: give the option pooler: 'transaction' to the Chancy, and to its driver.`
  if (sqlState === INSUFFICIENT_PRIVILEGE)
    return `PostgreSQL refused the statement: ${message}. Grant the role of this Chancy what it does, as the owner of the schema: chancy grant producer, worker, reader or operator ROLE, with --app ./app.ts where its plugins have tables.`
  return `PostgreSQL refused the statement: ${message}.`
}

/** Whether the role lacks a right for what it asked. */
export function isRefusedRight(error: unknown): boolean {
  return isChancyError(error) && error.details.sqlState === INSUFFICIENT_PRIVILEGE
}
