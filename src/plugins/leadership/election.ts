import { Gate } from '../../core/gate.ts'
import { loggedError } from '../../database/logged-error.ts'
import { isConnectionLoss } from '../../database/sql-state.ts'
import type { PluginContext } from '../../plugin/access/plugin-access.ts'
import { ELECTION_LOOP, type Leadership } from '../../plugin/parts/leadership.ts'
import { Loop } from '../../services/loop.ts'
import { elect, renew, resign } from './statements.ts'

export interface LeaderTimes {
  /** After the leader is killed, another worker leads within this time. */
  readonly leaseMs: number
  /** How often the leader renews. */
  readonly renewMs: number
}

/** The row ends this much before the lease, so that there is time to notice it. */
const NOTICE = 0.05
/** The leader stops this much before the row ends: its clock may run slower than the database's. */
const MARGIN = 0.1
/** The most that candidates wait beyond the end of the row, in milliseconds, so that not all try at the same time. */
const SPREAD_MS = 100
/** How long a resignation may take, in milliseconds: a lease that is not released runs out. */
const RESIGN_MS = 1_000

/**
 * One worker's part in the election. A candidate tries at its start, when a leader resigns, and when
 * the lease of the leader ends; the leader renews. What counts is the row in the table `leader`, with
 * its term, on the clock of the database; the gate closes earlier, by the monotonic clock of this process.
 */
export class Election implements Leadership {
  readonly #context: PluginContext
  readonly #times: LeaderTimes
  readonly #rowMs: number
  readonly #gate: Gate
  readonly #loop: Loop
  #term: { readonly workerId: string; readonly id: string } | null = null

  constructor(context: PluginContext, times: LeaderTimes) {
    const { clock, log } = context
    this.#context = context
    this.#times = times
    this.#rowMs = times.leaseMs * (1 - NOTICE)
    this.#gate = new Gate({
      clock,
      onOpen: () => {
        const event = { workerId: context.workerId }
        log.info(event, 'leadership gained')
        context.emit('leadership.gained', event)
      },
      onClose: () => {
        const event = { workerId: this.#term?.workerId ?? context.workerId }
        log.info(event, 'leadership lost')
        context.emit('leadership.lost', event)
      },
    })
    this.#loop = new Loop({
      clock,
      pass: () => this.#pass(),
      onError: (error) => {
        const level = isConnectionLoss(error) ? 'debug' : 'error'
        log[level](loggedError(error), 'leader election failed')
      },
    })
    this.#loop.start()
  }

  get isOpen(): boolean {
    return this.#gate.isOpen
  }

  opened(signal: AbortSignal): Promise<AbortSignal> {
    return this.#gate.opened(signal)
  }

  wake(): void {
    if (!this.isOpen) this.#loop.wake()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#gate.close()
    const term = this.#term
    if (term === null) return
    const { database, log, wake } = this.#context
    try {
      await database.run(resign, [term.workerId, term.id], { deadlineMs: RESIGN_MS })
      await wake(ELECTION_LOOP)
    } catch (error) {
      log.debug(loggedError(error), 'leadership was not released and ends with its lease')
    }
  }

  async #pass(): Promise<number> {
    // After a lost lease of the worker the term belongs to an id that is gone.
    if (this.#term !== null && this.#term.workerId !== this.#context.workerId) this.#end()
    return this.#term === null ? this.#elect() : this.#renew(this.#term)
  }

  async #elect(): Promise<number> {
    const { workerId, database, clock } = this.#context
    const requestedAt = clock.monotonic()
    const [row] = await database.run(elect, [workerId, this.#rowMs], this.#options)
    if (row?.term == null) return Math.max(0, row?.left_ms ?? 0) + Math.random() * SPREAD_MS
    this.#term = { workerId, id: row.term }
    this.#trust(requestedAt)
    return this.#times.renewMs
  }

  async #renew({ workerId, id }: { workerId: string; id: string }): Promise<number> {
    const { database, clock } = this.#context
    const requestedAt = clock.monotonic()
    try {
      const [row] = await database.run(renew, [workerId, this.#rowMs, id], this.#options)
      if (row !== undefined) {
        this.#trust(requestedAt)
        return this.#times.renewMs
      }
    } catch (error) {
      this.#gate.close()
      throw error
    }
    this.#end()
    return 0
  }

  /** From before the request, since it is not known when it was done. */
  #trust(requestedAt: number): void {
    this.#gate.open(requestedAt + this.#rowMs - this.#times.leaseMs * MARGIN)
  }

  #end(): void {
    this.#gate.close()
    this.#term = null
  }

  get #options(): { readonly deadlineMs: number } {
    return { deadlineMs: Math.max(1_000, this.#times.leaseMs / 3) }
  }
}
