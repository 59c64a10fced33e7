import type { ActedBy } from '../../core/action-options.ts'
import type { AuditOutcome } from '../../core/audit-entry.ts'
import { isChancyError } from '../../core/errors.ts'
import { newId } from '../../core/reference.ts'
import type { Database } from '../../database/database.ts'
import type { Session } from '../../database/driver.ts'
import { recordAction, wasRecorded } from '../../database/statements/audit.ts'
import type { Hub } from '../../events/hub.ts'
import { isRefusedRight, type StatementRunner } from '../statement-runner.ts'

/** What is done, and to what. */
export interface Deed {
  /** Such as `jobs.cancel`. */
  readonly verb: string
  /** Such as `job:<id>`. */
  readonly target: string | null
  readonly filter?: string | null
  readonly bulkId?: string | null
}

/** What came of it. */
export interface Acted<T> {
  readonly value: T
  /** Default: `'done'`. */
  readonly outcome?: AuditOutcome
  readonly code?: string
  readonly before?: unknown
  readonly after?: unknown
  readonly jobs?: number
  /** It has done a part alone, so nothing is written down yet. Default: false. */
  readonly isSilent?: boolean
}

/** What an action runs its statements with: `session` is inside of its transaction. */
export type Act<T> = (database: Database, session: Session) => Promise<Acted<T>>

/** Writes down what is done, in the transaction that does it. */
export class AuditLog {
  readonly #statements: StatementRunner
  readonly #hub: Hub

  constructor(statements: StatementRunner, hub: Hub) {
    this.#statements = statements
    this.#hub = hub
  }

  /**
   * Does something in a transaction with the row that says so. An action that throws is written down as refused, in a
   * transaction of its own, and throws still. When the answer to the commit was lost, the row says whether it was done.
   */
  async act<T>(by: ActedBy, deed: Deed, work: Act<T>): Promise<T> {
    let acted: Acted<T> | null = null
    let id: string | null = null
    try {
      await this.#statements.again(async (database, isInDoubt) => {
        id ??= newId(database.clock.now())
        if (isInDoubt && acted !== null && (await isThere(database, id))) return
        acted = null
        await database.driver.transaction(async (session) => {
          const result = await work(database, session)
          if (result.isSilent !== true)
            await write(database, id as string, by, deed, result, session)
          acted = result
        })
      })
    } catch (error) {
      if (isChancyError(error) && !UNKNOWN.includes(error.code)) {
        await this.#refused(by, deed, error.code)
      }
      throw error
    }
    const { value, outcome = 'done', code, jobs, isSilent } = acted as unknown as Acted<T>
    if (isSilent !== true) this.#emit(by, deed, outcome, code ?? null, jobs ?? null)
    return value
  }

  /** The same inside a transaction that something else commits. */
  async actInside<T>(by: ActedBy, deed: Deed, session: Session, work: Act<T>): Promise<T> {
    const value = await this.#statements.translatingErrors(async () => {
      const { database } = this.#statements
      const acted = await work(database, session)
      await write(database, newId(database.clock.now()), by, deed, acted, session)
      return acted.value
    })
    return value
  }

  /** Writes down what was decided elsewhere, such as a request that was refused. */
  async record(by: ActedBy, deed: Deed, result: Acted<unknown>): Promise<void> {
    const { database } = this.#statements
    const id = newId(database.clock.now())
    // Repeated under the same id, so that it is written once.
    await this.#statements.again(() => write(database, id, by, deed, result))
    const { outcome = 'done', code, jobs } = result
    this.#emit(by, deed, outcome, code ?? null, jobs ?? null)
  }

  /** What cannot be written down must not hide the error that it is about. */
  async #refused(by: ActedBy, deed: Deed, code: string): Promise<void> {
    try {
      await this.record(by, deed, { value: null, outcome: 'refused', code })
    } catch (error) {
      // A role that may not act may not write it down either.
      if (isRefusedRight(error)) return
      this.#hub.emit('database.error', { what: 'writing down a refused action', error })
    }
  }

  #emit(
    { actor, reason }: ActedBy,
    { verb, target }: Deed,
    outcome: AuditOutcome,
    code: string | null,
    jobs: number | null,
  ): void {
    if (outcome === 'refused')
      this.#hub.emit('action.refused', { verb, target, actor, reason, code })
    else this.#hub.emit('action.done', { verb, target, actor, reason, jobs })
  }
}

/** Errors after which nothing is known of the action, or nothing can be written down. */
const UNKNOWN: readonly string[] = [
  'DATABASE_UNREACHABLE',
  'DATABASE_DEADLINE',
  'OUTCOME_UNKNOWN',
  'MIGRATIONS_NEEDED',
  'CLOSED',
]

async function isThere(database: Database, id: string): Promise<boolean> {
  const [row] = await database.run(wasRecorded, [id])
  return row?.recorded === true
}

async function write(
  database: Database,
  id: string,
  by: ActedBy,
  deed: Deed,
  { outcome = 'done', code, before, after, jobs }: Acted<unknown>,
  session?: Session,
): Promise<void> {
  const json = (value: unknown): string | null =>
    value === undefined || value === null ? null : JSON.stringify(value)
  await database.run(
    recordAction,
    [
      ...[id, deed.verb, deed.target, deed.filter ?? null, json(before), json(after)],
      ...[json(by.actor), by.reason, outcome, code ?? null, jobs ?? null],
      ...[by.address, by.requestId, deed.bulkId ?? null],
    ] as never,
    session === undefined ? {} : { session },
  )
}
