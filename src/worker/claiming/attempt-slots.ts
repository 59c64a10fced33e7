import type { ChunkRule } from '../../core/chunk.ts'
import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Queue } from '../../core/queue.ts'
import type { Executor } from '../../executors/executor.ts'
import type { AttemptRunner } from '../attempts/attempt-runner.ts'
import type { ClaimLedger, RunningAttempt } from '../attempts/claim-ledger.ts'
import { type Chunk, Chunks } from './chunks.ts'
import { Prefetch } from './claim-policy.ts'

export interface AttemptSlotsOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly executor: Executor
  readonly attempts: AttemptRunner
  readonly ledger: ClaimLedger
  /** The present id of the worker. */
  readonly workerId: () => string
  /** The same, or null while nothing may be claimed or started. */
  readonly claimAs: () => string | null
  /** Slots that attempts of an earlier runner of this queue still hold. */
  readonly held: () => number
  /** How jobs of a name run together, or null: each alone. */
  readonly chunkOf: (name: string) => ChunkRule | null
}

/** What the slots report to the runner of their queue. */
export interface SlotEvents {
  /** An attempt has ended and its slot is free. The time is in monotonic milliseconds. */
  readonly onFreed: (nowMs: number) => void
  /** The executor can take more attempts than before. */
  readonly onCapacity: () => void
}

/** A job that waits here for a slot longer than this goes back, for other workers to claim. */
export const MAX_PREFETCH_WAIT_MS = 500

/** The slots of one queue in this worker: what runs, and the claimed jobs that wait for a free slot. */
export class AttemptSlots {
  readonly #options: AttemptSlotsOptions
  readonly #events: SlotEvents
  readonly #localQueue = new LocalQueue<RunningAttempt>()
  readonly #prefetch = new Prefetch()
  readonly #chunks: Chunks
  #queue: Queue
  #executor: Executor
  #running = 0
  /** Jobs that were released, of a queue whose order would be seen. */
  readonly #released = new Set<ClaimedJob>()
  /** When jobs were last handed over: all that wait here have waited since then at least. */
  #handedOverAtMs = 0
  #isClosed = false
  #onEmpty: (() => void) | null = null

  constructor(queue: Queue, options: AttemptSlotsOptions, events: SlotEvents) {
    this.#queue = queue
    this.#executor = options.executor
    this.#options = options
    this.#events = events
    const { clock, chunkOf } = options
    this.#chunks = new Chunks({ clock, executor: () => this.#executor, ruleOf: chunkOf })
  }

  start(): void {
    this.#prefetch.idle(this.#options.clock.monotonic())
    this.#connect()
  }

