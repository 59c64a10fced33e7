import type { Outcome } from '../../core/outcome.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import type { StopRequest } from '../../core/stop-request.ts'
import { stoppedOutcome } from '../attempt-outcome.ts'
import type { Attempt, Executor, ExecutorSettings } from '../executor.ts'
import { AttemptBacklog } from './attempt-backlog.ts'
import type { ChildGroup } from './child-group.ts'
import type { DispatchedQueue } from './dispatcher.ts'
import type { SharingQueue } from './fair-shares.ts'
import { PooledAttempt } from './pooled-attempt.ts'
import { RecyclePolicy } from './recycle-policy.ts'
import type { Tenant } from './tenant.ts'

const DEFAULT_KILL_AFTER_MS = 5_000

/** What a queue needs of the pool that it shares. */
export interface QueueOwner {
  /** Children that queues share. */
  readonly size: number
  /** No child takes an attempt, and none is known to come. */
  readonly isDown: boolean
  readonly isStopping: boolean
  /** Numbers attempts in the order in which they came. */
  nextPosition(): number
  groupOf(memoryBytes: number | undefined): ChildGroup
  /** Whether this job ran when a child died together with others. */
  isSuspect(jobId: string): boolean
  /** The children that this queue may have now, at least one. */
  shareOf(queue: PoolQueue): number
  ready(): Promise<void>
  schedule(): void
  close(queue: PoolQueue, graceMs: number): Promise<void>
}

/** One queue at a pool of children: the executor that its runner sees. It owns the attempts of the queue. */
export class PoolQueue implements Executor, Tenant, DispatchedQueue, SharingQueue {
  readonly isAlone = false
  readonly defaultConcurrency: number
  /** Is called when it can take more than it reported last. */
  onCapacity: () => void = () => {}
  readonly #backlogs = new Map<string, AttemptBacklog>()
  readonly #shared: AttemptBacklog
  readonly #owner: QueueOwner
  readonly #number: number
  #concurrency = 1
  #policy = new RecyclePolicy(undefined)
  #killAfterMs = DEFAULT_KILL_AFTER_MS
  #lastCapacity = 0

  constructor(number: number, owner: QueueOwner, settings: ExecutorSettings) {
    this.#number = number
    this.#owner = owner
    this.defaultConcurrency = owner.size
    this.#shared = this.#addBacklog(undefined, false)
    this.#set(settings)
  }

  get backlogs(): ReadonlyMap<string, AttemptBacklog> {
    return this.#backlogs
  }

