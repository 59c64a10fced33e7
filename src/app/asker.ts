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

/** What PostgreSQL says of a schema that was never brought to this release. */
const NOT_MIGRATED: readonly (string | undefined)[] = [
  INVALID_SCHEMA_NAME,
  UNDEFINED_TABLE,
  UNDEFINED_COLUMN,
  UNDEFINED_FUNCTION,
]

export interface AskerOptions {
  readonly database: Database
  /** How long to go on while the database is away, in milliseconds. */
  readonly deadlineMs: number
  /** @throws {MigrationsNeededError} */
  readonly checkMigrations: () => Promise<void>
  /** @throws {ChancyError} `CLOSED` */
  readonly checkOpen: () => void
}

/**
 * Runs statements for the calls of users: waits for a database that is away, and makes an error of
 * Chancy of whatever the database or its client says.
 */
export class Asker {
  readonly #options: AskerOptions

  constructor(options: AskerOptions) {
    this.#options = options
  }

  /** A statement that changes nothing. */
  read<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.run(what, values), { reads: true })
  }

  /** A statement that changes something and may as well run twice. */
  run<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.run(what, values), { idempotent: true })
  }

  /** A statement whose second run would answer something else than the first. */
  runOnce<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.run(what, values), {})
  }

  /** One of the engine's functions that may as well run twice. */
  engine<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    return this.#ask(() => this.#options.database.engine(what, values), { idempotent: true })
  }

  /**
   * Work whose second run answers something else than the first, and can tell. It is done until there is
   * an answer; `isInDoubt` says that an earlier run may have been committed.
   */
  again<T>(work: (database: Database, isInDoubt: boolean) => Promise<T>): Promise<T> {
    let isInDoubt = false
    const onRetry = ({ verdict }: Retry): void => {
      isInDoubt ||= verdict === 'ambiguous'
    }
    return this.#ask(() => work(this.#options.database, isInDoubt), { idempotent: true, onRetry })
  }

  /** Anything else that is said to the database, once. */
  async explaining<T>(work: () => Promise<T>): Promise<T> {
    this.#options.checkOpen()
    try {
      return await work()
    } catch (error) {
      throw await this.explained(error)
    }
  }

  /** An error of Chancy for an error of the database or its client; others stay as they are. */
  async explained(error: unknown): Promise<unknown> {
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
    const { database, deadlineMs, checkOpen } = this.#options
    return this.explaining(() =>
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
    return `PostgreSQL refused the statement: ${message}. Grant the role of this Chancy what it does, as the owner of the schema: chancy grant producer, worker, reader or operator ROLE.`
  return `PostgreSQL refused the statement: ${message}.`
}

/** Whether the role lacks a right for what it asked. */
export function isRefusedRight(error: unknown): boolean {
  return isChancyError(error) && error.details.sqlState === INSUFFICIENT_PRIVILEGE
}
