import type { ClaimOffer } from '../../app/push/local-claim-offers.ts'
import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { Queue } from '../../core/queue.ts'
import type { Database } from '../../database/database.ts'
import { isOfStatement } from '../../database/sql-state.ts'
import { claimJobs, claimValues } from '../../database/statements/jobs.ts'
import type { Hub } from '../../events/hub.ts'
import type { Executor } from '../../executors/executor.ts'
import { jittered, Loop } from '../../services/loop.ts'
import type { Service } from '../../services/service.ts'
import type { ExpensiveScan } from '../maintenance/watermark-updater.ts'
import { Patience } from '../patience.ts'
import type { RunQueue } from '../worker-log.ts'
import { AttemptSlots, type AttemptSlotsOptions, MAX_PREFETCH_WAIT_MS } from './attempt-slots.ts'
import { claimLimit } from './claim-policy.ts'
import { type ClaimAnswer, Claimer, type ClaimerOptions } from './claimer.ts'
import {
  type Dueness,
  dueness,
  INITIAL_STATE,
  mayFindJobs,
  quietMs,
  type RunnerEvent,
  transition,
} from './runner-state.ts'

export interface QueueRunnerOptions extends ClaimerOptions, AttemptSlotsOptions {
  readonly database: Database
  readonly hub: Hub
  readonly durableClaims: boolean
  readonly leaseMs: number
  /** Whether the worker is paused: then `claimAs` is null. */
  readonly isPaused: () => boolean
  /** Whether a notification wakes this runner for every job that becomes ready. */
  readonly notificationsLive: () => boolean
  /** Called with a queue that is closed in the database, and open as far as this runner knows. */
  readonly onClosed: (queue: string) => void
}

/** How long to wait before claiming again while claims are suspended, in milliseconds. */
const SUSPENDED_MS = 100

/** Runs one queue: waits, claims for its free slots, and hands over. `runner-state.ts` says in which state. */
export class QueueRunner implements Service {
  readonly #options: QueueRunnerOptions
  readonly #slots: AttemptSlots
  readonly #claimer: Claimer
  readonly #patience: Patience
  readonly #loop: Loop
  #queue: Queue
  #state = INITIAL_STATE
  /** Of a claim that the loop did not wait for: the next pass fails with it. */
  #failure: { readonly error: unknown } | null = null

