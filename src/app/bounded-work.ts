import { systemClock } from '../core/clock.ts'
import type { Database } from '../database/database.ts'
import { retrying } from '../database/retry.ts'
import { beginReads, serverFacts } from '../database/statements/bounded-reads.ts'
import { LateTransaction } from './late-transaction.ts'
import type { StatementRunner } from './statement-runner.ts'

/** What the server says of itself. */
export interface ServerFacts {
  /** Of PostgreSQL. */
  readonly version: string
  readonly now: Date
}

/** The answer of a statement is waited for a little longer than the server works on it, in milliseconds. */
const ANSWER_MS = 1_000

/** Calls of the application whose statements may not take longer than what asks can wait. */
export class BoundedWork {
  readonly #database: Database
  readonly #statements: StatementRunner

  constructor(database: Database, statements: StatementRunner) {
    this.#database = database
    this.#statements = statements
  }

  /** How many statements the driver runs side by side. */
  get sessions(): number {
    return this.#database.driver.sessions
  }

  /**
   * Calls that only read, in one transaction of their own in which the server refuses to write, and ends each statement
   * after `ms`. It begins with their first statement.
   *
   * @throws {DatabaseError} with `details.sqlState` 57014 when a statement took longer
   */
  reading<T>(ms: number, work: () => Promise<T>): Promise<T> {
    const database = this.#database
    const deadlineMs = ms + ANSWER_MS
    return this.#statements.translatingErrors(() =>
      retrying(
        () => {
          const session = new LateTransaction(database.driver, (own) =>
            database.run(beginReads, [String(ms)], { session: own, deadlineMs }),
          )
          return session.run(() => database.bounded({ session, deadlineMs }, work))
        },
        { clock: systemClock, deadlineMs: ms, reads: true },
      ),
    )
  }

  /** Calls that change something: each statement has so long, and is not repeated for longer. */
  acting<T>(ms: number, work: () => Promise<T>): Promise<T> {
    return this.#database.bounded({ session: null, deadlineMs: ms }, work)
  }

  async serverFacts(): Promise<ServerFacts> {
    const [row] = await this.#statements.read(serverFacts, [])
    return { version: row?.version ?? '', now: new Date(row?.now_ms ?? systemClock.now()) }
  }
}
