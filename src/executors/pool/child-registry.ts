import type { SerializedError } from '../../core/serialize-error.ts'
import { isRefusedAllocation, lostError } from '../attempt-end.ts'
import type { ChildExit, Launch } from '../child.ts'
import { ChildGroup } from './child-group.ts'
import { type ChildOwner, PooledChild } from './pooled-child.ts'
import { childrenToStart, type Demand } from './staffing.ts'

export interface RegistryOptions {
  readonly launch: Launch
  readonly modules: readonly string[]
  /** Children that queues share. */
  readonly size: number
  /** Is called by the children. */
  readonly owner: ChildOwner
  /** No child of a group can be started, and its attempts are not to wait for one. */
  readonly onFailed: (group: ChildGroup, reason: 'trouble' | 'memory') => void
  /** Several starts in a row have failed; null: one succeeded again. */
  readonly onTrouble: (error: SerializedError | null) => void
}

/** Starts in a row that fail before it is said, where the child had something to say about it. */
const CONFIG_FAILURES = 3
const FAILURES = 5

/** Which children there are, in groups of those that are started alike, and when one is started. */
export class ChildRegistry {
  /** Without a memory limit: one of them is always there. */
  readonly plain = new ChildGroup(undefined)
  isStopping = false
  readonly #options: RegistryOptions
  readonly #groups = new Map<number | undefined, ChildGroup>([[undefined, this.plain]])

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get groups(): Iterable<ChildGroup> {
    return this.#groups.values()
  }

  get children(): PooledChild[] {
    return [...this.#groups.values()].flatMap(({ children }) => [...children])
  }

  groupOf(memoryBytes: number | undefined): ChildGroup {
    let group = this.#groups.get(memoryBytes)
    if (group === undefined) {
      group = new ChildGroup(memoryBytes)
      this.#groups.set(memoryBytes, group)
    }
    return group
  }

  /** Forgets a memory limit that no job has any more. */
  remove(group: ChildGroup): void {
    if (group !== this.plain) this.#groups.delete(group.memoryBytes)
  }

  groupWith(child: PooledChild): ChildGroup | undefined {
    return [...this.#groups.values()].find(({ children }) => children.has(child))
  }

  /** Starts the children that a group lacks. */
  ensureChildren(group: ChildGroup, demands: readonly Demand[], now: number): void {
    if (this.isStopping || !group.mayStart(now)) return
    const { size } = this.#options
    const { booting } = group
    // An idle child that was not given any of these is not for them.
    const isIdleOfUse = demands.length === 0
    const staff = { size, shared: sharedOf(group, isIdleOfUse), booting, demands }
    let count = childrenToStart(staff)
    if (group === this.plain) {
      if (group.present === 0) count = Math.max(count, 1)
      // One at a time is replaced before its end.
      if (booting === 0 && count === 0 && isSoonDueIn(group, now)) count = 1
    }
    for (; count > 0 && group.mayStart(now); count--) {
      this.#makeRoom(group)
      this.#start(group, now)
    }
  }

  bootFailed(group: ChildGroup, child: PooledChild, exit: ChildExit): void {
    // Stopped on purpose while it started.
    if (this.isStopping) return
    group.startFailed(performance.now())
    const isMemory = exit.isOutOfMemory || isRefusedAllocation(child.bootError ?? undefined)
    if (isMemory && group.memoryBytes !== undefined) {
      this.#options.onFailed(group, 'memory')
      return
    }
    const told = child.bootError?.message ?? ''
    const why = told === '' ? lostError(exit).message : told
    const isConfig = child.bootError?.name === 'ConfigError'
    if (group.failures < (isConfig ? CONFIG_FAILURES : FAILURES) && !child.isBootOverdue) return
    this.#failed(group, {
      name: isConfig ? 'ConfigError' : 'AttemptError',
      message: `A child of the executor could not be started, tried ${group.failures === 1 ? 'once' : `${group.failures} times in a row`}: ${why}`,
      stack: null,
    })
  }

  /** A child is ready: starts succeed again. */
  started(group: ChildGroup): void {
    group.started()
    if (group.trouble === null) return
    group.trouble = null
    this.#options.onTrouble(null)
  }

  #failed(group: ChildGroup, trouble: SerializedError): void {
    const isNews = group.trouble === null
    group.trouble = trouble
    if (isNews) this.#options.onTrouble(trouble)
    if (!group.hasReady) this.#options.onFailed(group, 'trouble')
  }

  #start(group: ChildGroup, now: number): void {
    const { launch, modules, owner } = this.#options
    const { memoryBytes } = group
    const limit = memoryBytes === undefined ? {} : { memoryBytes }
    try {
      group.children.add(new PooledChild(launch, { jobs: modules, width: 1, ...limit }, owner))
    } catch (error) {
      group.startFailed(now)
      const { message } = error as Error
      this.#failed(group, { name: 'ConfigError', message, stack: null })
    }
  }

  /** An idle child that is of no use here goes, rather than that there be ever more of them. */
  #makeRoom(group: ChildGroup): void {
    const { size } = this.#options
    const children = this.children
    const idle = children.filter((child) => child.isIdle)
    const isFull =
      children.length >= 2 * size || (group === this.plain && sharedOf(group, true) >= size)
    if (!isFull) return
    const spare = idle.filter((child) => group.children.has(child) || this.#isSpare(child))
    spare.sort((a, b) => a.heardAt - b.heardAt)[0]?.retire()
  }

  #isSpare(child: PooledChild): boolean {
    return !this.plain.children.has(child) || this.plain.present > 1
  }
}

/** Children that queues can share, with those that start: not those of a job that needs one alone. */
function sharedOf({ children }: ChildGroup, withIdle: boolean): number {
  let shared = 0
  for (const child of children) {
    const { state, tenant, runs } = child
    const isThere = state === 'booting' || (state === 'ready' && (withIdle || !child.isIdle))
    if (isThere && !(tenant?.isAlone === true && runs.size > 0)) shared++
  }
  return shared
}

function isSoonDueIn({ children }: ChildGroup, now: number): boolean {
  for (const child of children) {
    if (child.runs.size > 0 && child.tenant!.policy.isSoonDue(child, now)) return true
  }
  return false
}
