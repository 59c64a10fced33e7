import type { Clock } from '../core/clock.ts'
import { DatabaseError, type ErrorCode, isChancyError, UniqueKeyError } from '../core/errors.ts'
import type { PushRow } from '../core/push-row.ts'
import type { Database } from '../database/database.ts'
import type { Session } from '../database/driver.ts'
import { classify, retrying } from '../database/retry.ts'
import { INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, sqlStateOf } from '../database/sql-state.ts'
import type { ClaimedRow } from '../database/statements/jobs.ts'
import {
  drawPlaces,
  type PushAnswer,
  pushAlike,
  pushAndClaim,
  pushJobs,
} from '../database/statements/push.ts'
import type { Hub } from '../events/hub.ts'
import type { BulkTurn } from './bulk-turn.ts'
import type { LocalClaims, OfferedClaim } from './local-claims.ts'
import { alikeValues, type PushMode, pushAndClaimValues, pushValues } from './push-statement.ts'
import type { WakeEvent, WakeNotices } from './wake-notices.ts'

/** What became of one row: the id of the job that stands for it. */
export type Pushed = { readonly id: string; readonly created: boolean }

export interface PusherOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  /** Null: no notifications at all. */
  readonly notices: WakeNotices | null
  readonly localClaims: LocalClaims
  readonly deadlineMs: number
  /** Makes an error of Chancy of what the database refused. */
  readonly explained: (error: unknown) => Promise<unknown>
}

/** How long one statement waits for a unique key of an open transaction, in milliseconds. */
export const KEY_WAIT_MS = 1_000

/** Closer than this, a scheduled time may be over by the database's clock, in milliseconds. */
const SOON_MS = 60_000

/** A claim without an answer is looked for by its worker, and that waits for every other claim. */
const CLAIM_DEADLINE_MS = 5_000

/** What PostgreSQL takes as a time, in milliseconds. */
const MAX_IDLE_MS = 2_147_483_647

/** Errors of a database that was away all the time. */
const PASSING: readonly ErrorCode[] = [
  'DATABASE_UNREACHABLE',
  'DATABASE_DEADLINE',
  'OUTCOME_UNKNOWN',
]

interface Wake {
  readonly event: WakeEvent
  readonly queue: string
}

/** The batch before was not committed at its first try; nothing of this one was written. */
export class OutOfTurn extends Error {}

/** A unique key of a batch is held by an open transaction, and nothing of the batch was written. */
export class KeyBusy extends Error {}

/**
 * Writes batches of rows.
 *
 * A row's id is made before the first try and kept, so a try whose answer was lost is made again
 * without doing anything twice. Inside a caller's transaction nothing is retried and nothing is
 * swallowed: the error is the caller's.
 */
export class Pusher {
  readonly #options: PusherOptions
  /** Whether the role may write rows itself, which is faster than by a function: true until refused. */
  #mayInsert = true

  constructor(options: PusherOptions) {
    this.#options = options
  }

