import { checkOptions, show } from '../core/check.ts'
import { after } from '../core/clock.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { ChancyError, ConfigError, type ErrorCode, isChancyError } from '../core/errors.ts'
import { FINISHED_STATES, JOB_STATES, type JobState, type QueuedJob } from '../core/queued-job.ts'
import { plainArray } from '../database/array-literal.ts'
import { queuedJob } from '../database/rows.ts'
import { addWaiters, getAwaited, removeWaiters } from '../database/statements/queued-jobs.ts'
import type { Hub } from '../events/hub.ts'
import { type Asker, isRefusedRight } from './asker.ts'
import { notFound } from './job-id.ts'
import { timedOut } from './wait-timeout.ts'

/** How often a wait looks by itself, in milliseconds: what a lost notification costs. */
const POLL_MS = 1_000
/** When to look again after a wait was registered, in milliseconds. */
const LOOKS_AFTER_MS = [25, 150]
/** How many looks between two polls one job may cause by notifications, which anyone may send. */
const MAX_HINTS = 4
/** How long a registration stands at most, in milliseconds: a process that died leaves it behind. */
const MAX_REGISTERED_MS = 86_400_000

export interface WaitOptions<S extends JobState = JobState> {
  /** Which states to wait for; they replace the default. Default: the finished ones. */
  readonly states?: readonly S[]
  /** How long to wait. Default: no limit. */
  readonly timeoutMs?: Duration
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal
}

interface Search {
  readonly states: ReadonlySet<string>
  readonly left: Set<string>
  /** Of each that is no longer left, how it was when its state was one of them. */
  readonly found: Map<string, QueuedJob>
}

interface Wait extends Search {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Waits for jobs by event, with one poll for all waits of the process behind it. Waits stand in a
 * table that the finish statement looks at only when it is not empty, so nobody else pays for them.
 */
export class Waits {
  readonly #asker: Asker
  readonly #hub: Hub
  readonly #notifications: boolean
  /** Whether the role may register a wait: true until refused. */
  #mayRegister = true
  readonly #waits = new Set<Wait>()
  /** How many waits of this process want to hear of a job, which has one row for all of them. */
  readonly #wanted = new Map<string, number>()
  readonly #toAdd = new Map<string, number>()
  readonly #toRemove = new Set<string>()
  /** Looks since the last poll that notifications about a job have caused. */
  readonly #hinted = new Map<string, number>()
  #telling: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #unlisten: (() => void)[] = []
  #checking: Promise<void> | null = null
  #checkAgain = false

  constructor(asker: Asker, hub: Hub, notifications: boolean) {
    this.#asker = asker
    this.#hub = hub
    this.#notifications = notifications
  }

