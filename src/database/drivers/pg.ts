import { type Clock, Deadline, systemClock } from '../../core/clock.ts'
import { ConfigError, DatabaseError } from '../../core/errors.ts'
import {
  type Address,
  DEFAULT_DEADLINE_MS,
  type Driver,
  type Listener,
  type Pooler,
  type Query,
  type ReservedSession,
  type Session,
} from '../driver.ts'
import {
  classify,
  DUPLICATE_STATEMENT,
  IN_FAILED_TRANSACTION,
  INVALID_STATEMENT_NAME,
  sqlStateOf,
} from '../sql-state.ts'
import { deadlineError, unreachable } from './deadline.ts'
import { checkDriverOptions } from './driver-options.ts'
import { addressOf } from './pg-address.ts'
import { listenOn } from './pg-listen.ts'
import { checkPool, settingsOf, sizeOf } from './pg-pool.ts'
import {
  giveBack,
  isDeadline,
  isSpoiled,
  type PgOwner,
  PgReservedSession,
  send,
  toPgQuery,
} from './pg-session.ts'
import {
  destroySocket,
  type PgClient,
  type PgOwnClient,
  type PgPool,
  type PgPoolClient,
} from './pg-shapes.ts'
import { ConnectionWatch } from './pg-watch.ts'
import { BACKEND_DEADLINE_MS, BACKEND_TEXT, type BackendPair, probePooler } from './pooler-probe.ts'
import { CLOSE_DEADLINE_MS } from './subscription.ts'

export type { PgPool } from './pg-shapes.ts'

/** Options of `pgDriver(pool, options)`. */
export interface PgDriverOptions {
  /** `'transaction'` behind PgBouncer and the like: nothing is prepared, LISTEN is refused. */
  readonly pooler?: 'transaction' | undefined
  /** Time for the listener's probe. Default: the real clock. */
  readonly clock?: Clock | undefined
}

// A number that another server, or another client of this one, has been given is left alone.
const TERMINATE_TEXT = `
  SELECT pg_catalog.pg_terminate_backend(pid) AS was_there
    FROM pg_catalog.pg_stat_activity
   WHERE pid = $1
     AND usename = current_user
     AND application_name = pg_catalog.current_setting('application_name')`
const TERMINATE_DEADLINE_MS = 5_000
const POOL_IS_BUSY = 'timeout exceeded when trying to connect'

type PgClientClass = new (options: object) => PgOwnClient

/** What a driver knows of the pool that was made for it. */
export interface OwnPool {
  close(): Promise<void>
  readonly address: Address
  /** Whether a connection may still be used. */
  accepts(client: object): boolean
}

/**
 * A driver over a `Pool` of `pg` that the caller made and closes.
 *
 * @throws {ConfigError} when it is not a pool, or one in binary mode, or an option is wrong
 */
export function pgDriver(pool: PgPool, options: PgDriverOptions = {}): Driver {
  checkPool(pool)
  checkDriverOptions(options, 'pgDriver')
  return new PgDriver(pool, options)
}

// Pools whose errors are handled: several drivers may share one.
const handled = new WeakSet<PgPool>()

/** Also used by `pgFromDsn`, which owns its pool. */
export class PgDriver implements Driver {
  readonly sessions: number
  readonly #pool: PgPool
  readonly #options: PgDriverOptions
  readonly #own: OwnPool | undefined
  // Listeners are added once to a client, not once a checkout: they would pile up.
  readonly #guarded = new Set<PgPoolClient>()
  readonly #watch: ConnectionWatch
  readonly #unlisten = new Set<() => Promise<void>>()
  readonly #owner: PgOwner
  // Counts the times that a prepared statement turned out stale. It is part of the names, so that no
  // other connection of the pool meets the same stale plan again.
  #generation = 0
  #pooler: Promise<Pooler | null> | null = null
  #isPooled: boolean
  #closing: Promise<void> | null = null

