import { Deadline, systemClock } from '../../core/clock.ts'
import { DatabaseError } from '../../core/errors.ts'
import { DEFAULT_DEADLINE_MS, type Query, type ReservedSession, type Session } from '../driver.ts'
import { classify, isConnectionLoss, sqlStateOf } from '../sql-state.ts'
import { deadlineError, sessionGone } from './deadline.ts'
import {
  destroySocket,
  PG_TYPES,
  type PgClient,
  type PgPoolClient,
  type PgQuery,
  type PgResult,
} from './pg-shapes.ts'
import { type ConnectionWatch, SILENCE_MS } from './pg-watch.ts'

/** What a session asks of the driver that lent it. */
export interface PgOwner {
  /** How a query's name becomes that of a prepared statement. Undefined: it is not prepared. */
  nameOf(query: Query): string | undefined
  readonly watch: ConnectionWatch
  /** Its connection was closed by a deadline; the server does not know yet. */
  onDeadline(client: PgClient): void
}

/** A query as `pg` takes it. `extended` refuses two statements in one text, as PGlite does. */
export function toPgQuery({ text, values }: Query, name?: string): PgQuery {
  const sent = new Array<unknown>(values.length)
  for (let i = 0; i < values.length; i++) sent[i] = values[i] ?? null
  const query = { text, values: sent, types: PG_TYPES, queryMode: 'extended' } as const
  return name === undefined ? query : { ...query, name }
}

/**
 * Sends one statement. When the deadline passes first, or the watch finds that the connection is dead,
 * the socket is destroyed.
 */
export function send(
  client: PgClient,
  query: PgQuery,
  deadlineMs: number,
  watch?: ConnectionWatch,
): Promise<PgResult> {
  return new Promise((resolve, reject) => {
    const sentAt = systemClock.monotonic()
    let unwatch: (() => void) | null = null
    const onLost = (): void => {
      deadline.clear()
      unwatch?.()
      watch?.lost(sentAt)
      reject(deadlineError(systemClock.monotonic() - sentAt, true))
      destroySocket(client)
    }
    const isWatched = watch !== undefined && deadlineMs > SILENCE_MS
    let deadline = new Deadline(isWatched ? SILENCE_MS : deadlineMs, () => {
      if (!isWatched) return onLost()
      deadline = new Deadline(deadlineMs - SILENCE_MS, onLost)
      unwatch = watch.add({ client, query, sentAt, onLost })
    })
    client.query(query, (error, result) => {
      deadline.clear()
      unwatch?.()
      if (error) {
        reject(error)
      } else {
        watch?.answered(client)
        resolve(result)
      }
    })
  })
}

export function isDeadline(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === 'DATABASE_DEADLINE'
}

/** Whether a session is unfit for another statement after this error. */
export function isSpoiled(error: unknown): boolean {
  const verdict = classify(error)
  if (verdict === 'stale-statement' || verdict === 'wrong-node') return true
  // Without a SQLSTATE it did not come from the server: the protocol is in doubt.
  return sqlStateOf(error) === undefined || isConnectionLoss(error)
}

/**
 * One checked-out client. Statements that are sent side by side wait for each other: `pg` would
 * queue them too, but has deprecated that.
 */
export class PgSession implements Session {
  readonly #client: PgClient
  readonly #owner: PgOwner
  #tail: Promise<unknown> = Promise.resolve()
  #isOver = false
  /** Set by the first error that leaves the connection in doubt. */
  spoiled: unknown

  constructor(client: PgClient, owner: PgOwner) {
    this.#client = client
    this.#owner = owner
  }

  async query<Row = never>(query: Query): Promise<Row[]> {
    // The statement asks for these columns; the driver cannot know them.
    return (await this.run(query)).rows as Row[]
  }

  run(query: Query): Promise<PgResult> {
    const sent = this.#tail.then(() => this.#send(query))
    this.#tail = sent.catch(() => {})
    return sent
  }

  end(): void {
    this.#isOver = true
  }

  async #send(query: Query): Promise<PgResult> {
    if (this.#isOver) throw sessionGone('it was released, or its transaction has ended')
    if (this.spoiled) throw sessionGone('its connection was lost', this.spoiled)
    try {
      const deadlineMs = query.deadlineMs ?? DEFAULT_DEADLINE_MS
      const { watch } = this.#owner
      return await send(
        this.#client,
        toPgQuery(query, this.#owner.nameOf(query)),
        deadlineMs,
        watch,
      )
    } catch (error) {
      if (isSpoiled(error)) this.spoiled = error
      if (isDeadline(error)) this.#owner.onDeadline(this.#client)
      throw error
    }
  }
}

/** A session that goes back to the pool when it is released. */
export class PgReservedSession extends PgSession implements ReservedSession {
  readonly #pooled: PgPoolClient
  #isReleased = false

  constructor(client: PgPoolClient, owner: PgOwner) {
    super(client, owner)
    this.#pooled = client
  }

  release(destroy = false): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.end()
    giveBack(this.#pooled, destroy || this.spoiled !== undefined)
  }
}

/** Back to the pool, or out of it together with its socket. */
export function giveBack(client: PgPoolClient, destroy: boolean): void {
  if (destroy) destroySocket(client)
  client.release(destroy)
}
