import { checkOptions, inspect } from '../../core/check.ts'
import { type Clock, callAfter, callEvery, systemClock } from '../../core/clock.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import {
  ChancyError,
  ConfigError,
  type ErrorCode,
  isChancyError,
  jobNotFound,
} from '../../core/errors.ts'
import {
  FINISHED_STATES,
  JOB_STATES,
  type JobState,
  type QueuedJob,
} from '../../core/queued-job.ts'
import { plainArray } from '../../database/array-literal.ts'
import { queuedJob } from '../../database/rows.ts'
import { addWaiters, getAwaited, removeWaiters } from '../../database/statements/queued-jobs.ts'
import type { Hub } from '../../events/hub.ts'
import { isRefusedRight, type StatementRunner } from '../statement-runner.ts'
import { type OverdueWait, timedOut } from './wait-timeout.ts'

/** How often waits poll, in milliseconds: the delay that a lost notification costs. */
const POLL_MS = 1_000
/** When to check again after a wait was registered, in milliseconds. */
const CHECKS_AFTER_MS = [25, 150]
/** How many checks between two polls notifications about one job may cause, which any role may send. */
const MAX_HINTS = 4
/** How long a registration is kept at most, in milliseconds: a process that died leaves it behind. */
const MAX_REGISTERED_MS = 86_400_000

/** Options of `waitForJob` and `waitForJobs`. */
export interface WaitOptions<S extends JobState = JobState> {
  /** Which states to wait for; they replace the default. Default: the finished ones. */
  readonly states?: readonly S[]
  /** How long to wait, in milliseconds or like `'30s'`. Default: no limit. */
  readonly timeout?: Duration
  /** Ends the wait with the signal's reason. Default: none. */
  readonly signal?: AbortSignal
}

interface Search<T> {
  readonly states: ReadonlySet<string>
  readonly left: Set<string>
  /** Of each that is no longer left, how it was when its state was one of them. */
  readonly found: Map<string, T>
}

interface Wait<T> extends Search<T> {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What is waited for: jobs, or workflows. */
export interface WaitSubject<T> {
  /** The method of users, for messages. */
  readonly method: string
  readonly states: readonly string[]
  readonly finished: readonly string[]
  /** The state of each that there is, and a snapshot of those whose state is one of the wanted. */
  read(ids: readonly string[], states: ReadonlySet<string>): Promise<ReadonlyMap<string, Known<T>>>
  notFound(id: string): Error
  /** Never rejects. */
  timedOut(overdue: OverdueWait): Promise<Error>
}

/** The state of what is waited for at one check. */
export interface Known<T> {
  readonly state: string
  /** Null in a state that no wait is for. */
  readonly snapshot: T | null
}

/** Jobs, by their ids. */
export function awaitedJobs(statements: StatementRunner): WaitSubject<QueuedJob> {
  return {
    method: 'waitForJob',
    states: JOB_STATES,
    finished: FINISHED_STATES,
    notFound: jobNotFound,
    timedOut: (overdue) => timedOut(statements, overdue),
    read: async (ids, states) => {
      const values = [plainArray(ids), plainArray([...states])] as const
      const rows = await statements.read(getAwaited, values)
      return new Map(
        rows.map((row) => {
          const snapshot = row.id === null ? null : queuedJob(row)
          return [row.known_id, { state: row.known_state, snapshot }]
        }),
      )
    },
  }
}

/**
 * Waits for jobs or workflows by event, with one poll for all waits of the process behind it. Waits are rows of a
 * table that the finish statement reads only when it is not empty, so jobs without a wait cost no more.
 */
export class Waiter<T> {
  readonly #subject: WaitSubject<T>
  readonly #statements: StatementRunner
  readonly #hub: Hub
  readonly #clock: Clock
  readonly #notifications: boolean
  /** Whether the role may register a wait: true until refused. */
  #mayRegister = true
  readonly #waits = new Set<Wait<T>>()
  /** How many waits of this process there are for a job, which has one row for all of them. */
  readonly #wanted = new Map<string, number>()
  readonly #toAdd = new Map<string, number>()
  readonly #toRemove = new Set<string>()
  /** Checks since the last poll that notifications about a job have caused. */
  readonly #hinted = new Map<string, number>()
  #writing: Promise<void> | null = null
  #endPolls: (() => void) | null = null
  #unlisten: (() => void)[] = []
  #checking: Promise<void> | null = null
  #checkAgain = false
  #isClosed = false

