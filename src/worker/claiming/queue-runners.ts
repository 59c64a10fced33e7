import type { ClaimOffer, LocalRunner } from '../../app/push/local-claim-offers.ts'
import type { ClaimedJob } from '../../core/claimed-job.ts'
import { callAfter, systemClock } from '../../core/clock.ts'
import type { Queue } from '../../core/queue.ts'
import type { QueueSlots } from '../../core/worker-figures.ts'
import type { Executor } from '../../executors/executor.ts'
import type { Executors } from '../executors.ts'
import type { ExpensiveScan } from '../maintenance/watermark-updater.ts'
import type { RunQueue } from '../worker-log.ts'
import { QueueRunner, type QueueRunnerOptions } from './queue-runner.ts'
import type { Dueness } from './runner-state.ts'

export interface QueueRunnersOptions extends Omit<QueueRunnerOptions, 'executor' | 'held'> {
  readonly executors: Executors
  /** Which queues are served, or why one is not, has changed. */
  readonly onServed: () => void
}

/** From this many workers on, a notification wakes their runners one after the other. */
const MANY_WORKERS = 8
const MAX_WAKE_DELAY_MS = 50

/** The runners of one worker, one a queue. */
export class QueueRunners implements LocalRunner {
  readonly #options: QueueRunnersOptions
  readonly #runners = new Map<string, QueueRunner>()
  /** Runners of queues that are gone, until their attempts have ended. */
  readonly #retired = new Map<
    QueueRunner,
    { readonly name: string; readonly ended: Promise<void> }
  >()
  /** Changes of one queue follow each other: an executor takes its time to start. */
  readonly #changes = new Map<string, Promise<void>>()
  /** Why queues that are for this worker cannot be run by it. */
  readonly #refused = new Map<string, string>()
  /** Queues whose start was announced. */
  readonly #announced = new Set<string>()
  #failure: unknown = null
  #workersSeen = 1

  constructor(options: QueueRunnersOptions) {
    this.#options = options
  }

  /** How many workers hold a lease: many must not all wake for one job. */
  set workersSeen(count: number) {
    this.#workersSeen = count
  }

  /** Runs a queue from now on, or takes over its changed declaration. */
  run(queue: Queue): void {
    this.#change(queue.name, () => this.#run(queue))
  }

  /** Stops running a queue; its running jobs continue to their end. */
  retire(name: string): void {
    this.#change(name, async () => this.#retire(name))
  }