  get running(): number {
    let running = 0
    for (const { load } of this.#backlogs.values()) running += load
    return running
  }

  get concurrency(): number {
    return this.#concurrency
  }

  get policy(): RecyclePolicy {
    return this.#policy
  }

  get killAfterMs(): number {
    return this.#killAfterMs
  }

  /** Jobs without a limit that run concurrently in one child, for all to run in the children of its share. */
  get width(): number {
    return Math.ceil(this.#concurrency / this.share)
  }

  get share(): number {
    return this.#owner.shareOf(this)
  }

  get sharedLoad(): number {
    return this.#shared.load
  }

  get capacity(): number {
    if (this.#owner.isDown) return 0
    const { share } = this
    let free = share
    let busy = 0
    for (const child of this.#shared.busyChildren) {
      if (++busy > share) break
      free += Math.max(0, child.slots - child.attempts.size) - 1
    }
    for (const { waiting } of this.#backlogs.values()) free -= waiting
    return Math.min(this.#concurrency, this.running + Math.max(0, free))
  }

  get ahead(): number {
    let ahead = 0
    let count = 0
    const { share } = this
    for (const backlog of this.#backlogs.values()) {
      for (const child of backlog.group.children) {
        if (child.tenant !== backlog || !child.takes(backlog)) continue
        if (!backlog.isAlone && ++count > share) continue
        ahead += child.ahead
      }
    }
    return ahead
  }

  start(): Promise<void> {
    return this.#owner.ready()
  }

  run(attempt: Attempt, stop: StopRequest): Promise<Outcome> {
    if (stop.reason !== null || this.#owner.isStopping) {
      return Promise.resolve(stoppedOutcome(attempt, stop, false) ?? { kind: 'interrupted' })
    }
    return new Promise((resolve) => {
      const backlog = this.#backlogFor(attempt)
      const position = this.#owner.nextPosition()
      const pooled = new PooledAttempt(attempt, stop, backlog, position, resolve)
      backlog.add(pooled)
      stop.onAsk(() => this.#onStop(pooled))
      this.#owner.schedule()
    })
  }

  returnUnbegun(): void {
    for (const backlog of this.#backlogs.values()) {
      for (const child of backlog.busyChildren) {
        // An attempt that begins before it is found runs to its end.
        const { unbegun } = child.attempts
        for (const attempt of unbegun) attempt.unwanted()
        child.recall(unbegun)
      }
    }
    for (const backlog of this.#backlogs.values()) {
      for (const attempt of backlog.take()) attempt.end({ kind: 'interrupted' })
    }
  }

  /** Asks all of its attempts to stop. */
  interrupt(): void {
    for (const backlog of this.#backlogs.values()) {
      for (const attempt of backlog.take()) attempt.end({ kind: 'interrupted' })
      for (const child of backlog.busyChildren) {
        for (const attempt of child.attempts) attempt.stop.ask('interrupted')
      }
    }
  }

  /** No child of this group can run attempts: ends those that wait for one. */
  failWaiting(group: ChildGroup, reason: 'trouble' | 'memory'): void {
    const outcome = outcomeOfFailure(group.memoryBytes, group.trouble, reason)
    for (const backlog of this.#backlogs.values()) {
      if (backlog.group !== group) continue
      for (const attempt of backlog.take()) attempt.end(outcome)
    }
  }

  /** Ends as interrupted what has waited this long, except what the children that start will run. */
  returnOverdue(now: number, maxWaitMs: number): void {
    for (const backlog of this.#backlogs.values()) {
      const { next, group } = backlog
      if (next === null || now - next.waitingSince < maxWaitMs || group.failures > 0) continue
      // A queue without a child gets one soon.
      const kept = Math.max(group.booting, backlog.busyChildren.length === 0 ? 1 : 0)
      for (const attempt of backlog.takeOverdue(now - maxWaitMs, kept)) {
        attempt.end({ kind: 'interrupted' })
      }
    }
  }

  update(settings: ExecutorSettings): void {
    this.#set(settings)
    this.#owner.schedule()
  }

  stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    return this.#owner.close(this, graceMs)
  }

  /** Reports that it can take more, when it can. */
  publishCapacity(): void {
    const capacity = this.capacity
    const hasGrown = capacity > this.#lastCapacity
    this.#lastCapacity = capacity
    if (hasGrown) this.onCapacity()
  }

  uses(group: ChildGroup): boolean {
    return [...this.#backlogs.values()].some((backlog) => backlog.group === group)
  }

  /** Forgets memory limits that no attempt has now. */
  prune(): void {
    for (const [key, backlog] of this.#backlogs) {
      if (backlog !== this.#shared && backlog.load === 0 && backlog.group.children.size === 0) {
        this.#backlogs.delete(key)
      }
    }
  }

  #set({ concurrency, maximumJobsPerChild, killAfterMs }: ExecutorSettings): void {
    this.#concurrency = concurrency ?? this.defaultConcurrency
    this.#policy = new RecyclePolicy(maximumJobsPerChild)
    this.#killAfterMs = killAfterMs ?? DEFAULT_KILL_AFTER_MS
  }

  #onStop(attempt: PooledAttempt): void {
    if (attempt.state !== 'waiting') attempt.passStop()
    else attempt.end(stoppedOutcome(attempt.spec, attempt.stop, false)!)
  }

  /** With one job at a time their order is visible, so one backlog has all without a memory limit. */
  #backlogFor({ job, limits: { memoryBytes, timeMs } }: Attempt): AttemptBacklog {
    const mayShare = timeMs === undefined && !this.#owner.isSuspect(job.id)
    if (memoryBytes === undefined && (mayShare || this.#concurrency === 1)) return this.#shared
    const key = this.#keyOf(memoryBytes, true)
    return this.#backlogs.get(key) ?? this.#addBacklog(memoryBytes, true)
  }

  #addBacklog(memoryBytes: number | undefined, isAlone: boolean): AttemptBacklog {
    const key = this.#keyOf(memoryBytes, isAlone)
    const backlog = new AttemptBacklog(key, this.#owner.groupOf(memoryBytes), isAlone, this)
    this.#backlogs.set(key, backlog)
    return backlog
  }

  #keyOf(memoryBytes: number | undefined, isAlone: boolean): string {
    return `${this.#number} ${memoryBytes ?? ''} ${isAlone ? 'alone' : 'shared'}`
  }
}

function outcomeOfFailure(
  memoryBytes: number | undefined,
  trouble: SerializedError | null,
  reason: 'trouble' | 'memory',
): Outcome {
  if (reason === 'memory' && memoryBytes !== undefined) {
    return { kind: 'over-memory', limitBytes: memoryBytes }
  }
  return trouble === null ? { kind: 'interrupted' } : { kind: 'interrupted', error: trouble }
}
