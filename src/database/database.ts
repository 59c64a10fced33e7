import type { Clock } from '../core/clock.ts'
import type { Driver, Query, Session, Value } from './driver.ts'
import type { Names } from './names.ts'
import { type PreparedText, prepareText, type Statement } from './statement.ts'

export interface RunOptions {
  /** Where to send it. Default: any session of the driver. */
  readonly session?: Session
  /** Client-side deadline. Default: the driver's. */
  readonly deadlineMs?: number
  /** Whether it is worth preparing on the server. Default: true. */
  readonly prepare?: boolean
}

/** SQLSTATE of the engine's own refusal to run outside READ COMMITTED. */
const NOT_READ_COMMITTED = 'CH001'

/** A driver and the names of one schema: runs statements by what they are, not by their text. */
export class Database {
  readonly driver: Driver
  readonly names: Names
  readonly clock: Clock
  readonly #prepared = new WeakMap<object, PreparedText>()
  readonly #prepare: boolean
  /** Set once the server is seen to default to another isolation level. */
  #needsTransaction = false

  constructor(driver: Driver, names: Names, options: { clock: Clock; prepare: boolean }) {
    this.driver = driver
    this.names = names
    this.clock = options.clock
    this.#prepare = options.prepare
  }

  /** Whether there is a transaction pooler in between: nothing is prepared or set for a session. */
  get isPooled(): boolean {
    return !this.#prepare || this.driver.isPooled === true
  }

  /** Runs one statement. Errors are the driver's, with SQLSTATE in `code`. */
  run<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
    options: RunOptions = {},
  ): Promise<Row[]> {
    return (options.session ?? this.driver).query<Row>(this.#query(what, values, options))
  }

  /**
   * Runs one of the engine's functions, which refuse to work outside READ COMMITTED. Where that is
   * not the server's default, it costs a transaction of its own.
   */
  async engine<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
    options: Omit<RunOptions, 'session'> = {},
  ): Promise<Row[]> {
    if (!this.#needsTransaction) {
      try {
        return await this.run(what, values, options)
      } catch (error) {
        if ((error as { code?: unknown }).code !== NOT_READ_COMMITTED) throw error
        this.#needsTransaction = true
      }
    }
    return this.driver.transaction((session) => this.run(what, values, { ...options, session }))
  }

  /** Statements without a row type, such as a migration's. */
  async execute(text: string, session: Session = this.driver, deadlineMs?: number): Promise<void> {
    await session.query({ text, values: [], ...(deadlineMs === undefined ? {} : { deadlineMs }) })
  }

  #query<Values extends readonly Value[], Row>(
    what: Statement<Values, Row>,
    values: Values,
    options: RunOptions,
  ): Query {
    let prepared = this.#prepared.get(what)
    if (prepared === undefined) {
      prepared = prepareText(what as unknown as Statement<never, unknown>, this.names)
      this.#prepared.set(what, prepared)
    }
    const query: { text: string; values: readonly Value[]; name?: string; deadlineMs?: number } = {
      text: prepared.text,
      values,
    }
    if (options.prepare !== false && !this.isPooled) query.name = prepared.name
    if (options.deadlineMs !== undefined) query.deadlineMs = options.deadlineMs
    return query
  }
}