  /**
   * In order of the rows. Rejects as a whole, with the error of the last try.
   *
   * @param options.keyWaitMs how long one try waits for a busy unique key.
   * @param options.isPatient whether a busy key is tried again until the deadline; otherwise it
   *   rejects at once, with `KeyBusy`.
   * @param options.wasTried whether a call before this one may have written the rows.
   */
  async push(
    rows: readonly PushRow[],
    options: {
      readonly keyWaitMs?: number
      readonly isPatient?: boolean
      readonly wasTried?: boolean
    } = {},
  ): Promise<Pushed[]> {
    const { keyWaitMs = KEY_WAIT_MS, isPatient = true } = options
    let wasTried = options.wasTried ?? false
    const { clock, deadlineMs, localClaims } = this.#options
    // What was tried before is looked for, and must not be inserted as new.
    let offer = wasTried ? null : localClaims.offerFor(rows)
    const endsAt = clock.monotonic() + deadlineMs
    const leftMs = (): number => Math.max(0, endsAt - clock.monotonic())
    let isTaken = false
    const write = async (waiting: readonly PushRow[]) => {
      const again = wasTried
      wasTried = true
      if (offer !== null) {
        const once = offer
        // A second try looks for what became of the first, and for nothing else.
        offer = null
        isTaken = await this.#writeAndClaim(waiting, once, leftMs())
        return new Map<string, string | null>()
      }
      try {
        return await this.#write(waiting, {
          again,
          lockMs: keyWaitMs,
          deadlineMs: Math.max(keyWaitMs + 1_000, leftMs()),
        })
      } catch (error) {
        if (isPatient || sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error
        throw new KeyBusy('busy', { cause: error })
      }
    }
    try {
      const pushed = await this.#settled(rows, (waiting) =>
        retrying(() => write(waiting), {
          clock,
          deadlineMs: leftMs(),
          idempotent: true,
        }),
      )
      this.#emit(rows, isTaken)
      return pushed
    } catch (error) {
      // They may be there, and nobody hears his own notification.
      if (isChancyError(error) && error.code === 'OUTCOME_UNKNOWN') this.#emit(rows, false)
      throw error instanceof KeyBusy ? error : await this.#explained(error, rows)
    }
  }

  /** What to throw when the time for a busy key is over. */
  keyBusy(rows: readonly PushRow[], cause: unknown): UniqueKeyError {
    const keys = rows.map((row) => row.uniqueKey).filter((key) => key !== null)
    const which = keys.length === 1 ? `"${keys[0]}"` : `of one of ${keys.length} jobs`
    return new UniqueKeyError(
      'UNIQUE_KEY_BUSY',
      `An open transaction elsewhere holds the unique key ${which} and did not end within ${this.#options.deadlineMs} ms. Push again later, or shorten that transaction.`,
      { details: { keys: keys.slice(0, 10) }, cause },
    )
  }

  /** In the caller's transaction. */
  async pushIn(session: Session, rows: readonly PushRow[]): Promise<Pushed[]> {
    return this.#settled(rows, (waiting) =>
      this.#write(waiting, { again: false, lockMs: 0, session }),
    )
  }

  /**
   * One try, in a transaction that draws and commits behind the batch before it. No row has a unique
   * key. Errors are the driver's, or `OutOfTurn`.
   */
  async pushInTurn(rows: readonly PushRow[], turn: BulkTurn): Promise<Pushed[]> {
    const { database, notices, deadlineMs } = this.#options
    const { payloads, later } = this.#notices(rows, false)
    // Half of the time, so that the next try has the other half.
    const idleMs = Math.ceil(Math.min(deadlineMs, MAX_IDLE_MS) / 2)
    await database.driver.transaction(async (session) => {
      const [drawn] = await database.run(drawPlaces, [rows.length, idleMs], { session, deadlineMs })
      turn.drawn()
      this.#mayInsert = drawn?.may_insert === true
      const mode = { again: false, lockMs: 0, payloads, bases: drawn?.bases ?? null }
      await this.#insert(rows, mode, { session, deadlineMs })
      if (!(await turn.mayCommit())) throw new OutOfTurn('out of turn')
    })
    turn.committed()
    for (const { event, queue } of later) notices?.announce(event, queue)
    this.#emit(rows, false)
    return rows.map(({ id }) => ({ id, created: true }))
  }

  /** Tells the runners of this process; those of others hear by notification. */
  #emit(rows: readonly PushRow[], isTaken: boolean): void {
    const { hub } = this.#options
    for (const { event, queue } of this.#wakes(rows)) {
      hub.emit(event, isTaken ? { queue, isTaken } : { queue })
    }
  }

  /** What there is to tell of the rows, each once. */
  #wakes(rows: readonly PushRow[]): Iterable<Wake> {
    const soonMs = this.#options.clock.now() + SOON_MS
    const wakes = new Map<string, Wake>()
    const add = (event: WakeEvent, queue: string): void => {
      wakes.set(`${event} ${queue}`, { event, queue })
    }
    for (const { queue, scheduledAtMs, delayMs } of rows) {
      const isDated = scheduledAtMs !== null || delayMs !== null
      if (isDated) add('job.scheduled', queue)
      // The database decides by its own clock whether it is due already: then it is in the line.
      const isSoon = scheduledAtMs === null ? !delayMs : scheduledAtMs <= soonMs
      if (isSoon) add('queue.pushed', queue)
    }
    return wakes.values()
  }

  /**
   * Writes until every row has a job that stands for it. A holder of a unique key may finish between
   * the insert and the look for it; then the key is free and the row is written again.
   */
  async #settled(
    rows: readonly PushRow[],
    write: (rows: readonly PushRow[]) => Promise<Map<string, string | null>>,
  ): Promise<Pushed[]> {
    const standing = new Map<string, string>()
    for (let waiting = rows; waiting.length > 0; ) {
      const held = await write(waiting)
      for (const [id, holder] of held) if (holder !== null) standing.set(id, holder)
      waiting = waiting.filter((row) => held.get(row.id) === null)
    }
    return rows.map((row) => {
      const id = standing.get(row.id) ?? row.id
      return { id, created: id === row.id }
    })
  }

  async #write(
    rows: readonly PushRow[],
    mode: { again: boolean; lockMs: number; session?: Session; deadlineMs?: number },
  ): Promise<Map<string, string | null>> {
    const isUnique = rows.some((row) => row.uniqueKey !== null)
    const { session, deadlineMs } = mode
    const { payloads, later } = this.#notices(rows, session !== undefined)
    const answers = await this.#insert(
      rows,
      { again: mode.again, lockMs: isUnique ? mode.lockMs : 0, payloads, bases: null },
      {
        ...(session === undefined ? {} : { session }),
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
      },
    )
    for (const { event, queue } of later) this.#options.notices?.announce(event, queue)
    return new Map(answers.map(({ pushed, holder }) => [pushed, holder]))
  }

  /** By the statement that is the fastest for these rows. */
  async #insert(
    rows: readonly PushRow[],
    mode: PushMode,
    options: { session?: Session; deadlineMs?: number },
  ): Promise<PushAnswer[]> {
    const { database } = this.#options
    // In a transaction of the caller the role may be another; and planned anew each time, as there, the
    // call of a function is the faster one.
    const isOwn = options.session === undefined || mode.bases !== null
    const mayInsert = !database.isPooled && isOwn && this.#mayInsert
    const alike = mayInsert ? alikeValues(rows, mode) : null
    if (alike !== null) {
      try {
        await database.run(pushAlike, alike, options)
        return []
      } catch (error) {
        const isRefused = sqlStateOf(error) === INSUFFICIENT_PRIVILEGE
        if (!isRefused || options.session !== undefined) throw error
        this.#mayInsert = false
      }
    }
    const values = pushValues(rows, mode)
    return options.session === undefined
      ? database.engine(pushJobs, values, options)
      : database.run(pushJobs, values, options)
  }

  /** Says whether every row was claimed here, and so concerns nobody else. */
  async #writeAndClaim(
    rows: readonly PushRow[],
    offer: OfferedClaim,
    deadlineMs: number,
  ): Promise<boolean> {
    const { database } = this.#options
    const { payloads, later } = this.#notices(rows, false)
    const values = pushAndClaimValues(rows, payloads, offer.request)
    const options = { deadlineMs: Math.min(CLAIM_DEADLINE_MS, deadlineMs) }
    let claimed: readonly ClaimedRow[]
    try {
      claimed = await database.engine(pushAndClaim, values, options)
    } catch (error) {
      offer.lost()
      throw error
    }
    offer.answered(claimed)
    const ids = new Set(claimed.map(({ id }) => id))
    const isTaken = rows.every(({ id }) => ids.has(id))
    if (!isTaken) {
      for (const { event, queue } of later) this.#options.notices?.announce(event, queue)
    }
    return isTaken
  }

  /** What travels with the commit, and what is to be told after it. */
  #notices(rows: readonly PushRow[], isCallers: boolean): { payloads: string[]; later: Wake[] } {
    const { notices } = this.#options
    const payloads: string[] = []
    const later: Wake[] = []
    if (notices === null) return { payloads, later }
    for (const wake of this.#wakes(rows)) {
      const { event, queue } = wake
      // A caller's transaction commits when it likes, so no window can be counted on; and its
      // notification must not look like one that this process has acted on already.
      const payload = isCallers ? `${event} ${queue}` : notices.take(event, queue)
      if (payload === null) later.push(wake)
      else payloads.push(payload)
    }
    return { payloads, later }
  }

  async #explained(error: unknown, rows: readonly PushRow[]): Promise<unknown> {
    const { database, deadlineMs, explained } = this.#options
    if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) return this.keyBusy(rows, error)
    const known = isChancyError(error) ? error.code : null
    if (known === null ? classify(error) === 'caller' : !PASSING.includes(known)) {
      return explained(error)
    }
    const hint =
      database.driver.sessions === 1
        ? ' If a transaction of the same connection is open, push inside it: push(job, { session }).'
        : ''
    const message = (error as Error).message.replace(/\.$/, '')
    return new DatabaseError(
      `The database did not confirm the push within ${deadlineMs} ms: ${message}.${hint}`,
      {
        code: known === 'OUTCOME_UNKNOWN' ? known : 'DATABASE_UNREACHABLE',
        details: { sqlState: sqlStateOf(error) ?? null, deadlineMs },
        cause: error,
      },
    )
  }
}