  /**
   * Resolves when all changes so far have been made. A queue that cannot be run does not hold up the
   * others.
   *
   * @throws the first failure, when no queue can be run
   */
  async settled(): Promise<void> {
    while (this.#changes.size > 0) await Promise.all(this.#changes.values())
    const failure = this.#failure
    this.#failure = null
    if (failure !== null && this.served().length === 0) throw failure
  }

  /** The queues whose jobs can run here now. */
  served(): string[] {
    const { executors } = this.#options
    return [...this.#runners.keys()].filter((name) => executors.troubleOf(name) === null)
  }

  /** Why the other queues that are for this worker cannot be run by it now, by name. */
  refusals(): Readonly<Record<string, string>> {
    const refusals = new Map(this.#refused)
    for (const name of this.#runners.keys()) {
      const trouble = this.#options.executors.troubleOf(name)
      if (trouble !== null) refusals.set(name, trouble)
    }
    return Object.fromEntries(refusals)
  }

  /** Whether this worker can never run it as it is declared. */
  isRefused(queue: string): boolean {
    return this.#refused.has(queue)
  }

  /** Hands over jobs that a lost claim had left behind; those of other queues are released. */
  reclaim(jobs: readonly ClaimedJob[]): void {
    const { attempts, ledger } = this.#options
    for (const job of jobs) {
      const runner = this.#runners.get(job.queue)
      if (runner !== undefined) {
        runner.reclaim([job])
        continue
      }
      const attempt = ledger.add(job)
      if (attempt !== null) attempts.release([attempt])
    }
  }

  /** The same, with how they are run. */
  summaries(): readonly RunQueue[] {
    return this.served().flatMap((name) => this.#runners.get(name)?.summary ?? [])
  }

  /** The slots of the queues whose jobs can run here now, and how many of them are busy. */
  slots(): readonly QueueSlots[] {
    return this.served().flatMap((name) => {
      const runner = this.#runners.get(name)
      if (runner === undefined) return []
      return [{ queue: name, slots: runner.summary.slots, busy: runner.running }]
    })
  }

  /** The children of an executor cannot be started, or can be again. */
  executorsChanged(): void {
    for (const name of this.served()) if (!this.#changes.has(name)) this.#announce(name)
    this.#options.onServed()
  }

  has(queue: string): boolean {
    return this.#runners.has(queue)
  }

  wake(queue: string): void {
    const runner = this.#runners.get(queue)
    if (runner === undefined) return
    if (this.#workersSeen < MANY_WORKERS) {
      runner.wake()
      return
    }
    const delayMs = Math.min(MAX_WAKE_DELAY_MS, this.#workersSeen / 4) * Math.random()
    // It spreads the load of the server.
    callAfter(systemClock, delayMs, () => runner.wake())
  }

  offer(queue: string, names: ReadonlySet<string>, count: number): ClaimOffer | null {
    const known = this.#options.names
    if (![...names].every((name) => known.includes(name))) return null
    return this.#runners.get(queue)?.offer(count) ?? null
  }

  /** How long ago each queue was found empty, for a scan of many. `nowMs` is monotonic. */
  dueness(nowMs: number): [queue: string, dueness: Dueness][] {
    return [...this.#runners].map(([queue, runner]) => [queue, runner.dueness(nowMs)])
  }

  seenEmpty(queue: string, atMs: number): void {
    this.#runners.get(queue)?.seenEmpty(atMs)
  }

  expensiveScans(): readonly ExpensiveScan[] {
    return [...this.#runners.values()].flatMap((runner) => runner.expensiveScan() ?? [])
  }

  wakeAll(): void {
    for (const runner of this.#runners.values()) runner.wake()
  }

  /** The database can be reached again. */
  hasten(): void {
    for (const runner of this.#runners.values()) runner.hasten()
  }

  /** The worker is paused. Resolves when no claim is in flight and what has not begun was released. */
  async pause(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.pause()))
    if (this.#options.isPaused()) this.#options.executors.returnUnbegun()
  }

  /** Attempts that run now. */
  get running(): number {
    let running = 0
    for (const runner of this.#runners.values()) running += runner.running
    for (const runner of this.#retired.keys()) running += runner.running
    return running
  }

  /** Claims are allowed again. */
  resume(): void {
    for (const runner of this.#runners.values()) runner.resume()
  }

  /** The lease is lost: forgets what was claimed and not started. */
  forget(): void {
    for (const runner of this.#runners.values()) runner.forget()
  }

  async stopClaiming(): Promise<void> {
    await this.settled().catch(() => {})
    await Promise.all([...this.#runners.values()].map((runner) => runner.stopClaiming()))
    this.#options.executors.returnUnbegun()
  }

  /** Resolves when no attempt runs any more. */
  async drained(): Promise<void> {
    const running = [...this.#runners.values()].map((runner) => runner.drained())
    const retired = [...this.#retired.values()].map(({ ended }) => ended)
    await Promise.all([...running, ...retired])
  }

  #change(name: string, work: () => Promise<void>): void {
    const before = this.#changes.get(name) ?? Promise.resolve()
    const change: Promise<void> = before.then(work).catch((error) => {
      this.#failure ??= error
    })
    const ended = change.then(() => {
      if (this.#changes.get(name) === ended) this.#changes.delete(name)
      this.#options.onServed()
    })
    this.#changes.set(name, ended)
  }

  /** @throws {ConfigError} when it cannot be run, now or ever; a reason that passes is tried again */
  async #run(queue: Queue): Promise<void> {
    const executor = this.#executorFor(queue)
    const present = this.#runners.get(queue.name)
    if (present !== undefined) {
      present.update(queue, executor)
      await executor.start()
      return
    }
    const held = (): number => this.#heldBefore(queue.name)
    const runner = new QueueRunner(queue, { ...this.#options, executor, held })
    this.#runners.set(queue.name, runner)
    // It claims nothing before its executor can run jobs.
    await executor.start().finally(() => runner.start())
    this.#announce(queue.name)
  }

  /** Once for each queue, as soon as it is served. */
  #announce(queue: string): void {
    if (this.#announced.has(queue)) return
    this.#announced.add(queue)
    const { hub, workerId } = this.#options
    hub.emit('queue.started', { queue, workerId: workerId() })
  }

  #executorFor(queue: Queue): Executor {
    try {
      const executor = this.#options.executors.for(queue)
      this.#refused.delete(queue.name)
      return executor
    } catch (error) {
      this.#options.log.error(
        { err: error, queue: queue.name },
        'a queue cannot be run by this worker',
      )
      this.#retire(queue.name)
      this.#refused.set(queue.name, (error as Error).message)
      throw error
    }
  }

  #retire(name: string): void {
    const { hub, workerId, executors } = this.#options
    const runner = this.#runners.get(name)
    executors.release(name)
    this.#refused.delete(name)
    if (runner === undefined) return
    this.#runners.delete(name)
    this.#announced.delete(name)
    const ended = runner.stop().then(() => {
      this.#retired.delete(runner)
      hub.emit('queue.stopped', { queue: name, workerId: workerId() })
      this.#runners.get(name)?.wake()
    })
    this.#retired.set(runner, { name, ended })
  }

  /** A queue that is deleted and declared again while its jobs run must not get its slots twice. */
  #heldBefore(name: string): number {
    let held = 0
    for (const [runner, retired] of this.#retired) if (retired.name === name) held += runner.running
    return held
  }
}