  constructor(pool: PgPool, options: PgDriverOptions, own?: OwnPool) {
    this.#pool = pool
    this.#options = options
    this.#isPooled = options.pooler !== undefined
    this.#own = own
    this.#watch = new ConnectionWatch({ newClient: () => this.#newProbe() })
    this.#owner = {
      nameOf: (query) => this.#nameOf(query),
      watch: this.#watch,
      onDeadline: (client) => this.#stopOnServer(client),
    }
    this.sessions = sizeOf(pool)
    // A backend that is terminated while idle is news for the pool; unheard it ends the process.
    if (!handled.has(pool)) pool.on('error', () => {})
    handled.add(pool)
  }

  async query<Row = never>(query: Query): Promise<Row[]> {
    try {
      return await this.#queryOnce<Row>(query, this.#nameOf(query))
    } catch (error) {
      if (classify(error) !== 'stale-statement') throw error
      this.#staleStatement(error)
      // Without a name there is no plan that could be stale, whichever connection it gets.
      return await this.#queryOnce<Row>(query, undefined)
    }
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#reserve()
    try {
      await session.query({ text: 'BEGIN ISOLATION LEVEL READ COMMITTED', values: [] })
      const result = await work({ query: (query) => session.query(query) })
      const { command } = await session.run({ text: 'COMMIT', values: [] })
      // The server answers COMMIT with ROLLBACK when a statement had failed and `work` continued.
      if (command === 'ROLLBACK') throw rolledBack()
      return result
    } catch (error) {
      if (classify(error) === 'stale-statement') this.#staleStatement(error)
      const rollback = { text: 'ROLLBACK', values: [] }
      if (!session.spoiled) await session.query(rollback).catch(() => session.release(true))
      throw error
    } finally {
      session.release()
    }
  }

  reserve(): Promise<ReservedSession> {
    return this.#reserve()
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    // It would be left behind in a session that belongs to others.
    await this.findPooler()
    if (this.#isPooled)
      throw new ConfigError(
        'Behind a transaction pooler LISTEN receives nothing. Poll instead, or give a driver with ' +
          'direct connections',
      )
    const client = this.#ownClient()
    const unlisten = await listenOn(client, channel, listener, {
      clock: this.#options.clock,
      watch: this.#watch,
    })
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
    const clients: PgPoolClient[] = []
    try {
      const pooler = await probePooler(async (turn) => {
        const place = this.sessions > 1 ? turn % 2 : 0
        clients[place] ??= await this.#checkOut(BACKEND_DEADLINE_MS)
        return lookAt(clients[place])
      })
      if (pooler === 'transaction') this.#isPooled = true
      return pooler
    } finally {
      for (const client of clients) giveBack(client, false)
    }
  }

  /** Its name is not used again. A pooler that no option names makes any name useless. */
  #staleStatement(error: unknown): void {
    this.#generation++
    const state = sqlStateOf(error)
    if (state === DUPLICATE_STATEMENT) this.#isPooled = true
    else if (state === INVALID_STATEMENT_NAME) this.findPooler().catch(() => {})
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#watch.close()
    await Promise.all([...this.#unlisten].map((unlisten) => unlisten()))
    // What is still answered is waited for, but not for ever.
    const deadline = new Deadline(CLOSE_DEADLINE_MS, () => {
      for (const client of this.#guarded) destroySocket(client)
    })
    await this.#own?.close()
    deadline.clear()
  }

  async address(): Promise<Address | null> {
    if (this.#own !== undefined) return this.#own.address
    const address = addressOf(this.#pool.options)
    const { pooler } = this.#options
    return address === null || pooler === undefined ? address : { ...address, pooler }
  }

  async #queryOnce<Row>(query: Query, name: string | undefined): Promise<Row[]> {
    const deadlineMs = query.deadlineMs ?? DEFAULT_DEADLINE_MS
    const startedAt = systemClock.monotonic()
    const client = await this.#checkOut(deadlineMs)
    const leftMs = Math.max(1, deadlineMs - (systemClock.monotonic() - startedAt))
    try {
      const { rows } = await send(client, toPgQuery(query, name), leftMs, this.#watch)
      giveBack(client, false)
      // The statement asks for these columns; the driver cannot know them.
      return rows as Row[]
    } catch (error) {
      giveBack(client, isSpoiled(error))
      if (isDeadline(error) && query.text !== TERMINATE_TEXT) this.#stopOnServer(client)
      throw error
    }
  }

  #nameOf(query: Query): string | undefined {
    if (query.name === undefined || this.#isPooled) return undefined
    return this.#generation === 0 ? query.name : `${query.name}_${this.#generation}`
  }

  // A backend that waits for a lock does not see that its socket is gone: it would stay there,
  // holding what it holds, and later still do what was asked. Behind a pooler its number is not known.
  #stopOnServer({ processID }: PgClient): void {
    if (typeof processID !== 'number' || this.#isPooled) return
    const query = { text: TERMINATE_TEXT, values: [processID], deadlineMs: TERMINATE_DEADLINE_MS }
    this.#queryOnce(query, undefined).catch(() => {})
  }

  async #reserve(): Promise<PgReservedSession> {
    return new PgReservedSession(await this.#checkOut(DEFAULT_DEADLINE_MS), this.#owner)
  }

  /** A client of the pool. Waiting for one counts towards the deadline. */
  #checkOut(deadlineMs: number): Promise<PgPoolClient> {
    return new Promise((resolve, reject) => {
      let isLate = false
      const deadline = new Deadline(deadlineMs, () => {
        isLate = true
        reject(deadlineError(deadlineMs, false))
      })
      const checkOut = (): unknown => this.#pool.connect(settle)
      const settle = (error: Error | undefined, client: PgPoolClient | undefined): void => {
        if (client) this.#guard(client)
        if (isLate) {
          client?.release()
        } else if (error?.message === POOL_IS_BUSY) {
          // The pool limits the wait for a free client by the time that a connection may take to be made.
          checkOut()
        } else if (client && !this.#isFit(client)) {
          giveBack(client, true)
          checkOut()
        } else {
          deadline.clear()
          if (client) resolve(client)
          else reject(unreachable(error))
        }
      }
      checkOut()
    })
  }

  /** Whether its server was not left behind, and it did not die in silence with another one. */
  #isFit(client: PgPoolClient): boolean {
    return this.#own?.accepts(client) !== false && !this.#watch.isSuspect(client)
  }

  #guard(client: PgPoolClient): void {
    if (this.#guarded.has(client)) return
    this.#guarded.add(client)
    // The query that runs is rejected by itself, and the next one says that the client is dead.
    client.on('error', () => {})
    client.on('end', () => this.#guarded.delete(client))
  }

  /** Null behind a pooler, which does not know of backends, and where the pool says no class. */
  #newProbe(): PgOwnClient | null {
    const { Client } = this.#pool as PgPool & { Client?: PgClientClass }
    return this.#isPooled || Client === undefined ? null : this.#ownClient()
  }

  #ownClient(): PgOwnClient {
    // pg-pool keeps the class that it makes its clients of; its types do not say so.
    const { Client } = this.#pool as PgPool & { Client?: PgClientClass }
    if (Client === undefined)
      throw new ConfigError(
        'This pool does not say how its clients are made (it has no "Client"), so that it cannot ' +
          'listen. Give a Pool of "pg", or turn notifications off',
      )
    return new Client({ keepAlive: true, ...settingsOf(this.#pool) })
  }
}

async function lookAt(client: PgPoolClient): Promise<BackendPair> {
  const query = toPgQuery({ text: BACKEND_TEXT, values: [] })
  const { rows } = await send(client, query, BACKEND_DEADLINE_MS)
  const { pid } = rows[0] as { pid: number }
  // pg-native does not say what it was given.
  return { given: client.processID ?? pid, answering: pid }
}

function rolledBack(): DatabaseError {
  return new DatabaseError(
    'The transaction was rolled back: a statement in it had failed, and the error was not passed on',
    { code: 'DATABASE_FAILED', details: { sqlState: IN_FAILED_TRANSACTION } },
  )
}
