import type { Clock } from '../../core/clock.ts'
import { DatabaseError, type ErrorCode, isChancyError, UniqueKeyError } from '../../core/errors.ts'
import type { PushRow } from '../../core/push-row.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import type { Session, Value } from '../../database/driver.ts'
import { classify, type Retry, retrying } from '../../database/retry.ts'
import { LOCK_NOT_AVAILABLE, sqlStateOf } from '../../database/sql-state.ts'
import type { Statement } from '../../database/statement.ts'
import type { ClaimAnswerRow } from '../../database/statements/jobs.ts'
import {
  drawPositions,
  lockPushedId,
  type PushAnswer,
  pushAndClaim,
  pushAndClaimValues,
  pushBatchJobs,
  pushJobs,
  pushTaken,
  pushTakenValues,
  pushValues,
} from '../../database/statements/push.ts'
import { getStates } from '../../database/statements/queued-jobs.ts'
import type { Hub } from '../../events/hub.ts'
import type { BulkTurn } from './bulk-turn.ts'
import type { ClaimOffer, LocalClaimOffers } from './local-claim-offers.ts'
import type { NotifyThrottle, WakeEvent } from './notify-throttle.ts'

/** What became of one row: the id of the job that stands for it. */
export type Pushed = { readonly id: string; readonly created: boolean }

export interface PushWriterOptions {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  /** Null: no notifications at all. */
  readonly throttle: NotifyThrottle | null
  readonly claimOffers: LocalClaimOffers
  readonly deadlineMs: number
  /** Makes an error of Chancy of what the database refused. */
  readonly translateError: (error: unknown) => Promise<unknown>
}

/** How long one statement waits for a unique key of an open transaction, in milliseconds. */
export const KEY_WAIT_MS = 1_000

/** A time closer than this may have passed by the database's clock, in milliseconds. */
const SOON_MS = 60_000

/** A claim without an answer makes its worker wait for every other claim, so it gets less time; in milliseconds. */
const CLAIM_DEADLINE_MS = 5_000

/** The longest timeout that PostgreSQL accepts, in milliseconds. */
const MAX_IDLE_MS = 2_147_483_647

/** Errors of a database that was unreachable until the deadline. */
const PASSING: readonly ErrorCode[] = [
  'DATABASE_UNREACHABLE',
  'DATABASE_DEADLINE',
  'OUTCOME_UNKNOWN',
]

interface Wake {
  readonly event: WakeEvent
  readonly queue: string
}

/** The previous batch was not committed at its first try; nothing of this one was written. */
export class PredecessorFailed extends Error {}

/** A unique key of a batch is held by an open transaction, and nothing of the batch was written. */
export class UniqueKeyBusy extends Error {}

/**
 * Writes batches of rows.
 *
 * A row's id is made before the first try and kept, so a try whose answer was lost is made again
 * without doing anything twice. Inside a caller's transaction nothing is retried, and errors pass through.
 */
export class PushWriter {
  readonly #options: PushWriterOptions

  constructor(options: PushWriterOptions) {
    this.#options = options
  }

