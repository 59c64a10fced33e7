import type { Logger } from '../../core/logger.ts'
import { SLOW_MODULE, SLOW_MODULE_MS } from '../job-modules.ts'
import type { ChildGroup } from './child-group.ts'
import type { PooledChild } from './pooled-child.ts'

/** A child that has said nothing for so long gives back what it has not begun. */
const STALL_MS = 20
/** A child that is not the last one goes after this long without work. */
const SPARE_MS = 10_000
/** A retired child that does not end by itself. */
const RETIRE_MS = 1_000
/** A child that is not ready after so long never will be. */
const BOOT_MS = 60_000
/**
 * A child that has nothing else to do and does not begin what it was sent: code that an earlier job
 * left behind blocks its loop, has stopped it, or has closed its descriptors.
 */
const UNRESPONSIVE_MS = 2_000
/** What such a child has to give back, it gives back within this. */
const GIVE_BACK_MS = 1_000

/** The share of a memory limit that may be gone before anything runs. */
const FULL = 0.8

/** Keeps children from holding work that they do not do, and from living longer than they are of use. */
export class ChildSupervisor {
  readonly #log: Logger | undefined
  readonly #heads = new WeakMap<PooledChild, { readonly seq: number; readonly since: number }>()
  /** Children that were said to take long. */
  readonly #slow = new WeakSet<PooledChild>()
  /** Groups of whose limit most is gone at the start. */
  readonly #tight = new WeakSet<ChildGroup>()
  readonly #givenUpAt = new WeakMap<PooledChild, number>()

  constructor(log: Logger | undefined) {
    this.#log = log
  }

  /** `isLast`: no other child would be there to begin the next attempt at once. */
  check(child: PooledChild, now: number, isLast: boolean): void {
    if (child.state === 'booting') {
      this.#await(child, now - child.startedAt)
      return
    }
    if (child.state === 'killed') return
    this.#recallFrom(child, now)
    if (child.state === 'retiring') {
      if (child.retiredAt === null) child.retire()
      else if (now - child.retiredAt > RETIRE_MS) child.kill()
    }
    if (child.isIdle && !isLast && now - child.heardAt > SPARE_MS) child.retire()
  }

  /** Says once when a child that has run nothing is near its limit: its jobs would be killed for it. */
  checkRoom(group: ChildGroup, child: PooledChild): void {
    const { memoryBytes } = group
    const { bytes } = child.hello
    if (memoryBytes === undefined || bytes < memoryBytes * FULL || this.#tight.has(group)) return
    this.#tight.add(group)
    this.#log?.warn(
      { memoryBytes, takenBytes: bytes },
      'a child takes most of the memory limit of a job before it begins: raise Limit.memory, load less in the job modules, or build TypeScript instead of loading it through tsx',
    )
  }

  #await(child: PooledChild, bootMs: number): void {
    const { loading: module, pid } = child
    if (bootMs > SLOW_MODULE_MS && !this.#slow.has(child)) {
      this.#slow.add(child)
      this.#log?.warn({ module, pid }, `in a child, ${SLOW_MODULE}`)
    }
    if (bootMs <= BOOT_MS) return
    const why = `after ${BOOT_MS / 1_000} s in a child, ${SLOW_MODULE}: ${module ?? 'none has begun'}`
    child.failBoot({ name: 'ConfigError', message: why, stack: null })
  }

  #recallFrom(child: PooledChild, now: number): void {
    const silentMs = now - child.heardAt
    if (child.begun > 0) {
      if (child.runs.size === child.begun || silentMs <= STALL_MS) return
      child.isSlow(silentMs)
      child.recall(child.unbegun())
      return
    }
    const givenUpAt = this.#givenUpAt.get(child)
    if (givenUpAt === undefined) {
      if (this.#isUnresponsive(child, now)) this.#giveUp(child, now)
    } else if (child.runs.size === 0 || now - givenUpAt > GIVE_BACK_MS) {
      child.kill()
    }
  }

  /** By what it has to begin next, and not by its silence: what was left behind may print. */
  #isUnresponsive(child: PooledChild, now: number): boolean {
    const next = child.runs.keys().next()
    if (next.done) return false
    const head = this.#heads.get(child)
    if (head?.seq === next.value) return now - head.since > UNRESPONSIVE_MS
    this.#heads.set(child, { seq: next.value, since: now })
    return false
  }

  /** It gets nothing more, and what it has not begun goes elsewhere. */
  #giveUp(child: PooledChild, now: number): void {
    this.#givenUpAt.set(child, now)
    child.retire()
    child.recall(child.unbegun())
    this.#log?.warn(
      { pid: child.pid, afterMs: UNRESPONSIVE_MS },
      'a child does not begin what it is sent and is replaced: look for code that a job leaves behind when it has ended, such as a timer whose callback does not return',
    )
  }
}
