import type { SerializedError } from '../core/serialize-error.ts'
import { isRefusedAllocation, lostError } from './attempt-end.ts'
import type { ChildExit, Launch } from './child.ts'
import type { ChildRule } from './child-rule.ts'
import type { Attempt } from './executor.ts'
import { Lane } from './lane.ts'
import { type ChildOwner, PooledChild } from './pooled-child.ts'
import { Suspects } from './suspects.ts'

export interface RosterOptions {
  readonly launch: Launch
  readonly modules: readonly string[]
  readonly concurrency: number
  readonly cpus: number
  readonly rule: ChildRule
  /** Hears of the children, and of runs that end for want of one. */
  readonly owner: ChildOwner
  readonly onTrouble: (error: SerializedError | null) => void
  readonly onChanged: () => void
}

const MAX_BACKOFF_MS = 5_000
const FAILURES_IN_A_ROW = 5

export const SHARED = 'shared'

/** Which children there are, in which lanes, and when another is started. */
export class Roster {
  readonly lanes = new Map<string, Lane>()
  readonly suspects = new Suspects()
  concurrency: number
  rule: ChildRule
  isStopping = false
  /** Why no child could be started the last times. */
  trouble: SerializedError | null = null
  readonly #options: RosterOptions
  readonly #cpus: number

  constructor(options: RosterOptions) {
    this.#options = options
    this.#cpus = options.cpus
    this.concurrency = options.concurrency
    this.rule = options.rule
    this.lanes.set(SHARED, new Lane(SHARED, undefined, this.width))
  }

  get shared(): Lane {
    return this.lanes.get(SHARED)!
  }

  /** Children that are always there. */
  get kept(): number {
    return Math.min(this.concurrency, this.#cpus)
  }

  /** Jobs at once in a child of those that have no limit. */
  get width(): number {
    return Math.ceil(this.concurrency / this.kept)
  }

  get children(): PooledChild[] {
    return [...this.lanes.values()].flatMap((lane) => [...lane.children])
  }

  laneOf({ job, limits }: Attempt): Lane {
    const { memoryBytes, timeMs } = limits
    if (memoryBytes === undefined) {
      const mayShare = this.width === 1 || (timeMs === undefined && !this.suspects.has(job.id))
      if (mayShare) return this.shared
    }
    const key = `alone ${memoryBytes ?? ''}`
    let lane = this.lanes.get(key)
    if (lane === undefined) {
      lane = new Lane(key, memoryBytes, 1)
      this.lanes.set(key, lane)
    }
    return lane
  }

  #start(lane: Lane): void {
    const { memoryBytes, width } = lane
    const limit = memoryBytes === undefined ? {} : { memoryBytes }
    try {
      const options = { jobs: this.#options.modules, width, ...limit }
      const child = new PooledChild(lane.key, this.#options.launch, options, this.#options.owner)
      child.quota = this.rule.quota
      lane.children.add(child)
    } catch (error) {
      lane.retryAt = performance.now() + MAX_BACKOFF_MS
      this.troubled({ name: 'ConfigError', message: (error as Error).message, stack: null })
      this.#strand(lane)
    }
  }

  bootFailed(lane: Lane, child: PooledChild, exit: ChildExit): void {
    // Stopped on purpose while it started.
    if (this.isStopping) return
    lane.failures++
    lane.retryAt = performance.now() + Math.min(MAX_BACKOFF_MS, 50 * 2 ** lane.failures)
    const isMemory = exit.isOutOfMemory || isRefusedAllocation(child.bootError ?? undefined)
    if (isMemory && lane.memoryBytes !== undefined) {
      const limitBytes = lane.memoryBytes
      for (const run of lane.take())
        this.#options.owner.onEnded(run, { kind: 'over-memory', limitBytes })
      return
    }
    const told = child.bootError?.message ?? ''
    const why = told === '' ? lostError(exit).message : told
    const isConfig = child.bootError?.name === 'ConfigError'
    if (lane.failures < FAILURES_IN_A_ROW && !isConfig) return
    this.troubled({
      name: isConfig ? 'ConfigError' : 'AttemptError',
      message: `A child of the executor could not be started, tried ${lane.failures === 1 ? 'once' : `${lane.failures} times in a row`}: ${why}`,
      stack: null,
    })
    this.#strand(lane)
  }

  /** Nothing of this lane can run now: back with it, saying why. */
  #strand(lane: Lane): void {
    const error = this.trouble
    for (const run of lane.take()) {
      this.#options.owner.onEnded(
        run,
        error === null ? { kind: 'interrupted' } : { kind: 'interrupted', error },
      )
    }
  }

  troubled(trouble: SerializedError | null): void {
    if (trouble === null && this.trouble === null) return
    const isNews = (trouble === null) !== (this.trouble === null)
    this.trouble = trouble
    if (isNews) this.#options.onTrouble(trouble)
    this.#options.onChanged()
  }

  /** Starts the children that a lane lacks. */
  staff(lane: Lane): void {
    if (this.isStopping || performance.now() < lane.retryAt) return
    const { booting } = lane
    let present = 0
    let idle = 0
    for (const child of lane.children) {
      if (child.state === 'retiring' || child.state === 'killed') continue
      // One at a time is replaced before its end.
      if (lane === this.shared && booting === 0 && this.rule.isSoonDue(child)) continue
      present++
      if (child.runs.size === 0) idle++
    }
    if (lane === this.shared) {
      for (; present < this.kept; present++) this.#start(lane)
      return
    }
    // One for the first; more only while all are busy, and as many at a time as there are CPUs.
    if (lane.head === null || idle > 0) return
    if (present >= this.concurrency || booting >= this.kept) return
    this.#makeRoom(lane)
    this.#start(lane)
  }

  /** Children that nobody needs go, rather than that there be ever more of them. */
  #makeRoom(but: Lane): void {
    const children = this.children
    if (children.length < this.concurrency + this.kept) return
    const idle = children.filter(
      (child) => child.lane !== SHARED && child.lane !== but.key && child.runs.size === 0,
    )
    idle.sort((a, b) => a.heardAt - b.heardAt)[0]?.retire()
  }
}
