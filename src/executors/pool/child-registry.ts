import { systemClock } from '../../core/clock.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import type { AroundSource } from '../around.ts'
import type { ChildExit, Launch } from '../child.ts'
import { isRefusedAllocation, lostError } from './attempt-end.ts'
import { ChildGroup } from './child-group.ts'
import type { ChildOwner } from './child-owner.ts'
import { PooledChild } from './pooled-child.ts'
import { longestIdle, needsSuccessor } from './retirement.ts'
import { childrenToStart, type Demand } from './start-policy.ts'

export interface RegistryOptions {
  readonly launch: Launch
  readonly modules: readonly string[]
  readonly around: readonly AroundSource[]
  /** Children that queues share. */
  readonly size: number
  /** Is called by the children. */
  readonly owner: ChildOwner<PooledChild>
  /** No child of a group can be started: its attempts must not wait for one. */
  readonly onFailed: (group: ChildGroup, reason: 'trouble' | 'memory') => void
  /** Several starts in a row have failed; null: one succeeded again. */
  readonly onTrouble: (error: SerializedError | null) => void
}

/** Starts in a row that fail before it is reported; fewer where the child reported a wrong option. */
const CONFIG_FAILURES = 3
const FAILURES = 5

/** Which children there are, in groups of those that are started with the same options; starts what is lacking. */
export class ChildRegistry {
  /** Without a memory limit: one of them is always there. */
  readonly plain = new ChildGroup(undefined)
  readonly #options: RegistryOptions
  readonly #groups = new Map<number | undefined, ChildGroup>([[undefined, this.plain]])
  #isStopping = false

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get isStopping(): boolean {
    return this.#isStopping
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

  groupWith(child: PooledChild): ChildGroup | undefined {
    return [...this.#groups.values()].find(({ children }) => children.has(child))
  }

  /** Forgets memory limits that no child and no queue has any more. */
  prune(isUsed: (group: ChildGroup) => boolean): void {
    for (const [memoryBytes, group] of this.#groups) {
      if (group === this.plain || group.children.size > 0 || isUsed(group)) continue
      this.#groups.delete(memoryBytes)
    }
  }

  /** Starts no more children. */
  stop(): void {
    this.#isStopping = true
  }

  /** Starts the children that a group lacks. */
  ensureChildren(group: ChildGroup, demands: readonly Demand[], now: number): void {
    if (this.#isStopping || !group.mayStart(now)) return
    const { size } = this.#options
    let count = childrenToStart({
      size,
      // An idle child that was not given any of these is not for them.
      shared: sharedOf(group, demands.length === 0),
      booting: group.booting,
      demands,
      isPlain: group === this.plain,
      present: group.present,
      needsSuccessor: group === this.plain && needsSuccessor(group.children, now),
    })
    for (; count > 0 && group.mayStart(now); count--) {
      this.#retireSurplus(group)
      this.#start(group, now)
    }
  }

  /** A child is ready: starts succeed again. */
  started(group: ChildGroup): void {
    if (group.startSucceeded()) this.#options.onTrouble(null)
  }

  bootFailed(group: ChildGroup, { boot }: PooledChild, exit: ChildExit): void {
    // Stopped on purpose while it started.
    if (this.#isStopping) return
    group.startFailed(systemClock.monotonic())
    const isMemory = exit.isOutOfMemory || isRefusedAllocation(boot.error ?? undefined)
    if (isMemory && group.memoryBytes !== undefined) {
      this.#options.onFailed(group, 'memory')
      return
    }
    const reported = boot.error?.message ?? ''
    const why = reported === '' ? lostError(exit).message : reported
    const isConfig = boot.error?.name === 'ConfigError'
    if (group.failures < (isConfig ? CONFIG_FAILURES : FAILURES) && !boot.isOverdue) return
    this.#failed(group, {
      name: isConfig ? 'ConfigError' : 'AttemptError',
      message: `A child of the executor could not be started, tried ${group.failures === 1 ? 'once' : `${group.failures} times in a row`}: ${why}`,
      stack: null,
    })
  }

  #failed(group: ChildGroup, trouble: SerializedError): void {
    if (group.inTrouble(trouble)) this.#options.onTrouble(trouble)
    if (!group.hasReady) this.#options.onFailed(group, 'trouble')
  }

  #start(group: ChildGroup, now: number): void {
    const { launch, modules, around, owner } = this.#options
    const { memoryBytes } = group
    const limit = memoryBytes === undefined ? {} : { memoryBytes }
    const wrapped = around.length === 0 ? {} : { around }
    try {
      const options = { jobs: modules, width: 1, ...limit, ...wrapped }
      group.add(new PooledChild(launch, options, owner))
    } catch (error) {
      group.startFailed(now)
      const { message } = error as Error
      this.#failed(group, { name: 'ConfigError', message, stack: null })
    }
  }

  /** Before a start an idle child ends that is of no use, where there are many children. */
  #retireSurplus(group: ChildGroup): void {
    const { size } = this.#options
    const { children } = this
    const isFull =
      children.length >= 2 * size || (group === this.plain && sharedOf(group, true) >= size)
    if (!isFull) return
    const isSpare = (child: PooledChild): boolean =>
      group.children.has(child) || !this.plain.children.has(child) || this.plain.present > 1
    longestIdle(children.filter(isSpare))?.retire()
  }
}

/** Children that queues can share, with those that start: not those of a job that needs one alone. */
function sharedOf({ children }: ChildGroup, withIdle: boolean): number {
  let shared = 0
  for (const child of children) {
    const { state, tenant, attempts } = child
    const isThere = state === 'booting' || (state === 'ready' && (withIdle || !child.isIdle))
    if (isThere && !(tenant?.isAlone === true && attempts.size > 0)) shared++
  }
  return shared
}
