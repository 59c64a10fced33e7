import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { DATABASE_RETRY } from '../core/retry-delay.ts'
import { MAX_CRASHES } from '../core/settle.ts'
import { VERSION } from '../core/version.ts'
import { isConnectionLoss, sqlStateOf } from '../database/sql-state.ts'
import type { EventMap } from '../events/event-map.ts'
import type { Hub } from '../events/hub.ts'
import { availableCpus } from '../executors/pool/cpu-quota.ts'
import { LineBudget } from './line-budget.ts'

export interface WorkerLogOptions {
  readonly hub: Hub
  readonly log: Logger
  readonly clock: Clock
  readonly workerId: () => string
  /** The queues that the worker runs now. */
  readonly queues: () => readonly RunQueue[]
  readonly isPaused: () => boolean
}

export interface RunQueue {
  readonly queue: string
  readonly executor: string
  /** How many jobs run concurrently. */
  readonly slots: number
}

/** What lasts is logged this often at most, in milliseconds: unserved jobs are looked for once a minute. */
const REPEAT_MS = 55_000
/** Without a lost connection for so long, in milliseconds, the database is back: the longest time between two tries. */
const QUIET_MS = DATABASE_RETRY.mostMs
/** Of a message, in characters: a line stays a line. */
const MAX_MESSAGE = 300
/** Ids that are named in a line. */
const MAX_IDS = 20

/** Logs what changes the state of a worker: one line a change, in the words of the events. */
export class WorkerLog {
  readonly #options: WorkerLogOptions
  /** What was logged within the last minute, and when, in monotonic milliseconds. */
  readonly #said = new Map<string, number>()
  /** Of lines about single jobs, by the names of the jobs. */
  readonly #failures: LineBudget
  readonly #endings: LineBudget
  #unlisten: (() => void)[] = []
  /** Since when, and when last, a connection was lost; in monotonic milliseconds. */
  #awaySince: number | null = null
  #failedAt = 0
  #isStarted = false
  #isStopping = false

