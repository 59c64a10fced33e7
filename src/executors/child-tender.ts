import type { Logger } from '../core/logger.ts'
import { SLOW_MODULE, SLOW_MODULE_MS } from './job-modules.ts'
import type { Lane } from './lane.ts'
import type { PooledChild } from './pooled-child.ts'
import { type Roster, SHARED } from './roster.ts'

/** A child that has said nothing for so long gives back what it has not begun. */
const STALL_MS = 20
/** A child beyond the ones that are always kept goes after this long without work. */
const SPARE_MS = 10_000
/** A retired child that does not end by itself. */
const RETIRE_MS = 1_000
/** A child that is not ready after so long never will be. */
const BOOT_MS = 60_000
/**
 * A child that has nothing else to do and does not begin what it was sent: code that an earlier job
 * left behind blocks its loop, has stopped it, or has closed its descriptors.
 */
const DEAF_MS = 2_000
/** What such a child has to give back, it gives back within this. */
const GIVE_BACK_MS = 1_000

/** The share of a memory limit that may be gone before anything runs. */
const FULL = 0.8

/** Sees to it that no child keeps work that it does not do, or lives for longer than it is of use. */
export class ChildTender {
  readonly #roster: Roster
  readonly #log: Logger | undefined
  readonly #heads = new WeakMap<PooledChild, { readonly seq: number; readonly since: number }>()
  /** Children that were said to take long. */
  readonly #slow = new WeakSet<PooledChild>()
  /** Lanes of whose limit most is gone at the start. */
  readonly #tight = new WeakSet<Lane>()
  readonly #deafSince = new WeakMap<PooledChild, number>()

  constructor(roster: Roster, log: Logger | undefined) {
    this.#roster = roster
    this.#log = log
  }

  tend(child: PooledChild, now: number): void {
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
    // In the shared lane when its successor is ready.
    if (child.lane !== SHARED && this.#roster.rule.isDue(child)) child.retire()
    if (child.state !== 'ready' || child.runs.size > 0) return
    const isSpare = child.lane !== SHARED || this.#roster.shared.children.size > this.#roster.kept
    if (isSpare && now - child.heardAt > SPARE_MS) child.retire()
  }

  /** Says once when a child that has run nothing is near its limit: its jobs would be killed for it. */
  checkRoom(lane: Lane, child: PooledChild): void {
    const { memoryBytes } = lane
    const { bytes } = child.hello
    if (memoryBytes === undefined || bytes < memoryBytes * FULL || this.#tight.has(lane)) return
    this.#tight.add(lane)
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
    child.bootError ??= { name: 'ConfigError', message: why, stack: null }
    child.kill()
  }

  #recallFrom(child: PooledChild, now: number): void {
    const silentMs = now - child.heardAt
    if (child.begun > 0) {
      if (child.runs.size === child.begun || silentMs <= STALL_MS) return
      child.isSlow(silentMs)
      child.recall(child.unbegun())
      return
    }
    const deafSince = this.#deafSince.get(child)
    if (deafSince === undefined) {
      if (this.#isDeaf(child, now)) this.#giveUp(child, now)
    } else if (child.runs.size === 0 || now - deafSince > GIVE_BACK_MS) {
      child.kill()
    }
  }

  /** By what it has to begin next, and not by its silence: what was left behind may print. */
  #isDeaf(child: PooledChild, now: number): boolean {
    const next = child.runs.keys().next()
    if (next.done) return false
    const head = this.#heads.get(child)
    if (head?.seq === next.value) return now - head.since > DEAF_MS
    this.#heads.set(child, { seq: next.value, since: now })
    return false
  }

  /** It gets nothing more, and what it has not begun goes elsewhere. */
  #giveUp(child: PooledChild, now: number): void {
    this.#deafSince.set(child, now)
    if (child.state === 'ready') child.state = 'retiring'
    child.recall(child.unbegun())
    this.#log?.warn(
      { pid: child.pid, afterMs: DEAF_MS },
      'a child does not begin what it is sent and is replaced: look for code that a job leaves behind when it has ended, such as a timer whose callback does not return',
    )
  }
}
