import type { OfferedClaim } from '../app/local-claims.ts'
import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Logger } from '../core/logger.ts'
import type { Queue } from '../core/queue.ts'
import type { Database } from '../database/database.ts'
import { isOfStatement } from '../database/sql-state.ts'
import { claimJobs, claimValues } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import type { Executor } from '../executors/executor.ts'
import type { AttemptRunner } from './attempt-runner.ts'
import {
  claimSize,
  concurrencyOf,
  isOneByOne,
  lacksCapacity,
  MAX_CLAIM,
  slotsOf,
} from './claim-size.ts'
import { type ClaimAnswer, Claimer, type ClaimerOptions } from './claimer.ts'
import type { DearLine } from './line-keeper.ts'
import { jittered, Loop } from './loop.ts'
import { Patience } from './patience.ts'
import { ReadAhead } from './read-ahead.ts'
import { ReadyLine } from './ready-line.ts'
import { Rest } from './rest.ts'
import type { RunningAttempt, RunningAttempts } from './running-attempts.ts'
import type { Service } from './service.ts'
import type { RunQueue } from './worker-log.ts'

export interface QueueRunnerOptions extends ClaimerOptions {
  readonly database: Database
  readonly hub: Hub
  readonly log: Logger
  readonly executor: Executor
  readonly attempts: AttemptRunner
  readonly running: RunningAttempts
  readonly durableClaims: boolean
  readonly leaseMs: number
  /** The present id of the worker. */
  readonly workerId: () => string
  /** The same, or null while nothing may be claimed or started. */
  readonly claimant: () => string | null
  /** Whether somebody wakes this runner for every job that becomes ready. */
  readonly hears: () => boolean
  /** Told of a queue that is closed in the database, and open as far as this runner knows. */
  readonly onClosed: (queue: string) => void
  /** Slots that attempts of an earlier runner of this queue still hold. */
  readonly held: () => number
}

/** A claim that was refused, or took too long, is made again for so many times fewer jobs. */
const SHRINK = 4
/** Claims under way at once while the line is long: one is answered while another is looked for. */
const MAX_CLAIMS = 2
/** A job that waits here this long goes back for others to take. */
const HOARD_MS = 500
/** After a job another look is made when the last one is older than this, in milliseconds. */
const OLD_LOOK_MS = 1_000
/** How long to wait before claiming again when the lease is in doubt, in milliseconds. */
const DOUBT_MS = 100

/** Runs one queue: waits, claims for its free slots, and hands over. */
export class QueueRunner implements Service {
  readonly #options: QueueRunnerOptions
  readonly #readAhead = new ReadAhead()
  readonly #claimer: Claimer
  readonly #rest = new Rest()
  readonly #patience: Patience
  readonly #loop: Loop
  #queue: Queue
  #executor: Executor
  readonly #ready = new ReadyLine<RunningAttempt>()
  #active = 0
  /** The most jobs of the next claim. */
  #most = MAX_CLAIM
  /** Claims under way, and how many jobs they asked for. */
  #claims = 0
  #asked = 0
  /** Whether the last claim found as much as it asked for. */
  #isLong = false
  /** Whether somebody spoke of jobs since the last claim began: there may be more than it saw. */
  #isTold = false
  #failure: { readonly error: unknown } | null = null
  /** Claims that the loop does not wait for. */
  readonly #beside = new Set<Promise<void>>()
  #isStopping = false
  /** Whether the last pass was not allowed to claim. */
  #isTurnedAway = false
  /** When the last look was answered. */
  #lookedAt = 0
  /** When jobs were last handed over: all that wait here have waited since then at least. */
  #handedAt = 0
  #onIdle: (() => void) | null = null

