import { callAfter, Deadline, systemClock } from '../../core/clock.ts'
import {
  destroySocket,
  PG_TYPES,
  type PgClient,
  type PgOwnClient,
  type PgQuery,
} from './pg-shapes.ts'

/**
 * Finds connections that died in silence: no reset came, so a statement on one would wait for its
 * whole deadline, and the idle ones of the pool would fail one after the other.
 *
 * A statement without an answer for a second is asked about on a new connection: one that its backend
 * does not work on, or whose backend is gone, will not be answered any more. One that waits for a lock
 * or works for long is left to its deadline. Behind a pooler the number of the backend is not known,
 * and only deadlines show a loss.
 */

/** A statement is silent when it has had no answer for so long, in milliseconds. */
export const SILENCE_MS = 1_000
/** How long a probe may take, from the first packet to the answer. */
const PROBE_DEADLINE_MS = 2_000
/** A probe that is not answered does not hold up the next one. */
const MAX_PROBES = 2
/** A statement with more than this may still be on its way, in characters. */
const MAX_SENT_CHARS = 65_536

/**
 * The backends that may still answer, and that of this very connection. One that fell idle a moment ago
 * has answered, and its answer is on its way.
 */
const PROBE_TEXT = `
  SELECT pg_catalog.pg_backend_pid() AS own,
         (SELECT pg_catalog.string_agg(a.pid::text, ',')
            FROM pg_catalog.pg_stat_activity a
           WHERE a.pid = ANY ($1::text::int4[])
             AND (a.state IS NULL OR a.state NOT IN ('idle', 'idle in transaction', 'idle in transaction (aborted)')
                  OR a.state_change > pg_catalog.now() - '500 ms'::interval)) AS busy`

interface ProbeRow {
  readonly own: number
  readonly busy: string | null
}

/** A statement that was sent and has no answer yet. */
export interface SentStatement {
  readonly client: PgClient
  readonly query: PgQuery
  /** Monotonic milliseconds. */
  readonly sentAt: number
  /** It will not be answered any more. */
  readonly onLost: () => void
}

interface Silent extends SentStatement {
  readonly pid: number
  /** Not to be asked about before. */
  dueAt: number
}

export interface ConnectionWatchOptions {
  /** A new client of the same server that is not connected. Null: there cannot be one. */
  readonly newClient: () => PgOwnClient | null
}

export class ConnectionWatch {
  readonly #options: ConnectionWatchOptions
  readonly #silent = new Set<Silent>()
  readonly #probes = new Set<PgOwnClient>()
  readonly #answeredAt = new WeakMap<PgClient, number>()
  readonly #onLoss = new Set<() => void>()
  /** Connections that have not answered since then are replaced. */
  #suspectBefore = Number.NEGATIVE_INFINITY
  /** Cancels the next round of probes. */
  #cancel: (() => void) | null = null
  #isOff = false

  constructor(options: ConnectionWatchOptions) {
    this.#options = options
  }

  /** An answer came on this connection. */
  answered(client: PgClient): void {
    this.#answeredAt.set(client, systemClock.monotonic())
  }

  /** Whether another connection was lost in silence since this one last answered. */
  isSuspect(client: PgClient): boolean {
    return (this.#answeredAt.get(client) ?? Number.POSITIVE_INFINITY) < this.#suspectBefore
  }

  /** A statement sent at that time was never answered. */
  lost(sentAt: number): void {
    this.#suspectBefore = Math.max(this.#suspectBefore, sentAt)
    for (const onLoss of this.#onLoss) onLoss()
  }

  /** Calls back at every loss. Returns what ends that. */
  onLoss(callback: () => void): () => void {
    this.#onLoss.add(callback)
    return () => this.#onLoss.delete(callback)
  }

  /** Asks about a statement that is silent. Returns what ends that: it was answered. */
  add(statement: SentStatement): () => void {
    const { processID } = statement.client
    if (this.#isOff || typeof processID !== 'number' || isLarge(statement.query)) return () => {}
    const silent = { ...statement, pid: processID, dueAt: 0 }
    this.#silent.add(silent)
    this.#probe()
    return () => this.#silent.delete(silent)
  }

  close(): void {
    this.#isOff = true
    this.#cancel?.()
    this.#silent.clear()
    for (const probe of this.#probes) destroySocket(probe)
  }

  #probe(): void {
    const now = systemClock.monotonic()
    const due = [...this.#silent].filter(({ dueAt }) => dueAt <= now)
    if (due.length > 0 && this.#probes.size < MAX_PROBES) void this.#ask(due)
    const again = (): void => {
      this.#cancel = null
      if (this.#silent.size > 0) this.#probe()
    }
    this.#cancel ??= callAfter(systemClock, SILENCE_MS, again, 'lets-process-end')
  }

  /** A probe that fails says nothing: the server cannot be reached, or has no connection left. */
  async #ask(due: readonly Silent[]): Promise<void> {
    const client = this.#isOff ? null : this.#options.newClient()
    if (client === null) return
    this.#probes.add(client)
    try {
      const row = await probe(client, `{${due.map(({ pid }) => pid).join()}}`)
      this.#judge(due, row, client)
      client.end(() => {})
    } catch {
      // Asked again in a moment, while it is silent.
    } finally {
      this.#probes.delete(client)
    }
  }

  #judge(due: readonly Silent[], { own, busy }: ProbeRow, { processID }: PgClient): void {
    if (own !== processID) {
      // A pooler: the numbers that its clients know are its own.
      this.#isOff = true
      return
    }
    const pids = new Set((busy ?? '').split(','))
    const now = systemClock.monotonic()
    for (const silent of due) {
      if (!this.#silent.has(silent)) continue
      if (pids.has(String(silent.pid))) silent.dueAt = now + (now - silent.sentAt)
      else silent.onLost()
    }
  }
}

function isLarge({ text, values }: PgQuery): boolean {
  let chars = text.length
  for (const value of values) chars += typeof value === 'string' ? value.length : 8
  return chars > MAX_SENT_CHARS
}

function probe(client: PgOwnClient, pids: string): Promise<ProbeRow> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(PROBE_DEADLINE_MS, () => fail(new Error('no answer')))
    function fail(error: Error): void {
      deadline.clear()
      reject(error)
      destroySocket(client)
    }
    client.on('error', fail)
    client.connect((error) => {
      if (error) return fail(error)
      const query: PgQuery = {
        text: PROBE_TEXT,
        values: [pids],
        types: PG_TYPES,
        queryMode: 'extended',
      }
      client.query(query, (failure, result) => {
        deadline.clear()
        if (failure) fail(failure)
        else resolve(result.rows[0] as ProbeRow)
      })
    })
  })
}
