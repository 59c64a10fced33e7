import type { LocalRunner, OfferedClaim } from '../app/local-claims.ts'
import type { ClaimedJob } from '../core/claimed-job.ts'
import type { Queue } from '../core/queue.ts'
import type { Executor } from '../executors/executor.ts'
import type { Executors } from './executors.ts'
import type { DearLine } from './line-keeper.ts'
import { QueueRunner, type QueueRunnerOptions } from './queue-runner.ts'
import type { RunQueue } from './worker-log.ts'

export interface QueueRunnersOptions extends Omit<QueueRunnerOptions, 'executor' | 'held'> {
  readonly executors: Executors
  /** Which queues are served, or why one is not, has changed. */
  readonly onServed: () => void
}

/** With this many workers or more a notification wakes them one after the other. */
const HERD = 8
const MAX_HERD_DELAY_MS = 50

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
  /** Queues of which it was said that they are run. */
  readonly #announced = new Set<string>()
  #failure: unknown = null
  #workersSeen = 1

  constructor(options: QueueRunnersOptions) {
    this.#options = options
  }

  /** How many workers live: many must not all wake for one job. */
  set workersSeen(count: number) {
    this.#workersSeen = count
  }

  /** Runs a queue from now on, or takes over its changed declaration. */
  run(queue: Queue): void {
    this.#change(queue.name, () => this.#run(queue))
  }

  /** Stops running a queue; what runs of it goes on to its end. */
  retire(name: string): void {
    this.#change(name, async () => this.#retire(name))
  }

  /**
   * Resolves when what was asked for so far has been done. A queue that cannot be run does not keep
   * the others from it.
   *
   * @throws what stood in the way when no queue can be run
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

  /** Hands over jobs that a lost claim had left behind; those of other queues go back. */
  adopt(jobs: readonly ClaimedJob[]): void {
    const { attempts, running } = this.#options
    for (const job of jobs) {
      const runner = this.#runners.get(job.queue)
      if (runner !== undefined) {
        runner.adopt([job])
        continue
      }
      const attempt = running.add(job)
      if (attempt !== null) attempts.release([attempt])
    }
  }

  /** The same, with how they are run. */
  summaries(): readonly RunQueue[] {
    return this.served().flatMap((name) => this.#runners.get(name)?.summary ?? [])
  }

  /** The children of an executor cannot be started, or can again. */
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
    if (this.#workersSeen < HERD) {
      runner.wake()
      return
    }
    const delayMs = Math.min(MAX_HERD_DELAY_MS, this.#workersSeen / 4) * Math.random()
    setTimeout(() => runner.wake(), delayMs)
  }

  offer(queue: string, names: ReadonlySet<string>, count: number): OfferedClaim | null {
    const known = this.#options.names
    if (![...names].every((name) => known.includes(name))) return null
    return this.#runners.get(queue)?.offer(count) ?? null
  }

  /** Queues at rest that somebody may look for. `nowMs` is monotonic. */
  due(nowMs: number): string[] {
    return [...this.#runners].flatMap(([queue, runner]) => (runner.isDue(nowMs) ? [queue] : []))
  }

  seenEmpty(queue: string, atMs: number): void {
    this.#runners.get(queue)?.seenEmpty(atMs)
  }

  dearLines(): readonly DearLine[] {
    return [...this.#runners.values()].flatMap((runner) => runner.dearLine() ?? [])
  }

  wakeAll(): void {
    for (const runner of this.#runners.values()) runner.wake()
  }

  /** The database can be reached again. */
  hasten(): void {
    for (const runner of this.#runners.values()) runner.hasten()
  }

  /** Claiming is allowed again. */
  wakeTurnedAway(): void {
    for (const runner of this.#runners.values()) runner.wakeIfTurnedAway()
  }

  /** Forgets what was claimed and not started. */
  forget(): void {
    for (const runner of this.#runners.values()) runner.forget()
  }

  async stopClaiming(): Promise<void> {
    await this.settled().catch(() => {})
    await Promise.all([...this.#runners.values()].map((runner) => runner.stopClaiming()))
    this.#options.executors.giveBack()
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

  /** @throws {ConfigError} when it cannot be run, now or ever; what is only so now is tried again */
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
    // It claims nothing before its executor can run something.
    await executor.start().finally(() => runner.start())
    this.#announce(queue.name)
  }

  /** Once, as soon as it is served. */
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
    for (const [runner, retired] of this.#retired) if (retired.name === name) held += runner.active
    return held
  }
}