  constructor(queue: Queue, options: QueueRunnerOptions) {
    this.#queue = queue
    this.#executor = options.executor
    this.#options = options
    this.#patience = new Patience(options.leaseMs)
    this.#claimer = new Claimer(queue.name, options)
    this.#loop = new Loop({
      clock: options.clock,
      pass: (_, isWoken) => this.#pass(isWoken),
      onError: (error) => this.#claimFailed(error),
    })
  }

  /** Takes over a changed declaration; what runs goes on. */
  update(queue: Queue, executor: Executor): void {
    this.#queue = queue
    if (this.#executor !== executor) this.#executor.onCapacity = () => {}
    this.#executor = executor
    executor.onCapacity = () => this.#capacityGrew()
    this.#startReady()
    this.#loop.wake()
  }

  start(): void {
    this.#readAhead.idle(this.#options.clock.monotonic())
    this.#executor.onCapacity = () => this.#capacityGrew()
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

  /** Claiming is allowed again. Whoever did not ask meanwhile has nothing to make up for. */
  wakeIfTurnedAway(): void {
    if (this.#isTurnedAway || this.#ready.length > 0) this.#loop.wake()
  }

  /** Claims nothing more and starts nothing more; what was not started goes back. */
  async stopClaiming(): Promise<void> {
    this.#isStopping = true
    await this.#loop.stop()
    await Promise.all(this.#beside)
    this.#options.attempts.release(this.#ready.takeAll())
  }

  /** Resolves when no attempt is active. */
  drained(): Promise<void> {
    if (this.#active === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  async stop(): Promise<void> {
    await this.stopClaiming()
    await this.drained()
  }

  /** Runs jobs that a lost claim had left behind. */
  adopt(jobs: readonly ClaimedJob[]): void {
    this.#handOver(jobs)
    if (this.#ready.length > 0) this.#loop.wake()
  }

  /** Forgets what was claimed and not started: the lease under it is gone. */
  forget(): void {
    this.#ready.takeAll()
  }

  /** Attempts that run now. */
  get active(): number {
    return this.#active
  }

  /** Whether it rests, and has not been looked for lately. */
  isDue(nowMs: number): boolean {
    return this.#rest.isDue(nowMs, this.#queue.pollingIntervalMs)
  }

  /** Somebody saw at that time (monotonic milliseconds) that there is nothing to claim. */
  seenEmpty(atMs: number): void {
    this.#rest.seenEmpty(atMs, this.#queue.pollingIntervalMs)
  }

  dearLine(): DearLine | null {
    return this.#claimer.dearLine()
  }

  get summary(): RunQueue {
    const { name, executor } = this.#queue
    return { queue: name, executor, slots: concurrencyOf(this.#queue, this.#executor) }
  }

  get #slots(): number {
    return slotsOf(this.#queue, this.#executor, this.#options.held())
  }

  /** The executor can take more. There may be more to claim unless the last look has found all. */
  #capacityGrew(): void {
    this.#startReady()
    if (this.#isLong || this.#isTold) this.#loop.wake()
  }

  /** One look. Gives back how long to wait for the next when nobody wakes it. */
  async #pass(isWoken: boolean): Promise<number> {
    this.#isTold ||= isWoken
    if (this.#failure !== null) {
      const { error } = this.#failure
      this.#failure = null
      throw error
    }
    const quietMs = isWoken ? 0 : this.#rest.quietMs(this.#options.clock.monotonic())
    if (quietMs > 0) return quietMs
    this.#rest.end()
    const workerId = this.#options.claimant()
    this.#isTurnedAway = workerId === null
    if (workerId === null) return DOUBT_MS
    // What was not started while the lease was in doubt.
    this.#startReady()
    this.#giveBack()
    const room = this.#room()
    if (room === 0) {
      // Nobody has looked: this pass is made up for when there is room.
      this.#isTold ||= lacksCapacity(this.#queue, this.#executor)
      return this.#nextLookMs()
    }
    // Two claims may be answered in either order, and where one job runs at a time the order is seen.
    if (!this.#isLong || isOneByOne(this.#queue, this.#executor)) return this.#claim(workerId, room)
    // The line is long: the next look need not wait for this one.
    const claim: Promise<void> = this.#claim(workerId, room)
      .then(
        () => {},
        (error) => {
          this.#failure = { error }
        },
      )
      .finally(() => {
        this.#beside.delete(claim)
        this.#loop.wake()
      })
    this.#beside.add(claim)
    return 0
  }

  /** How many to claim now. */
  #room(): number {
    if (this.#isStopping || this.#claims >= MAX_CLAIMS) return 0
    // A start is a claim: what only waits here would use up the starts of others.
    const ahead = this.#queue.rateLimit === null ? this.#readAhead.jobs : 0
    const held = this.#active + this.#ready.length + this.#asked
    return Math.min(this.#most, claimSize(this.#slots, ahead, held))
  }

  /** What has waited here for long is somebody else's: jobs are not as short as they were. */
  #giveBack(): void {
    const now = this.#options.clock.monotonic()
    if (this.#ready.length === 0 || now - this.#handedAt <= HOARD_MS) return
    this.#readAhead.stuck()
    this.#options.attempts.release(this.#ready.takeAll())
  }

  #nextLookMs(): number {
    const pollMs = jittered(this.#queue.pollingIntervalMs)
    return this.#ready.length > 0 ? Math.min(HOARD_MS, pollMs) : pollMs
  }

  /**
   * A claim for somebody else to send: with a push to this queue. Only at rest, when the push would
   * wake this runner to claim what it brings.
   */
  offer(count: number): OfferedClaim | null {
    const isAtRest = this.#active + this.#ready.length + this.#claims === 0
    if (!isAtRest || this.#queue.rateLimit !== null) return null
    const room = this.#room()
    const workerId = this.#options.claimant()
    if (room < count || workerId === null) return null
    const claim = this.#claimer.begin(workerId, room, false)
    this.#rest.end()
    this.#claims++
    this.#asked += room
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#beside.add(ended)
    const over = (): void => {
      this.#claims--
      this.#asked -= room
      this.#beside.delete(ended)
      end()
    }
    return {
      request: claim.request,
      answered: (rows) => {
        over()
        this.#answered(claim.answered(rows))
        if (this.#isLong || this.#isTold || this.#ready.length > 0) this.#loop.wake()
      },
      lost: () => {
        over()
        claim.lost()
        this.#loop.wake()
      },
    }
  }

  /** Claims, hands over, and gives back how long to wait. */
  async #claim(workerId: string, room: number): Promise<number> {
    const { database, durableClaims } = this.#options
    const claim = this.#claimer.begin(workerId, room, this.#isLong)
    this.#isTold = false
    this.#claims++
    this.#asked += room
    try {
      const { deadlineMs } = this.#patience
      const values = claimValues(claim.request, durableClaims)
      const rows = await database.engine(claimJobs, values, { deadlineMs })
      this.#asked -= room
      this.#patience.answered()
      return this.#answered(claim.answered(rows))
    } catch (error) {
      this.#patience.failed(error)
      this.#asked -= room
      this.#isLong = false
      this.#isTold = true
      // One of the rows may be the reason.
      if (isOfStatement(error)) this.#most = Math.max(1, Math.floor(room / SHRINK))
      claim.lost()
      throw error
    } finally {
      this.#claims--
    }
  }

  /** Hands over what was claimed, and gives back how long to wait for the next look. */
  #answered({ isClosed, looked, could, waitMs, jobs, isWhole }: ClaimAnswer): number {
    this.#lookedAt = this.#options.clock.monotonic()
    if (this.#most < MAX_CLAIM) this.#most = Math.min(MAX_CLAIM, this.#most * 2)
    // A pause may be over before anybody has read of it, and what came meanwhile waits here.
    if (isClosed && this.#queue.state === 'active') this.#options.onClosed(this.#queue.name)
    this.#handOver(jobs)
    this.#options.hub.emit('queue.polled', { queue: this.#queue.name, looked, taken: jobs.length })
    // All that was looked at may have been put aside: the line goes on behind it.
    this.#isLong = could > 0 && looked >= could
    if (this.#isLong) return 0
    // Out of starts: the next one is due at a known time, unless a row written by hand never has one.
    const isDue = waitMs > 0 && (this.#queue.rateLimit?.max ?? 0) > 0
    if (isDue) return waitMs
    const pollMs = this.#nextLookMs()
    // Nobody goes to rest before the whole line was looked at.
    if (!isWhole) return Math.min(pollMs, this.#claimer.wholeInMs())
    // A queue that may not be claimed from is looked at as seldom as it asks for; and what waits here
    // is looked after by passes.
    if (could > 0 && this.#ready.length === 0) this.#rest.begin(this.#options.clock.monotonic())
    return pollMs
  }

  #handOver(jobs: readonly ClaimedJob[]): void {
    if (jobs.length === 0) return
    this.#handedAt = this.#options.clock.monotonic()
    this.#rest.end()
    // What was claimed under a lease that is lost by now belongs to whoever recovers it.
    const workerId = this.#options.workerId()
    const attempts: RunningAttempt[] = []
    for (const job of jobs) {
      if (job.workerId !== workerId) continue
      // Known from here on, so that nobody takes them for jobs that a lost claim left behind.
      const attempt = this.#options.running.add(job)
      if (attempt !== null) attempts.push(attempt)
    }
    this.#ready.add(attempts)
    this.#startReady()
  }

  #startReady(): void {
    if (this.#ready.length === 0 || this.#options.claimant() === null) return
    let free = this.#slots - this.#active
    for (; free > 0 && this.#ready.length > 0 && !this.#isStopping; free--) {
      this.#run(this.#ready.take())
    }
  }

  #run(attempt: RunningAttempt): void {
    const { attempts, clock, log } = this.#options
    this.#active++
    const startedAt = clock.monotonic()
    attempts
      .run(attempt, this.#executor)
      .catch((error) =>
        log.error({ err: error, job: attempt.job.id }, 'an attempt was not settled'),
      )
      .then(() => {
        this.#active--
        this.#ended(startedAt)
      })
  }

  #ended(startedAt: number): void {
    const now = this.#options.clock.monotonic()
    this.#readAhead.ended(now, now - startedAt)
    if (this.#ready.length > 0) this.#startReady()
    if (this.#active === 0) {
      this.#readAhead.idle(now)
      this.#onIdle?.()
      this.#onIdle = null
    }
    if (this.#mayFind(now) && this.#room() > 0) this.#loop.wake()
  }

  /** Whether there may be more than the last look has found: it need not be made again otherwise. */
  #mayFind(nowMs: number): boolean {
    if (this.#isLong || this.#isTold || !this.#options.hears()) return true
    // Whoever was to tell may have ended before, or was not heard.
    return nowMs - this.#lookedAt > OLD_LOOK_MS
  }

  #claimFailed(error: unknown): void {
    this.#options.hub.emit('database.troubled', {
      what: `claiming from ${this.#queue.name}`,
      error,
    })
  }
}
