import { AsyncLocalStorage } from 'node:async_hooks'
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

/** What bounds the statements of some work, also those that are sent deep inside of it. */
export interface Bounds {
  /** Where they are sent; null: any session of the driver. */
  readonly session: Session | null
  /** Client-side deadline of each, in milliseconds. */
  readonly deadlineMs: number
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
  /** Made when some work is bounded first: most processes never do that. */
  #bounds: AsyncLocalStorage<{ current: Bounds | null }> | null = null

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
    const { bounds } = this
    if (bounds === null)
      return (options.session ?? this.driver).query<Row>(this.#query(what, values, options))
    const session = options.session ?? bounds.session ?? this.driver
    const { deadlineMs = bounds.deadlineMs } = options
    return session.query<Row>(this.#query(what, values, { ...options, deadlineMs }))
  }

  /** Those of the work that asks; null: none. */
  get bounds(): Bounds | null {
    return this.#bounds?.getStore()?.current ?? null
  }

  /** Work whose statements keep to bounds until it has ended: what it leaves behind is free of them. */
  async bounded<T>(bounds: Bounds, work: () => Promise<T>): Promise<T> {
    this.#bounds ??= new AsyncLocalStorage()
    const held: { current: Bounds | null } = { current: bounds }
    try {
      return await this.#bounds.run(held, work)
    } finally {
      held.current = null
    }
  }

  /** Work that continues after the bounded one that starts it. */
  unbounded<T>(work: () => Promise<T>): Promise<T> {
    return this.#bounds === null ? work() : this.#bounds.run({ current: null }, work)
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