  constructor(options: WorkerLogOptions) {
    this.#options = options
    const { log, clock } = options
    this.#failures = new LineBudget(clock, (name, count) =>
      log.error({ name, count }, 'more jobs failed, with no line for each'),
    )
    this.#endings = new LineBudget(clock, (name, count) =>
      log.info({ name, count }, 'more jobs were cancelled or taken over, with no line for each'),
    )
  }

  begin(): void {
    const { hub, log, workerId, queues, isPaused } = this.#options
    this.#unlisten = [
      hub.on('worker.started', (event) => {
        if (event.workerId !== workerId()) return
        this.#isStarted = true
        const paused = isPaused() ? { paused: true } : {}
        log.info(
          { ...event, version: VERSION, queues: queues(), ...this.#children, ...paused },
          'worker started',
        )
      }),
      hub.on('worker.paused', (event) => {
        if (event.workerId === workerId()) log.info(event, 'worker paused')
      }),
      hub.on('worker.resumed', (event) => {
        if (event.workerId === workerId()) log.info(event, 'worker resumed')
      }),
      // Those of its start are in the line above.
      hub.on('queue.started', (event) => {
        if (!this.#isStarted) return
        const run = queues().find(({ queue }) => queue === event.queue)
        log.info({ ...event, ...run }, 'queue started')
      }),
      hub.on('queue.stopped', (event) => {
        if (this.#isStarted && !this.#isStopping) log.info(event, 'queue stopped')
      }),
      hub.on('job.failed', (event) => this.#failed(event)),
      hub.on('outcome.rejected', ({ id, ...event }) => {
        const fields = { job: id, ...event }
        if (this.#endings.allows(event.name))
          log.warn(fields, 'outcome rejected: another attempt owns the job')
      }),
      hub.on('jobs.recovered', (event) => this.#recovered(event)),
      hub.on('jobs.unserved', (event) => this.#unserved(event)),
      hub.on('jobs.reclaimed', ({ ids }) =>
        log.info({ count: ids.length }, 'jobs reclaimed: the answer to their claim was lost'),
      ),
      hub.on('database.error', (event) => this.#databaseFailed(event)),
      hub.on('lease.renewed', (event) => {
        if (event.workerId === workerId()) this.#reachable()
      }),
      hub.on('notifier.lost', ({ error }) =>
        log.info({ reason: lineOf(error) }, 'notifications lost, polling instead'),
      ),
      hub.on('notifier.reconnected', () => log.info({}, 'notifications resumed')),
    ]
  }

  /** How many children the pools have at most; none where every queue runs inline. */
  get #children(): { readonly children?: number } {
    const isInline = this.#options.queues().every(({ executor }) => executor === 'inline')
    return isInline ? {} : { children: availableCpus() }
  }

  /** Claiming is about to end, and `running` jobs are waited for. */
  stopping(running: number, shutdownTimeoutMs: number): void {
    this.#isStopping = true
    if (!this.#isStarted) return
    const workerId = this.#options.workerId()
    this.#options.log.info({ workerId, running, shutdownTimeoutMs }, 'worker stopping')
  }

  /** A worker that never started has nothing to say of its end. */
  end(): void {
    const { log, workerId } = this.#options
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#failures.end()
    this.#endings.end()
    if (this.#isStarted) log.info({ workerId: workerId() }, 'worker stopped')
  }

  #recovered({ ids, workerIds, jobs }: EventMap['jobs.recovered']): void {
    const { log } = this.#options
    if (ids.length === 0) return
    const fields = { count: ids.length, workerIds, jobs: ids.slice(0, MAX_IDS) }
    log.warn(fields, 'jobs recovered from workers that are gone')
    const reason = `its worker was lost, ${MAX_CRASHES} times`
    for (const { id, name, state } of jobs) {
      if (state !== 'failed' || !this.#failures.allows(name)) continue
      log.error({ job: id, name, kind: 'crash', reason }, 'job failed')
    }
  }

  #failed({ id, name, attempt, kind, message, retried }: EventMap['job.failed']): void {
    const { log } = this.#options
    const fields = { job: id, name, attempt, kind, reason: lineOf(message) }
    if (retried) log.debug(fields, 'attempt failed, job retried')
    else if (kind === 'cancelled') {
      if (this.#endings.allows(name)) log.info(fields, 'job cancelled')
    } else if (this.#failures.allows(name)) log.error(fields, 'job failed')
  }

  /** A database that is away is one change; a statement that it refuses is another, each kind of it. */
  #databaseFailed({ what, error }: EventMap['database.error']): void {
    const { log, clock } = this.#options
    const state = sqlStateOf(error)
    if (typeof error === 'string' || isConnectionLoss(error)) {
      this.#failedAt = clock.monotonic()
      if (this.#awaySince !== null) return
      this.#awaySince = this.#failedAt
      const fields = { during: what, reason: lineOf(error) }
      log.warn(fields, 'connection to the database lost, trying again')
      return
    }
    if (this.#isRepeated(`${what} ${state}`)) return
    log.error(
      { during: what, sqlState: state, reason: lineOf(error) },
      'database refused a statement',
    )
  }

  #unserved({ kind, queue, name, jobs, hasMore }: EventMap['jobs.unserved']): void {
    if (this.#isRepeated(`${kind} ${queue}:${name}`)) return
    const { log } = this.#options
    const fields = {
      queue,
      ...(name === null ? {} : { name }),
      jobs,
      ...(hasMore ? { hasMore } : {}),
    }
    if (kind === 'queue-undeclared') log.warn(fields, 'jobs wait: their queue is not declared')
    else log.warn(fields, 'jobs wait: no worker of their queue knows the function')
  }

  /** Whether the same was logged within the last minute. */
  #isRepeated(what: string): boolean {
    const nowMs = this.#options.clock.monotonic()
    for (const [other, atMs] of this.#said) if (nowMs - atMs > REPEAT_MS) this.#said.delete(other)
    if (this.#said.has(what)) return true
    this.#said.set(what, nowMs)
    return false
  }

  #reachable(): void {
    const { clock, log } = this.#options
    if (this.#awaySince === null || clock.monotonic() - this.#failedAt < QUIET_MS) return
    const awayMs = Math.round(this.#failedAt - this.#awaySince)
    this.#awaySince = null
    log.info({ awayMs }, 'connection to the database restored')
  }
}

function lineOf(error: unknown): string {
  const text = textOf(error)
  const [line = ''] = text.split('\n', 1)
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line
}

/** Node tries several addresses, and its AggregateError has no message of its own. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return [...new Set(error.errors.map(textOf))].join(', ')
  return error.name
}