  constructor(
    subject: WaitSubject<T>,
    statements: StatementRunner,
    hub: Hub,
    clock: Clock,
    notifications: boolean,
  ) {
    this.#subject = subject
    this.#statements = statements
    this.#hub = hub
    this.#clock = clock
    this.#notifications = notifications
  }

  /**
   * Resolves when every job was in one of the states, with a snapshot of each from then, in order.
   *
   * @throws {NotFoundError} immediately when one is not committed, later when one was pruned
   * @throws {WaitTimedOutError}
   */
  async waitFor(ids: readonly string[], options: object | undefined): Promise<T[]> {
    const given =
      options === undefined
        ? {}
        : checkOptions(options, ['states', 'timeout', 'signal'], this.#subject.method)
    const states = checkStates(given.states, this.#subject)
    const timeoutMs =
      given.timeout === undefined
        ? null
        : durationMs(given.timeout, `${this.#subject.method}: timeout`)
    const signal = checkSignal(given.signal, this.#subject.method)
    signal?.throwIfAborted()

    const search = { states, left: new Set(ids), found: new Map<string, T>() }
    this.#strike(search, await this.#subject.read([...search.left], states))
    if (search.left.size > 0) await this.#wait(search, timeoutMs, signal)
    return ids.map((id) => search.found.get(id)!)
  }

  /** Ends all waits; resolves when nothing more is written to the table of waits. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const wait of this.#waits) wait.reject(closedDuringWait())
    // The waits unregister on their next turn.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#writing !== null) await this.#writing
  }

  async #wait(
    search: Search<T>,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { states, left } = search
    const asked = [...left]
    let cancelTimer: (() => void) | undefined
    let abort: (() => void) | undefined
    let wait: Wait<T> | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        wait = { ...search, resolve, reject }
        this.#waits.add(wait)
        this.#begin()
        abort = () => reject(signal?.reason)
        signal?.addEventListener('abort', abort, { once: true })
        // Both may have come during the first read, and neither comes twice.
        if (signal?.aborted === true) abort()
        if (this.#isClosed) reject(closedDuringWait())
        if (timeoutMs !== null) {
          const over = { left, states, timeoutMs }
          cancelTimer = callAfter(this.#clock.limits ?? this.#clock, timeoutMs, () => {
            void this.#subject.timedOut(over).then(reject)
          })
        }
        this.#register(asked, timeoutMs)
      })
    } finally {
      cancelTimer?.()
      if (abort !== undefined) signal?.removeEventListener('abort', abort)
      if (wait !== undefined) this.#waits.delete(wait)
      if (this.#waits.size === 0) this.#end()
      this.#unregister(asked)
    }
  }

  #register(ids: readonly string[], timeoutMs: number | null): void {
    const untilMs = Math.min(timeoutMs ?? MAX_REGISTERED_MS, MAX_REGISTERED_MS)
    for (const id of ids) {
      const count = this.#wanted.get(id) ?? 0
      this.#wanted.set(id, count + 1)
      if (count === 0 && !this.#toRemove.delete(id)) this.#toAdd.set(id, untilMs)
    }
    this.#writing ??= this.#flush()
  }

  #unregister(ids: readonly string[]): void {
    for (const id of ids) {
      const count = this.#wanted.get(id) ?? 0
      if (count > 1) {
        this.#wanted.set(id, count - 1)
      } else {
        this.#wanted.delete(id)
        if (!this.#toAdd.delete(id)) this.#toRemove.add(id)
      }
    }
    this.#writing ??= this.#flush()
  }

  /** Writes to the table what has changed, for all waits together, one statement after the other. */
  async #flush(): Promise<void> {
    // One turn of the event loop, so that waits that begin or end together share a statement.
    await null
    do {
      const added = [...this.#toAdd]
      const removed = [...this.#toRemove]
      this.#toAdd.clear()
      this.#toRemove.clear()
      if (this.#notifications && this.#mayRegister) await this.#write(added, removed)
      // The job may have finished between the first check and the registration.
      this.#checkSoon()
    } while (this.#toAdd.size > 0 || this.#toRemove.size > 0)
    this.#writing = null
  }

  /**
   * A finish that was about to commit has not seen the registration, and the check right after that
   * does not see the finish: so there are two more before the poll.
   */
  #checkSoon(): void {
    for (const ms of [0, ...CHECKS_AFTER_MS]) {
      callAfter(systemClock, ms, () => this.#check(), 'lets-process-end')
    }
  }

  async #write(added: [id: string, untilMs: number][], removed: string[]): Promise<void> {
    try {
      if (added.length > 0) {
        const ids = plainArray(added.map(([id]) => id))
        await this.#statements.runOnce(addWaiters, [ids, Math.max(...added.map(([, ms]) => ms))])
      }
      // Rows that are not removed expire.
      if (removed.length > 0) await this.#statements.runOnce(removeWaiters, [plainArray(removed)])
    } catch (error) {
      // A reader may not write, and its waits poll.
      if (isRefusedRight(error)) this.#mayRegister = false
      else this.#hub.emit('database.error', { what: 'registering a wait', error })
    }
  }

  #begin(): void {
    if (this.#endPolls !== null) return
    const look = (): void => {
      this.#hinted.clear()
      this.#check()
    }
    this.#endPolls = callEvery(this.#clock, POLL_MS, look)
    const hint = ({ id, state }: { id: string; state: string | null }): void => {
      if (state === null && (this.#hinted.get(id) ?? 0) >= MAX_HINTS) return
      for (const wait of this.#waits) {
        if (!wait.left.has(id)) continue
        if (state === null) this.#hinted.set(id, (this.#hinted.get(id) ?? 0) + 1)
        this.#check()
        return
      }
    }
    this.#unlisten = [
      // A notification of the end of a workflow is one of a job: both are ids that a wait has registered.
      this.#hub.on('job.finished', hint),
      this.#hub.on('workflow.finished', hint),
      this.#hub.on('batch.finished', hint),
      // Notifications from before are lost.
      this.#hub.on('notifier.connected', look),
      this.#hub.on('notifier.reconnected', look),
    ]
  }

  #end(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#endPolls?.()
    this.#endPolls = null
  }

  #check(): void {
    if (this.#waits.size === 0) return
    if (this.#checking !== null) {
      this.#checkAgain = true
      return
    }
    this.#checking = this.#checkAll().finally(() => {
      this.#checking = null
      if (!this.#checkAgain) return
      this.#checkAgain = false
      this.#check()
    })
  }

  async #checkAll(): Promise<void> {
    const waits = [...this.#waits]
    if (waits.length === 0) return
    const ids = new Set(waits.flatMap((wait) => [...wait.left]))
    const states = new Set(waits.flatMap((wait) => [...wait.states]))
    let known: ReadonlyMap<string, Known<T>>
    try {
      known = await this.#subject.read([...ids], states)
    } catch (error) {
      if (!isPassing(error)) for (const wait of waits) wait.reject(error)
      // Anything else is transient; the next poll tries again.
      else this.#hub.emit('database.error', { what: 'checking a wait', error })
      return
    }
    for (const wait of waits) {
      try {
        this.#strike(wait, known)
        if (wait.left.size === 0) wait.resolve()
      } catch (error) {
        wait.reject(error)
      }
    }
  }

  #strike({ left, states, found }: Search<T>, known: ReadonlyMap<string, Known<T>>): void {
    for (const id of left) {
      const one = known.get(id)
      if (one === undefined) throw this.#subject.notFound(id)
      if (one.snapshot === null || !states.has(one.state)) continue
      found.set(id, one.snapshot)
      left.delete(id)
    }
  }
}

function closedDuringWait(): ChancyError {
  return new ChancyError('CLOSED', 'This Chancy was closed during the wait.')
}

function isPassing(error: unknown): boolean {
  const passing: readonly ErrorCode[] = [
    'DATABASE_UNREACHABLE',
    'DATABASE_DEADLINE',
    'OUTCOME_UNKNOWN',
  ]
  return isChancyError(error) && passing.includes(error.code)
}

function checkSignal(value: unknown, method: string): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw new ConfigError(`${method}: signal: expected an AbortSignal, got ${inspect(value)}.`)
}

function checkStates(
  value: unknown,
  { method, states: known, finished }: WaitSubject<unknown>,
): ReadonlySet<string> {
  if (value === undefined) return new Set(finished)
  const isList = Array.isArray(value) && value.length > 0
  if (isList && value.every((state) => known.includes(state))) return new Set(value as string[])
  throw new ConfigError(
    `${method}: states: expected one or more of ${known.join(', ')}, got ${inspect(value)}.`,
  )
}