  constructor(queue: Queue, options: QueueRunnerOptions) {
    this.#queue = queue
    this.#options = options
    this.#patience = new Patience(options.leaseMs)
    this.#claimer = new Claimer(queue.name, options)
    this.#slots = new AttemptSlots(queue, options, {
      onFreed: (nowMs) => this.#slotFreed(nowMs),
      onCapacity: () => this.#capacityGrew(),
    })
    this.#loop = new Loop({
      clock: options.clock,
      pass: (_, isWoken) => this.#pass(isWoken),
      onError: (error) => this.#claimFailed(error),
    })
  }

  /** Takes over a changed declaration; what runs continues. */
  update(queue: Queue, executor: Executor): void {
    this.#queue = queue
    this.#slots.update(queue, executor)
    this.#loop.wake()
  }

  start(): void {
    this.#slots.start()
    this.#loop.start()
  }

  /** There may be something to claim. */
  wake(): void {
    this.#loop.wake()
  }

  /** The database can be reached again. */
  hasten(): void {
    this.#loop.hasten()
    this.#loop.wake()
  }

  /** Claims are allowed again: makes up for a pass that was suspended. */
  resume(): void {
    if (this.#state.phase === 'suspended' || this.#slots.waiting > 0) this.#loop.wake()
  }

  /** The worker is paused. Resolves when no claim is in flight and what has not started was released. */
  async pause(): Promise<void> {
    await this.#claimer.inFlight.ended()
    if (this.#options.isPaused()) this.#slots.releaseUnbegun()
  }

  /** Claims nothing more and starts nothing more; what was not started is released. */
  async stopClaiming(): Promise<void> {
    this.#slots.close()
    await this.#loop.stop()
    await this.#claimer.inFlight.ended()
    this.#slots.releaseUnbegun()
  }

  /** Resolves when no attempt runs. */
  drained(): Promise<void> {
    return this.#slots.drained()
  }

  async stop(): Promise<void> {
    await this.stopClaiming()
    await this.drained()
  }

  /** Runs jobs that a lost claim had left behind. */
  reclaim(jobs: readonly ClaimedJob[]): void {
    this.#handOver(jobs)
    if (this.#slots.waiting > 0) this.#loop.wake()
  }

  /** The lease is lost: forgets what was claimed and not started. */
  forget(): void {
    this.#slots.forgetWaiting()
  }

  /** Attempts that run now. */
  get running(): number {
    return this.#slots.running
  }

  /** Whether it is idle and has not been scanned lately. */
  dueness(nowMs: number): Dueness {
    return dueness(this.#state, nowMs, this.#queue.pollingIntervalMs)
  }

  /** A scan of many queues, begun at that time (monotonic milliseconds), found nothing to claim here. */
  seenEmpty(atMs: number): void {
    const quietUntilMs = atMs + jittered(this.#queue.pollingIntervalMs)
    this.#apply({ kind: 'seen-empty', atMs, quietUntilMs })
  }

  expensiveScan(): ExpensiveScan | null {
    return this.#claimer.expensiveScan()
  }

  get summary(): RunQueue {
    const { name, executor } = this.#queue
    return { queue: name, executor, slots: this.#slots.concurrency }
  }

  /**
   * A claim for a push to this queue to carry: only while nothing runs here, when the push would wake this
   * runner to claim what it brings.
   */
  offer(count: number): ClaimOffer | null {
    const { running, waiting } = this.#slots
    const isBusy = running + waiting + this.#claimer.inFlight.size > 0
    if (isBusy || this.#queue.rateLimit !== null) return null
    const limit = this.#claimLimit()
    const workerId = this.#options.claimAs()
    if (limit < count || workerId === null) return null
    const claim = this.#claimer.begin(workerId, limit, false)
    this.#apply({ kind: 'offered' })
    return {
      request: claim.request,
      answered: (rows) => {
        this.#answered(claim.answered(rows))
        const { hasBacklog, wakePending } = this.#state
        if (hasBacklog || wakePending || this.#slots.waiting > 0) this.#loop.wake()
      },
      lost: () => {
        claim.lost()
        this.#loop.wake()
      },
    }
  }

  #apply(event: RunnerEvent): void {
    this.#state = transition(this.#state, event)
  }

  /** Claims once where it may and where it is worthwhile. Returns how long to wait, unless woken. */
  async #pass(isWoken: boolean): Promise<number> {
    if (isWoken) this.#apply({ kind: 'woken' })
    if (this.#failure !== null) {
      const { error } = this.#failure
      this.#failure = null
      throw error
    }
    const waitMs = isWoken ? 0 : quietMs(this.#state, this.#options.clock.monotonic())
    if (waitMs > 0) return waitMs
    const workerId = this.#options.claimAs()
    if (workerId === null) {
      this.#apply({ kind: 'suspended' })
      if (!this.#options.isPaused()) return SUSPENDED_MS
      // Jobs of a lost claim were found meanwhile.
      this.#slots.releaseWaiting()
      return this.#pollMs()
    }
    // What was not started while claims were suspended.
    this.#slots.startWaiting()
    this.#slots.releaseOverdue()
    const limit = this.#claimLimit()
    if (limit === 0) {
      this.#apply({ kind: 'saturated', isShort: this.#slots.lacksCapacity })
      return this.#pollMs()
    }
    // Two claims may be answered in either order, which is seen where one job runs at a time.
    if (!this.#state.hasBacklog || this.#slots.isOneByOne) return this.#claim(workerId, limit)
    void this.#claim(workerId, limit)
      .catch((error) => {
        this.#failure = { error }
      })
      .finally(() => this.#loop.wake())
    return 0
  }

  #claimLimit(): number {
    if (this.#slots.isClosed || this.#slots.isReleasing) return 0
    const { running, waiting, count, prefetch } = this.#slots
    const { size, reserved } = this.#claimer.inFlight
    return claimLimit({
      // A job that joins others takes no slot.
      slots: count + this.#slots.room,
      prefetch,
      held: running + waiting + reserved,
      claimsInFlight: size,
      maxClaim: this.#state.maxClaim,
    })
  }

  /** Claims, hands over, and returns how long to wait. */
  async #claim(workerId: string, limit: number): Promise<number> {
    const { database, durableClaims } = this.#options
    const claim = this.#claimer.begin(workerId, limit, this.#state.hasBacklog)
    this.#apply({ kind: 'begun' })
    try {
      const { deadlineMs } = this.#patience
      const values = claimValues(claim.request, durableClaims)
      const rows = await database.engine(claimJobs, values, { deadlineMs })
      this.#patience.answered()
      return this.#answered(claim.answered(rows))
    } catch (error) {
      this.#patience.failed(error)
      this.#apply({ kind: 'failed', refused: isOfStatement(error) ? limit : null })
      claim.lost()
      throw error
    }
  }

  /** Hands over what was claimed, and returns how long to wait for the next pass. */
  #answered({ isClosed, scanned, requested, waitMs, jobs, isFullScan }: ClaimAnswer): number {
    const { clock, hub, onClosed } = this.#options
    const { name, state, rateLimit } = this.#queue
    // A pause may have ended before the queue is read again, and what came meanwhile waits here.
    if (isClosed && state === 'active') onClosed(name)
    this.#handOver(jobs)
    hub.emit('queue.polled', { queue: name, scanned, claimed: jobs.length })
    // Out of starts: the next one is due at a known time, unless a row written by hand never has one.
    const startInMs = (rateLimit?.max ?? 0) > 0 ? Math.max(0, waitMs) : 0
    const isComplete = isFullScan && startInMs === 0 && this.#slots.waiting === 0
    this.#apply({ kind: 'answered', atMs: clock.monotonic(), requested, scanned, isComplete })
    if (this.#state.hasBacklog) return 0
    if (startInMs > 0) return startInMs
    const pollMs = this.#pollMs()
    return isFullScan ? pollMs : Math.min(pollMs, this.#claimer.fullScanInMs())
  }

  #pollMs(): number {
    const pollMs = jittered(this.#queue.pollingIntervalMs)
    // What was released need not cause a wake-up when it is saved: all of it may be cancelled by then.
    const isShort = this.#slots.waiting > 0 || this.#slots.isReleasing
    return isShort ? Math.min(MAX_PREFETCH_WAIT_MS, pollMs) : pollMs
  }

  #handOver(jobs: readonly ClaimedJob[]): void {
    if (jobs.length > 0) this.#apply({ kind: 'handed-over' })
    this.#slots.handOver(jobs)
  }

  #slotFreed(nowMs: number): void {
    if (!mayFindJobs(this.#state, nowMs, this.#options.notificationsLive())) return
    if (this.#claimLimit() > 0) this.#loop.wake()
  }

  /** There may be more to claim, unless the last scan has found all. */
  #capacityGrew(): void {
    if (this.#state.hasBacklog || this.#state.wakePending) this.#loop.wake()
  }

  #claimFailed(error: unknown): void {
    this.#options.hub.emit('database.error', {
      what: `claiming from ${this.#queue.name}`,
      error,
    })
  }
}