  /**
   * Resolves when every job was in one of the states, with a snapshot of each from then, in order.
   *
   * @throws {NotFoundError} at once when one is not committed, later when one was pruned
   * @throws {WaitTimedOutError}
   */
  async waitFor(ids: readonly string[], options: WaitOptions | undefined): Promise<QueuedJob[]> {
    const given = checkOptions(options, ['states', 'timeoutMs', 'signal'], 'waitForJob')
    const states = checkStates(given.states)
    const timeoutMs =
      given.timeoutMs === undefined ? null : durationMs(given.timeoutMs, 'waitForJob: timeoutMs')
    const signal = checkSignal(given.signal)
    signal?.throwIfAborted()

    const search = { states, left: new Set(ids), found: new Map<string, QueuedJob>() }
    strike(search, await this.#read([...search.left], states))
    if (search.left.size > 0) await this.#wait(search, timeoutMs, signal)
    return ids.map((id) => search.found.get(id)!)
  }

  /** Ends all waits; resolves when nothing more is told to the table of waits. */
  async close(): Promise<void> {
    const closed = new ChancyError('CLOSED', 'This Chancy was closed during the wait.')
    for (const wait of this.#waits) wait.reject(closed)
    // The waits unregister on their next turn.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#telling !== null) await this.#telling
  }

  async #wait(
    search: Search,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { states, left } = search
    const asked = [...left]
    let callOff: (() => void) | undefined
    let abort: (() => void) | undefined
    let wait: Wait | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        wait = { ...search, resolve, reject }
        this.#waits.add(wait)
        this.#begin()
        abort = () => reject(signal?.reason)
        signal?.addEventListener('abort', abort, { once: true })
        if (timeoutMs !== null) {
          const over = { left, states, timeoutMs }
          callOff = after(timeoutMs, () => void timedOut(this.#asker, over).then(reject))
        }
        this.#register(asked, timeoutMs)
      })
    } finally {
      callOff?.()
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
    this.#telling ??= this.#tell()
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
    this.#telling ??= this.#tell()
  }

  /** Tells the table what has changed, for all waits at once, one statement after the other. */
  async #tell(): Promise<void> {
    // One turn, so that waits that begin or end together go together.
    await null
    do {
      const added = [...this.#toAdd]
      const removed = [...this.#toRemove]
      this.#toAdd.clear()
      this.#toRemove.clear()
      if (this.#notifications && this.#mayRegister) await this.#write(added, removed)
      // The job may have finished between the first look and the registration.
      this.#lookSoon()
    } while (this.#toAdd.size > 0 || this.#toRemove.size > 0)
    this.#telling = null
  }

  /**
   * A finish that was about to commit has not seen the registration, and the look right after that
   * does not see the finish: so there are two more before the poll.
   */
  #lookSoon(): void {
    for (const ms of [0, ...LOOKS_AFTER_MS]) {
      const timer = setTimeout(() => this.#check(), ms)
      timer.unref()
    }
  }

  async #write(added: [id: string, untilMs: number][], removed: string[]): Promise<void> {
    try {
      if (added.length > 0) {
        const ids = plainArray(added.map(([id]) => id))
        await this.#asker.runOnce(addWaiters, [ids, Math.max(...added.map(([, ms]) => ms))])
      }
      // What stays behind has an end of its own.
      if (removed.length > 0) await this.#asker.runOnce(removeWaiters, [plainArray(removed)])
    } catch (error) {
      // A reader may write nothing, and its waits poll.
      if (isRefusedRight(error)) this.#mayRegister = false
      else this.#hub.emit('database.troubled', { what: 'registering a wait', error })
    }
  }

  #begin(): void {
    if (this.#timer !== null) return
    const look = (): void => {
      this.#hinted.clear()
      this.#check()
    }
    this.#timer = setInterval(look, POLL_MS)
    this.#unlisten = [
      this.#hub.on('job.finished', ({ id, state }) => {
        if (state === null && (this.#hinted.get(id) ?? 0) >= MAX_HINTS) return
        for (const wait of this.#waits) {
          if (!wait.left.has(id)) continue
          if (state === null) this.#hinted.set(id, (this.#hinted.get(id) ?? 0) + 1)
          return this.#check()
        }
      }),
      // What was told before was told to nobody.
      this.#hub.on('notifier.connected', look),
      this.#hub.on('notifier.resumed', look),
    ]
  }

  #end(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    clearInterval(this.#timer ?? undefined)
    this.#timer = null
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
    let known: ReadonlyMap<string, Known>
    try {
      known = await this.#read([...ids], states)
    } catch (error) {
      if (!isPassing(error)) for (const wait of waits) wait.reject(error)
      // Anything else passes; the next poll looks again.
      else this.#hub.emit('database.troubled', { what: 'looking for a wait', error })
      return
    }
    for (const wait of waits) {
      try {
        strike(wait, known)
        if (wait.left.size === 0) wait.resolve()
      } catch (error) {
        wait.reject(error)
      }
    }
  }

  async #read(
    ids: readonly string[],
    states: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, Known>> {
    const values = [plainArray(ids), plainArray([...states])] as const
    const rows = await this.#asker.read(getAwaited, values)
    return new Map(
      rows.map((row) => {
        const job = row.id === null ? null : queuedJob(row)
        return [row.known_id, { state: row.known_state, job }]
      }),
    )
  }
}

/** What one look found of a job. */
interface Known {
  readonly state: string
  /** Null in a state that no wait is for. */
  readonly job: QueuedJob | null
}

function strike({ left, states, found }: Search, known: ReadonlyMap<string, Known>): void {
  for (const id of left) {
    const one = known.get(id)
    if (one === undefined) throw notFound(id)
    if (one.job === null || !states.has(one.state)) continue
    found.set(id, one.job)
    left.delete(id)
  }
}

function isPassing(error: unknown): boolean {
  const passing: readonly ErrorCode[] = [
    'DATABASE_UNREACHABLE',
    'DATABASE_DEADLINE',
    'OUTCOME_UNKNOWN',
  ]
  return isChancyError(error) && passing.includes(error.code)
}

function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw new ConfigError(`waitForJob: signal: expected an AbortSignal, got ${show(value)}.`)
}

function checkStates(value: unknown): ReadonlySet<string> {
  if (value === undefined) return new Set(FINISHED_STATES)
  const known: readonly string[] = JOB_STATES
  const isList = Array.isArray(value) && value.length > 0
  if (isList && value.every((state) => known.includes(state))) return new Set(value as string[])
  throw new ConfigError(
    `waitForJob: states: expected one or more of ${JOB_STATES.join(', ')}, got ${show(value)}.`,
  )
}