  /** Takes over a changed declaration; what runs continues. */
  update(queue: Queue, executor: Executor): void {
    this.#queue = queue
    if (this.#executor !== executor) this.#executor.onCapacity = () => {}
    this.#executor = executor
    this.#connect()
    this.startWaiting()
  }

  /** Attempts that run now. */
  get running(): number {
    return this.#running
  }

  /** Claimed jobs that wait for a slot. */
  get waiting(): number {
    return this.#localQueue.length
  }

  /** Attempts that the executor takes. */
  get count(): number {
    return slotsOf(this.#queue, this.#executor, this.#options.held())
  }

  /** Jobs that could join others without a slot of their own. */
  get room(): number {
    return this.#chunks.room
  }

  get concurrency(): number {
    return concurrencyOf(this.#queue, this.#executor)
  }

  /** How many jobs are worth claiming beyond the slots. */
  get prefetch(): number {
    // A start is a claim: what only waits here would use up the starts of other workers.
    return this.#queue.rateLimit === null ? this.#prefetch.jobs : 0
  }

  /** Whether one job runs at a time, so that the order of two claims would be seen. */
  get isOneByOne(): boolean {
    return isOneByOne(this.#queue, this.#executor)
  }

  /** Whether the executor can run fewer attempts now than the queue says. */
  get lacksCapacity(): boolean {
    return lacksCapacity(this.#queue, this.#executor)
  }

  /**
   * Whether jobs of a one-by-one queue are on their way back: those behind them must not be claimed before
   * their release is saved.
   */
  get isReleasing(): boolean {
    for (const job of this.#released) {
      if (this.#options.ledger.isSaving(job)) return true
      this.#released.delete(job)
    }
    return false
  }

  /** Whether nothing is started any more. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Starts what has a free slot; the rest waits. */
  handOver(jobs: readonly ClaimedJob[]): void {
    if (jobs.length === 0) return
    const { clock, ledger, workerId } = this.#options
    this.#handedOverAtMs = clock.monotonic()
    // Recovery moves what was claimed under a lease that is lost by now.
    const id = workerId()
    const attempts: RunningAttempt[] = []
    for (const job of jobs) {
      if (job.workerId !== id) continue
      // Known from here on, or the reconciler would take it for a job of a lost claim.
      const attempt = ledger.add(job)
      if (attempt !== null) attempts.push(attempt)
    }
    this.#localQueue.add(attempts)
    this.startWaiting()
  }

  startWaiting(): void {
    if (this.waiting === 0 || this.#options.claimAs() === null) return
    let free = this.count - this.#running
    while (this.waiting > 0 && !this.#isClosed) {
      const chunk = this.#chunks.join(this.#localQueue.first.job)
      if (chunk !== null) {
        this.#runIn(chunk, this.#localQueue.take())
        continue
      }
      if (free-- <= 0) return
      this.#run(this.#localQueue.take())
    }
  }

  /** Releases what has waited too long: jobs are not as short as they were. */
  releaseOverdue(): void {
    const now = this.#options.clock.monotonic()
    if (this.waiting === 0 || now - this.#handedOverAtMs <= MAX_PREFETCH_WAIT_MS) return
    this.#prefetch.overdue()
    this.releaseWaiting()
  }

  /** Releases what has not started. */
  releaseWaiting(): void {
    const waiting = this.#localQueue.takeAll()
    this.#options.attempts.release(waiting)
    if (this.isOneByOne) for (const { job } of waiting) this.#released.add(job)
  }

  /** Releases what has not begun, what is gathered for a common run among it. */
  releaseUnbegun(): void {
    this.releaseWaiting()
    this.#chunks.release()
  }

  /** The lease is lost: forgets what waits. Recovery moves it. */
  forgetWaiting(): void {
    this.#localQueue.takeAll()
  }

  /** Starts nothing more. */
  close(): void {
    this.#isClosed = true
  }

  /** Resolves when no attempt runs. */
  drained(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }

  #connect(): void {
    this.#executor.onCapacity = () => {
      this.startWaiting()
      this.#events.onCapacity()
    }
  }

  #run(attempt: RunningAttempt): void {
    this.#running++
    const startedAt = this.#options.clock.monotonic()
    const ended = (): void => {
      this.#running--
      this.#ended(startedAt)
    }
    const chunk = this.#chunks.begin(attempt.job, ended)
    if (chunk === null) void this.#settled(attempt, this.#executor).then(ended)
    else this.#runIn(chunk, attempt)
  }

  #runIn(chunk: Chunk, attempt: RunningAttempt): void {
    void this.#settled(attempt, chunk).then(() => chunk.left())
  }

  #settled(attempt: RunningAttempt, executor: Pick<Executor, 'run'>): Promise<void> {
    const { attempts, log } = this.#options
    return attempts
      .run(attempt, executor)
      .catch((error) =>
        log.error({ err: error, job: attempt.job.id }, 'an attempt was not settled'),
      )
  }

  #ended(startedAt: number): void {
    const now = this.#options.clock.monotonic()
    this.#prefetch.ended(now, now - startedAt)
    if (this.waiting > 0) this.startWaiting()
    if (this.#running === 0) {
      this.#prefetch.idle(now)
      this.#onEmpty?.()
      this.#onEmpty = null
    }
    this.#events.onFreed(now)
  }
}

type QueueLimits = Pick<Queue, 'concurrency' | 'rateLimit'>
type ExecutorLimits = Pick<Executor, 'ahead' | 'capacity' | 'defaultConcurrency'>

/** Attempts of a queue that may run concurrently in one worker, as its declaration says. */
function concurrencyOf(queue: QueueLimits, executor: ExecutorLimits): number {
  return queue.concurrency ?? executor.defaultConcurrency
}

/**
 * Attempts that the executor takes now: those that can run concurrently, and what its children need ahead.
 * `held` slots belong to attempts of an earlier runner of the queue.
 */
export function slotsOf(queue: QueueLimits, executor: ExecutorLimits, held: number): number {
  const slots = Math.min(concurrencyOf(queue, executor), executor.capacity)
  return Math.max(0, slots + aheadOf(queue, executor) - held)
}

/** Whether one job runs at a time, so that the order of two claims would be seen. */
export function isOneByOne(queue: QueueLimits, executor: ExecutorLimits): boolean {
  return concurrencyOf(queue, executor) + aheadOf(queue, executor) === 1
}

/** Whether the executor can run fewer attempts now than the queue says. */
export function lacksCapacity(queue: QueueLimits, executor: ExecutorLimits): boolean {
  return executor.capacity < concurrencyOf(queue, executor)
}

/** A start is a claim, so a queue with a rate limit has nothing ahead. */
function aheadOf({ rateLimit }: QueueLimits, { ahead }: ExecutorLimits): number {
  return rateLimit === null ? ahead : 0
}

/** Jobs that were claimed and have not started, in the order in which they are to start. */
export class LocalQueue<Item> {
  #items: Item[] = []
  #next = 0

  get length(): number {
    return this.#items.length - this.#next
  }

  add(items: readonly Item[]): void {
    // Taken items are released here, not one by one.
    if (this.#next > 0) {
      this.#items = this.#items.slice(this.#next)
      this.#next = 0
    }
    for (const item of items) this.#items.push(item)
  }

  /** The first item, which stays. The queue must not be empty. */
  get first(): Item {
    return this.#items[this.#next] as Item
  }

  /** The first item. The queue must not be empty. */
  take(): Item {
    return this.#items[this.#next++] as Item
  }

  takeAll(): Item[] {
    const taken = this.#items.slice(this.#next)
    this.#items = []
    this.#next = 0
    return taken
  }
}