  /**
   * In order of the rows. Rejects as a whole, with the error of the last try.
   *
   * @param options.keyWaitMs how long one try waits for a busy unique key.
   * @param options.isPatient whether a busy key is tried again until the deadline; otherwise it
   *   rejects immediately, with `UniqueKeyBusy`.
   * @param options.batch of which batch the rows are jobs.
   * @param options.wasTried whether a call before this one may have written the rows.
   * @param options.isInDoubt whether its commit was sent and not answered.
   */
  async push(
    rows: readonly PushRow[],
    options: {
      readonly keyWaitMs?: number
      readonly isPatient?: boolean
      readonly wasTried?: boolean
      readonly isInDoubt?: boolean
      readonly batch?: string
    } = {},
  ): Promise<Pushed[]> {
    const { keyWaitMs = KEY_WAIT_MS, isPatient = true, batch = null } = options
    let wasTried = options.wasTried ?? false
    const { clock, deadlineMs, claimOffers } = this.#options
    // Rows that may have been written must not be inserted as new.
    let offer = wasTried || batch !== null ? null : claimOffers.offerFor(rows)
    const endsAt = clock.monotonic() + deadlineMs
    const leftMs = (): number => Math.max(0, endsAt - clock.monotonic())
    let isTaken = false
    const write = async (waiting: readonly PushRow[]) => {
      const again = wasTried
      wasTried = true
      if (offer !== null) {
        const once = offer
        // The next try only finds out what became of this one.
        offer = null
        isTaken = await this.#writeAndClaim(waiting, once, leftMs())
        return new Map<string, string | null>()
      }
      try {
        return await this.#write(waiting, {
          again,
          batch,
          lockMs: keyWaitMs,
          deadlineMs: Math.max(keyWaitMs + 1_000, leftMs()),
        })
      } catch (error) {
        if (isPatient || sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error
        throw new UniqueKeyBusy('busy', { cause: error })
      }
    }
    try {
      const pushed = await this.#settled(rows, (waiting) =>
        retrying(() => write(waiting), {
          clock,
          deadlineMs: leftMs(),
          idempotent: true,
          isInDoubt: options.isInDoubt,
        }),
      )
      this.#emit(rows, isTaken)
      return pushed
    } catch (error) {
      // The rows may be committed, and a process ignores its own notifications.
      if (isChancyError(error) && error.code === 'OUTCOME_UNKNOWN') this.#emit(rows, false)
      throw error instanceof UniqueKeyBusy ? error : await this.#translateError(error, rows)
    }
  }

  /**
   * A row whose id another call may push concurrently: one of them makes the job. A lock of the id makes the others
   * wait for its commit, and find its row.
   */
  async pushAs(row: PushRow): Promise<Pushed> {
    const { clock, database, deadlineMs } = this.#options
    const endsAt = clock.monotonic() + deadlineMs
    let isInDoubt = false
    const write = () =>
      database.driver.transaction(async (session): Promise<Pushed> => {
        const leftMs = Math.max(KEY_WAIT_MS + 1_000, endsAt - clock.monotonic())
        const options = { session, deadlineMs: leftMs }
        await database.run(lockPushedId, [row.id], options)
        const there = await database.run(getStates, [plainArray([row.id])], options)
        // A try of this call whose answer was lost may have written it.
        if (there.length > 0) return { id: row.id, created: isInDoubt }
        const mode = { again: false, batch: null, lockMs: KEY_WAIT_MS, session }
        const [pushed] = await this.#settled([row], (waiting) => this.#write(waiting, mode))
        return pushed as Pushed
      })
    try {
      const onRetry = ({ verdict }: Retry): void => {
        isInDoubt ||= verdict === 'ambiguous'
      }
      const pushed = await retrying(write, { clock, deadlineMs, idempotent: true, onRetry })
      if (pushed.created) this.#emit([row], false)
      return pushed
    } catch (error) {
      if (isChancyError(error) && error.code === 'OUTCOME_UNKNOWN') this.#emit([row], false)
      throw await this.#translateError(error, [row])
    }
  }

  /** The error for a key that was busy until the deadline. */
  keyBusy(rows: readonly PushRow[], cause: unknown): UniqueKeyError {
    const keys = rows.map((row) => row.uniqueKey).filter((key) => key !== null)
    const which = keys.length === 1 ? `"${keys[0]}"` : `of one of ${keys.length} jobs`
    return new UniqueKeyError(
      'UNIQUE_KEY_BUSY',
      `An open transaction elsewhere holds the unique key ${which} and did not end within ${this.#options.deadlineMs} ms. Push again later, or shorten that transaction.`,
      { details: { keys: keys.slice(0, 10) }, cause },
    )
  }

  /** In the caller's transaction, which has made the batch where there is one. */
  async pushIn(
    session: Session,
    rows: readonly PushRow[],
    batch: string | null = null,
  ): Promise<Pushed[]> {
    return this.#settled(rows, (waiting) =>
      this.#write(waiting, { again: false, batch, lockMs: 0, session }),
    )
  }

  /**
   * One try, in a transaction that draws positions and commits after the previous batch. No row has a unique
   * key. Errors are the driver's, or `PredecessorFailed`.
   */
  async pushInTurn(rows: readonly PushRow[], turn: BulkTurn): Promise<Pushed[]> {
    const { database, throttle, deadlineMs } = this.#options
    const { payloads, later } = this.#notifications(rows, false)
    // Half of the time, so that the next try has the other half.
    const idleMs = Math.ceil(Math.min(deadlineMs, MAX_IDLE_MS) / 2)
    await database.driver.transaction(async (session) => {
      const [drawn] = await database.run(drawPositions, [rows.length, idleMs], {
        session,
        deadlineMs,
      })
      turn.drawn()
      const mode = { again: false, lockMs: 0, payloads, blockStarts: drawn?.block_starts ?? null }
      await database.run(pushJobs, pushValues(rows, mode), { session, deadlineMs })
      if (!(await turn.mayCommit())) throw new PredecessorFailed('out of turn')
      turn.committing()
    })
    turn.committed()
    for (const { event, queue } of later) throttle?.announce(event, queue)
    this.#emit(rows, false)
    return rows.map(({ id }) => ({ id, created: true }))
  }

  /** Wakes the queue runners of this process; a notification wakes those of others. */
  #emit(rows: readonly PushRow[], isTaken: boolean): void {
    const { hub } = this.#options
    for (const { event, queue } of this.#wakes(rows)) {
      hub.emit(event, isTaken ? { queue, isTaken } : { queue })
    }
  }

  /** The events of the rows, each once. */
  #wakes(rows: readonly PushRow[]): Iterable<Wake> {
    const soonMs = this.#options.clock.now() + SOON_MS
    const wakes = new Map<string, Wake>()
    const add = (event: WakeEvent, queue: string): void => {
      wakes.set(`${event} ${queue}`, { event, queue })
    }
    for (const { queue, scheduledAtMs, delayMs } of rows) {
      const isDated = scheduledAtMs !== null || delayMs !== null
      if (isDated) add('job.scheduled', queue)
      // The database decides by its own clock whether it is due already: then it is ready.
      const isSoon = scheduledAtMs === null ? !delayMs : scheduledAtMs <= soonMs
      if (isSoon) add('queue.pushed', queue)
    }
    return wakes.values()
  }

  /**
   * Writes until every row has a job that stands for it. A holder of a unique key may finish between
   * the insert and the search for it; then the key is free and the row is written again.
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
    mode: {
      again: boolean
      batch: string | null
      lockMs: number
      session?: Session
      deadlineMs?: number
    },
  ): Promise<Map<string, string | null>> {
    const { database } = this.#options
    const { again, batch, session, deadlineMs } = mode
    const isUnique = rows.some((row) => row.uniqueKey !== null)
    const { payloads, later } = this.#notifications(rows, session !== undefined)
    const lockMs = isUnique ? mode.lockMs : 0
    const push = { again, lockMs, payloads, blockStarts: null }
    const given = session === undefined && deadlineMs !== undefined ? { deadlineMs } : {}
    const call = <V extends readonly Value[]>(statement: Statement<V, PushAnswer>, values: V) =>
      session === undefined
        ? database.engine(statement, values, given)
        : database.run(statement, values, { session })
    const isTaking = isUnique && rows.some((row) => row.isTaking)
    const answers =
      batch !== null
        ? await call(pushBatchJobs, [batch, ...pushTakenValues(rows, push)])
        : isTaking
          ? await call(pushTaken, pushTakenValues(rows, push))
          : await call(pushJobs, pushValues(rows, push))
    for (const { event, queue } of later) this.#options.throttle?.announce(event, queue)
    return new Map(answers.map(({ pushed, holder }) => [pushed, holder]))
  }

  /** Returns whether every row was claimed by this process, so that no other has to be notified. */
  async #writeAndClaim(
    rows: readonly PushRow[],
    offer: ClaimOffer,
    deadlineMs: number,
  ): Promise<boolean> {
    const { database } = this.#options
    const { payloads, later } = this.#notifications(rows, false)
    const values = pushAndClaimValues(rows, payloads, offer.request)
    const options = { deadlineMs: Math.min(CLAIM_DEADLINE_MS, deadlineMs) }
    let claimed: readonly ClaimAnswerRow[]
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
      for (const { event, queue } of later) this.#options.throttle?.announce(event, queue)
    }
    return isTaken
  }

  /** The notifications that travel with the commit, and the events to announce after it. */
  #notifications(
    rows: readonly PushRow[],
    isCallers: boolean,
  ): { payloads: string[]; later: Wake[] } {
    const { throttle } = this.#options
    const payloads: string[] = []
    const later: Wake[] = []
    if (throttle === null) return { payloads, later }
    for (const wake of this.#wakes(rows)) {
      const { event, queue } = wake
      // A caller's transaction may commit after the end of the window; and its notification must not
      // look like one that this process has acted on already.
      const payload = isCallers ? `${event} ${queue}` : throttle.take(event, queue)
      if (payload === null) later.push(wake)
      else payloads.push(payload)
    }
    return { payloads, later }
  }

  async #translateError(error: unknown, rows: readonly PushRow[]): Promise<unknown> {
    const { database, deadlineMs, translateError } = this.#options
    if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) return this.keyBusy(rows, error)
    const known = isChancyError(error) ? error.code : null
    if (known === null ? classify(error) === 'caller' : !PASSING.includes(known)) {
      return translateError(error)
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
