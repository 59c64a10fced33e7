import type { Outcome } from '../../core/outcome.ts'
import type { Stop } from '../../core/stop.ts'
import { stoppedOutcome } from '../entry/run-attempt.ts'
import type { Attempt, Executor, ExecutorSettings } from '../executor.ts'
import { Run } from '../run.ts'
import { AttemptLine } from './attempt-line.ts'
import type { ChildGroup } from './child-group.ts'
import type { DispatchedQueue } from './dispatcher.ts'
import { RecyclePolicy } from './recycle-policy.ts'
import type { Tenant } from './tenant.ts'

const DEFAULT_KILL_AFTER_MS = 5_000

/** What a queue asks of the pool that it shares. */
export interface QueueOwner {
  /** Children that queues share. */
  readonly size: number
  /** No child takes an attempt, and none is known to come. */
  readonly isDown: boolean
  readonly isStopping: boolean
  /** Numbers attempts in the order in which they came. */
  nextOrder(): number
  groupOf(memoryBytes: number | undefined): ChildGroup
  /** Whether this job ran when a child died together with others. */
  isSuspect(jobId: string): boolean
  /** The children that this queue may have now, at least one. */
  shareOf(queue: PoolQueue): number
  ready(): Promise<void>
  schedule(): void
  end(run: Run, outcome: Outcome): void
  /** Ends as interrupted what was sent to children of these lines and has not begun. */
  recall(lines: Iterable<AttemptLine>): void
  close(queue: PoolQueue, graceMs: number): Promise<void>
}

/** One queue at a pool of children: the executor that its runner sees. */
export class PoolQueue implements Executor, Tenant, DispatchedQueue {
  readonly isAlone = false
  readonly defaultConcurrency: number
  readonly lines = new Map<string, AttemptLine>()
  /** Called when it can take more than it said last. */
  onCapacity: () => void = () => {}
  #concurrency = 1
  #policy = new RecyclePolicy(undefined)
  #killAfterMs = DEFAULT_KILL_AFTER_MS
  readonly #shared: AttemptLine
  readonly #owner: QueueOwner
  readonly #number: number
  #lastCapacity = 0

  constructor(number: number, owner: QueueOwner, settings: ExecutorSettings) {
    this.#number = number
    this.#owner = owner
    this.defaultConcurrency = owner.size
    this.#shared = this.#addLine(undefined, false)
    this.#set(settings)
  }

  get running(): number {
    let running = 0
    for (const { load } of this.lines.values()) running += load
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

  /** Jobs without a limit that run at once in one child, for all to run in the children of its share. */
  get width(): number {
    return Math.ceil(this.#concurrency / this.share)
  }

  get share(): number {
    return this.#owner.shareOf(this)
  }

  /** Attempts that could share children: by it the children are divided. */
  get sharedLoad(): number {
    return this.#shared.load
  }

  get capacity(): number {
    if (this.#owner.isDown) return 0
    const { share } = this
    let free = share
    let lent = 0
    for (const child of this.#shared.lent) {
      if (++lent > share) break
      free += Math.max(0, child.slots - child.runs.size) - 1
    }
    for (const { waiting } of this.lines.values()) free -= waiting
    return Math.min(this.#concurrency, this.running + Math.max(0, free))
  }

  get ahead(): number {
    let ahead = 0
    let count = 0
    const { share } = this
    for (const line of this.lines.values()) {
      for (const child of line.group.children) {
        if (child.tenant !== line || !child.takes(line)) continue
        if (!line.isAlone && ++count > share) continue
        ahead += child.ahead
      }
    }
    return ahead
  }

  start(): Promise<void> {
    return this.#owner.ready()
  }

  run(attempt: Attempt, stop: Stop): Promise<Outcome> {
    if (stop.reason !== null || this.#owner.isStopping) {
      return Promise.resolve(stoppedOutcome(attempt, stop, false) ?? { kind: 'interrupted' })
    }
    return new Promise((resolve) => {
      const line = this.#lineFor(attempt)
      const run = new Run(attempt, stop, line, this.#owner.nextOrder(), resolve)
      line.load++
      line.push(run)
      stop.onAsk(() => this.#asked(run))
      this.#owner.schedule()
    })
  }

  giveBack(): void {
    this.#owner.recall(this.lines.values())
    for (const line of this.lines.values()) {
      for (const run of line.take()) this.#owner.end(run, { kind: 'interrupted' })
    }
  }

  update(settings: ExecutorSettings): void {
    this.#set(settings)
    this.#owner.schedule()
  }

  stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    return this.#owner.close(this, graceMs)
  }

  /** Says that it can take more, when it can. */
  tellCapacity(): void {
    const capacity = this.capacity
    const hasGrown = capacity > this.#lastCapacity
    this.#lastCapacity = capacity
    if (hasGrown) this.onCapacity()
  }

  /** Forgets memory limits that no attempt has now. */
  prune(): void {
    for (const [key, line] of this.lines) {
      if (line !== this.#shared && line.load === 0 && line.group.children.size === 0) {
        this.lines.delete(key)
      }
    }
  }

  #set({ concurrency, maximumJobsPerChild, killAfterMs }: ExecutorSettings): void {
    this.#concurrency = concurrency ?? this.defaultConcurrency
    this.#policy = new RecyclePolicy(maximumJobsPerChild)
    this.#killAfterMs = killAfterMs ?? DEFAULT_KILL_AFTER_MS
  }

  #asked(run: Run): void {
    if (run.state === 'waiting') {
      this.#owner.end(run, stoppedOutcome(run.attempt, run.stop, false)!)
    } else if (run.state !== 'ended') {
      run.child?.ask(run)
    }
  }

  /** With one job at a time their order is seen, so there is one line for all without a memory limit. */
  #lineFor({ job, limits: { memoryBytes, timeMs } }: Attempt): AttemptLine {
    const mayShare = timeMs === undefined && !this.#owner.isSuspect(job.id)
    if (memoryBytes === undefined && (mayShare || this.#concurrency === 1)) return this.#shared
    const key = this.#keyOf(memoryBytes, true)
    return this.lines.get(key) ?? this.#addLine(memoryBytes, true)
  }

  #addLine(memoryBytes: number | undefined, isAlone: boolean): AttemptLine {
    const key = this.#keyOf(memoryBytes, isAlone)
    const line = new AttemptLine(key, this.#owner.groupOf(memoryBytes), isAlone, this)
    this.lines.set(key, line)
    return line
  }

  #keyOf(memoryBytes: number | undefined, isAlone: boolean): string {
    return `${this.#number} ${memoryBytes ?? ''} ${isAlone ? 'alone' : 'shared'}`
  }
}
