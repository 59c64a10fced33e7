import type { Clock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import {
  DEFAULT_DEADLINE_MS,
  type Driver,
  type Listener,
  type Query,
  type ReservedSession,
  type Session,
} from '../driver.ts'
import { deadlineError, sessionGone, withDeadline } from './deadline.ts'
import { checkDriverOptions } from './driver-options.ts'
import { quoteChannel } from './subscription.ts'

/** The parts of PGlite that are used, by shape. A transaction has the first two only. */
export interface PGliteSession {
  query(text: string, values: never[], options: object): Promise<{ readonly rows: unknown[] }>
  exec(text: string): Promise<unknown>
}

/** What `pgliteDriver` takes. */
export interface PGliteDatabase extends PGliteSession {
  transaction<T>(
    work: (transaction: PGliteSession & PGliteEnd) => Promise<T>,
  ): Promise<T | undefined>
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>
}

interface PGliteEnd {
  rollback(): Promise<void>
}

/** Options of `pgliteDriver(db, options)`. */
export interface PGliteDriverOptions {
  /** Unused: taken so that every driver is made alike. */
  readonly clock?: Clock | undefined
}

// Everything is sent as text and typed by the server, as with the other libraries. PGlite looks a
// serializer up by OID, and its own refuse a text for a boolean and a number for a text.
const asIs = (value: string): string => value
const SERIALIZERS: object = new Proxy({}, { get: () => asIs })
const PARSERS: object = {
  16: (text: string) => text === 't',
  21: Number,
  23: Number,
  25: asIs,
  700: Number,
  701: Number,
}
const OPTIONS = { serializers: SERIALIZERS, parsers: PARSERS, rowMode: 'object' }

const PUT_IN_ORDER = 'ROLLBACK; RESET ALL; SELECT pg_catalog.pg_advisory_unlock_all()'

/**
 * A driver over a PGlite database, which the caller made and closes.
 *
 * PGlite has one session for everything. A transaction has it for itself; reserved sessions take
 * turns. A call that passes its deadline rejects, but PGlite cannot be interrupted: the statement
 * runs to its end.
 *
 * @throws {ConfigError} when it is not a PGlite database, or an option is wrong
 */
export function pgliteDriver(db: PGliteDatabase, options: PGliteDriverOptions = {}): Driver {
  checkDatabase(db)
  checkDriverOptions(options, 'pgliteDriver', ['clock'])
  return new PGliteDriver(db)
}

class PGliteDriver implements Driver {
  readonly sessions = 1
  readonly #db: PGliteDatabase
  readonly #unlisten = new Set<() => Promise<void>>()
  #lastReserved: Promise<void> = Promise.resolve()

  constructor(db: PGliteDatabase) {
    this.#db = db
  }

  query<Row = never>(query: Query): Promise<Row[]> {
    return sendToPGlite(this.#db, query)
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    let isOver = false
    const result = await this.#db.transaction(async (transaction) => {
      const query = <Row>(one: Query): Promise<Row[]> => {
        if (isOver) return Promise.reject(sessionGone('its transaction has ended'))
        return sendToPGlite<Row>(transaction, one)
      }
      try {
        await query({ text: 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED', values: [] })
        return await work({ query })
      } finally {
        isOver = true
      }
    })
    // Undefined only where `work` gave that, or rolled back by itself, which a Session cannot.
    return result as T
  }

  async reserve(): Promise<ReservedSession> {
    const before = this.#lastReserved
    let free = (): void => {}
    this.#lastReserved = new Promise((resolve) => {
      free = resolve
    })
    await before
    let isReleased = false
    return {
      query: (query) => {
        if (isReleased) return Promise.reject(sessionGone('it was released'))
        return sendToPGlite(this.#db, query)
      },
      release: (destroy = false) => {
        if (isReleased) return
        isReleased = true
        // There is no second session to continue with, so this one is put back in order.
        const ready = destroy ? this.#db.exec(PUT_IN_ORDER).catch(() => {}) : Promise.resolve()
        void ready.then(free)
      },
    }
  }

  async listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    const stop = await this.#db.listen(quoteChannel(channel), (payload) =>
      listener.onPayload(payload),
    )
    const unlisten = async (): Promise<void> => {
      if (this.#unlisten.delete(unlisten)) await stop()
    }
    this.#unlisten.add(unlisten)
    return unlisten
  }

  async close(): Promise<void> {
    await Promise.all([...this.#unlisten].map((unlisten) => unlisten()))
  }
}

/** Sends one statement to a PGlite database or transaction. */
export async function sendToPGlite<Row>(
  session: PGliteSession,
  { text, values, deadlineMs = DEFAULT_DEADLINE_MS }: Query,
): Promise<Row[]> {
  const sent = values.map((value) => (value === null || value === undefined ? null : String(value)))
  const answer = session.query(text, sent as never[], OPTIONS)
  const { rows } = await withDeadline(answer, deadlineMs, () => deadlineError(deadlineMs, true))
  // The statement asks for these columns; the driver cannot know them.
  return rows as Row[]
}

function checkDatabase(db: unknown): asserts db is PGliteDatabase {
  const given = (db ?? {}) as Partial<PGliteDatabase & PGliteEnd>
  const isSession = typeof given.query === 'function' && typeof given.exec === 'function'
  if (!isSession || typeof given.transaction !== 'function' || typeof given.listen !== 'function')
    throw new ConfigError(
      'pgliteDriver was given something that is not a PGlite database. Give it one: ' +
        'pgliteDriver(await PGlite.create())',
    )
}
