import type { Clock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import type {
  Address,
  Driver,
  Listener,
  Pooler,
  Query,
  ReservedSession,
  Session,
} from '../driver.ts'
import { classify, FEATURE_NOT_SUPPORTED, sqlStateOf } from '../sql-state.ts'
import { checkDriverOptions } from './driver-options.ts'
import { probePooler } from './pooler-probe.ts'
import { reserveFrom, transactionOn } from './postgres-js-held.ts'
import { listenThrough } from './postgres-js-listen.ts'
import { lookAt, send } from './postgres-js-session.ts'
import { addressOf, checkRoot } from './postgres-js-settings.ts'
import type { PostgresJs, PostgresJsSettings } from './postgres-js-shapes.ts'

export type { PostgresJs } from './postgres-js-shapes.ts'

/** Options of `postgresJsDriver(sql, options)`. */
export interface PostgresJsDriverOptions {
  /** `'transaction'` behind PgBouncer and the like: nothing is prepared, LISTEN is refused. */
  readonly pooler?: 'transaction' | undefined
  /** Time for the listener's probe. Default: the real clock. */
  readonly clock?: Clock | undefined
}

/**
 * A driver over the `sql` of postgres.js, which the caller made and ends.
 *
 * A statement that passes its deadline is cancelled by the server. Two things postgres.js (3.4.9)
 * keeps out of reach, so where connections break often use `pg`: a connection to a server that
 * cannot be reached any more stays taken until TCP gives up (`keep_alive`); and one that is lost in
 * the very turn in which a statement is written never says hello again, so that each later use of
 * its place in the pool ends after `connect_timeout` (porsager/postgres #1193, #1209, #1215).
 *
 * @throws {ConfigError} when it is not a root `sql`, or one that changes rows on their way, or an
 *   option is wrong
 */
export function postgresJsDriver(sql: PostgresJs, options: PostgresJsDriverOptions = {}): Driver {
  checkRoot(sql)
  checkDriverOptions(options, 'postgresJsDriver')
  return new PostgresJsDriver(sql, options)
}

class PostgresJsDriver implements Driver {
  readonly sessions: number
  readonly #sql: PostgresJs
  readonly #settings: PostgresJsSettings
  readonly #options: PostgresJsDriverOptions
  readonly #unlisten = new Set<() => Promise<void>>()
  #pooler: Promise<Pooler | null> | null = null
  #isPooled: boolean

  constructor(sql: PostgresJs, options: PostgresJsDriverOptions) {
    this.#sql = sql
    this.#settings = sql.options
    this.#options = options
    this.#isPooled = options.pooler !== undefined
    this.sessions = this.#settings.max ?? 10
  }

  async query<Row = never>(query: Query): Promise<Row[]> {
    const options = { tries: this.sessions }
    try {
      return await send(this.#sql, this.#named(query), options)
    } catch (error) {
      if (!isLostName(error)) throw error
      await this.findPooler()
      return await send(this.#sql, unnamed(query), options)
    }
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return transactionOn(this.#sql, this.sessions, (session) =>
      work({ query: (query) => session.query(this.#named(query)) }),
    )
  }

  async reserve(): Promise<ReservedSession> {
    const session = await reserveFrom(this.#sql, this.sessions)
    return {
      query: (query) => session.query(this.#named(query)),
      release: (destroy) => session.release(destroy),
    }
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    // It would be left behind in a session that belongs to others.
    await this.findPooler()
    if (this.#isPooled)
      throw new ConfigError(
        'Behind a transaction pooler LISTEN receives nothing. Poll instead, or give a driver with ' +
          'direct connections',
      )
    const unlisten = await listenThrough(this.#sql, channel, listener, this.#options.clock)
    const forget = async (): Promise<void> => {
      this.#unlisten.delete(forget)
      await unlisten()
    }
    this.#unlisten.add(forget)
    return forget
  }

  get isPooled(): boolean {
    return this.#isPooled
  }

  findPooler(): Promise<Pooler | null> {
    this.#pooler ??= this.#findPooler().catch((error) => {
      this.#pooler = null
      throw error
    })
    return this.#pooler
  }

  async #findPooler(): Promise<Pooler | null> {
    const look = () => lookAt(this.#sql)
    // Two concurrently, so that there are two connections; then they are used in turn.
    const pooler = await probePooler(async (turn) =>
      turn === 1 ? (await Promise.all([look(), look()]))[0] : look(),
    )
    if (pooler === 'transaction') this.#isPooled = true
    return pooler
  }

  async close(): Promise<void> {
    await Promise.all([...this.#unlisten].map((unlisten) => unlisten()))
  }

  async address(): Promise<Address | null> {
    const address = addressOf(this.#settings)
    const { pooler } = this.#options
    return address === null || pooler === undefined ? address : { ...address, pooler }
  }

  #named(query: Query): Query {
    return this.#isPooled ? unnamed(query) : query
  }
}

function unnamed({ name: _, ...query }: Query): Query {
  return query
}

/** The session has no statement of this name, or another one: postgres.js itself replaces a stale plan. */
function isLostName(error: unknown): boolean {
  return classify(error) === 'stale-statement' && sqlStateOf(error) !== FEATURE_NOT_SUPPORTED
}
