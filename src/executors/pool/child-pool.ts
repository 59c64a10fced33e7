/**
 * The children of a worker, shared by its queues: everything that threads and processes have in
 * common.
 *
 * - Children are started on demand. Jobs without a limit share as many as there are CPUs; one child
 *   is always there, and the others end when they have been idle for some seconds.
 * - A child runs jobs of one queue at a time. The children are divided among the queues that have
 *   work, each gets one at least: so a queue of long jobs, which keeps the children that it has, does
 *   not keep another from running. That one gets a child beyond the CPUs.
 * - A queue runs as many jobs concurrently as its concurrency says. Where that is more than its
 *   children, several take turns in one as asynchronous code does; behind one that blocks the loop no
 *   job waits for long: it ends as interrupted, so that another worker can have it.
 * - A job with a limit has a child for itself, and jobs of one memory limit follow each other in
 *   theirs.
 *
 * Each child is sent more than it runs, for some milliseconds, so that it never waits for the next.
 * What it was sent and has not begun is recalled when the child is busy longer than expected, and
 * goes elsewhere; so it does when the child dies. Of a child that dies only what had begun is lost:
 * one job, or the culprit where several ran concurrently. Where the culprit is not known all of them
 * are returned, and run alone the next time.
 */

import { type Clock, callAfter, systemClock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Outcome } from '../../core/outcome.ts'
import { stoppedOutcome } from '../attempt-outcome.ts'
import { type ChildExit, inEnv, type Launch } from '../child.ts'
import type { ExecutorSettings } from '../executor.ts'
import type { LogLine } from '../protocol.ts'
import { lostError, unanswered } from './attempt-end.ts'
import { ChangeSignal } from './change-signal.ts'
import type { ChildGroup } from './child-group.ts'
import type { ChildOwner } from './child-owner.ts'
import { ChildRegistry } from './child-registry.ts'
import { ChildSupervisor } from './child-supervisor.ts'
import { availableCpus } from './cpu-quota.ts'
import { blameFor } from './crash-blame.ts'
import { CrashSuspects } from './crash-suspects.ts'
import { dispatch } from './dispatcher.ts'
import { shareOf } from './fair-shares.ts'
import { enforceLimits } from './limit-enforcer.ts'
import { modulesOf, type PoolOptions } from './pool-options.ts'
import { PoolQueue, type QueueOwner } from './pool-queue.ts'
import { BUSY_MS, IDLE_MS, PoolTimer } from './pool-timer.ts'
import type { PooledAttempt } from './pooled-attempt.ts'
import type { PooledChild } from './pooled-child.ts'
import { isSpent, replacedBy } from './retirement.ts'

export class ChildPool implements ChildOwner<PooledChild>, QueueOwner {
  /** Children that queues share. */
  readonly size: number
  readonly #options: PoolOptions
  readonly #clock: Clock
  readonly #queues = new Set<PoolQueue>()
  readonly #registry: ChildRegistry
  readonly #supervisor: ChildSupervisor
  readonly #suspects = new CrashSuspects()
  readonly #changes = new ChangeSignal()
  readonly #timer = new PoolTimer(
    () => this.#isBusy,
    () => this.#check(),
  )
  #lastNumber = 0
  #lastPosition = 0
  #isScheduled = false
  #wasReady = false

  /** @throws {ConfigError} when a job has no module */
  constructor(name: string, launch: Launch, options: PoolOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.size = options.size ?? availableCpus()
    this.#registry = new ChildRegistry({
      launch: inEnv(launch, options.env),
      modules: modulesOf(options.jobs, name),
      around: options.around ?? [],
      size: this.size,
      owner: this,
      onFailed: (group, reason) => {
        for (const queue of this.#queues) queue.failWaiting(group, reason)
      },
      onTrouble: (error) => {
        options.onTrouble?.(error)
        this.#changes.changed()
      },
    })
    this.#supervisor = new ChildSupervisor(options.log)
  }

  /** Takes attempts of one more queue. */
  open(settings: ExecutorSettings): PoolQueue {
    const queue = new PoolQueue(this.#lastNumber++, this, settings)
    this.#queues.add(queue)
    return queue
  }

  get isStopping(): boolean {
    return this.#registry.isStopping
  }

  /** Why no child can be started, or null. */
  get trouble(): string | null {
    const { trouble, hasReady } = this.#registry.plain
    return hasReady ? null : (trouble?.message ?? null)
  }

  /** Children that are there. */
  get count(): number {
    return this.#registry.children.length
  }

  /** Whether a child has ever been ready. */
  get wasReady(): boolean {
    return this.#wasReady
  }

  /** Process ids of the children that are there. */
  get pids(): number[] {
    return this.#registry.children.flatMap(({ pid }) => (pid === null ? [] : [pid]))
  }

  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#registry.stop()
    for (const queue of this.#queues) queue.interrupt()
    this.#changes.changed()
    const deadline = systemClock.monotonic() + graceMs
    for (;;) {
      const { children } = this.#registry
      if (children.length === 0) break
      const isOver = systemClock.monotonic() >= deadline
      for (const child of children) {
        if (isOver || child.state === 'booting') child.kill()
        else child.retire()
      }
      const leftMs = Math.min(BUSY_MS, deadline - systemClock.monotonic())
      await this.#changes.nextWithin(isOver ? IDLE_MS : leftMs)
    }
    this.#timer.stop()
  }

  // For the queues.

  get isDown(): boolean {
    return this.isStopping || !this.#registry.plain.hasReady
  }

  nextPosition(): number {
    return ++this.#lastPosition
  }

  groupOf(memoryBytes: number | undefined): ChildGroup {
    return this.#registry.groupOf(memoryBytes)
  }

  isSuspect(jobId: string): boolean {
    return this.#suspects.has(jobId)
  }

  shareOf(queue: PoolQueue): number {
    return shareOf(queue, this.#queues, this.size)
  }

  async ready(): Promise<void> {
    const { plain } = this.#registry
    this.schedule()
    this.#timer.restart()
    while (!this.isStopping && !plain.hasReady && plain.trouble === null) {
      await this.#changes.next()
    }
    if (this.trouble !== null) throw new ConfigError(this.trouble)
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#dispatch())
  }

  async close(queue: PoolQueue, graceMs: number): Promise<void> {
    queue.interrupt()
    const deadline = systemClock.monotonic() + graceMs
    while (queue.running > 0) {
      const leftMs = deadline - systemClock.monotonic()
      if (leftMs <= 0) {
        for (const { busyChildren } of queue.backlogs.values()) {
          for (const child of busyChildren) child.kill()
        }
      }
      await this.#changes.nextWithin(leftMs <= 0 ? IDLE_MS : Math.min(BUSY_MS, leftMs))
    }
    this.#queues.delete(queue)
  }

  // For the children.

  get aheadMs(): number {
    if (this.#clock === systemClock) return 0
    const limits = this.#clock.limits ?? this.#clock
    return limits.monotonic() - systemClock.monotonic()
  }

  onReady(child: PooledChild): void {
    this.#wasReady = true
    const group = this.#registry.groupWith(child)!
    this.#supervisor.checkMemory(group, child)
    this.#registry.started(group)
    if (group === this.#registry.plain) {
      replacedBy(child, group.children, systemClock.monotonic())?.retire()
    }
    this.#changes.changed()
    this.schedule()
  }

  /** What moves the time of limits finds this one among its sleeps. `enforceLimits` enforces it. */
  onBegun(attempt: PooledAttempt): void {
    const { timeMs } = attempt.spec.limits
    if (timeMs === undefined || this.#clock === systemClock) return
    attempt.onEnd = callAfter(this.#clock.limits ?? this.#clock, timeMs, () => {})
  }

  onActivity(): void {
    this.schedule()
  }

  onEnded(attempt: PooledAttempt, outcome: Outcome): void {
    attempt.end(outcome)
  }

  onReturned(attempt: PooledAttempt): void {
    const { spec, stop } = attempt
    const stopped = stoppedOutcome(spec, stop, false)
    if (stopped !== null || attempt.isUnwanted || this.isStopping) {
      attempt.end(stopped ?? { kind: 'interrupted' })
    } else {
      attempt.returned(systemClock.monotonic())
      attempt.backlog.putBack(attempt)
    }
  }

  onLog([level, fields, message]: LogLine): void {
    this.#options.log?.[level](fields, message)
  }

  onGone(child: PooledChild, exit: ChildExit, left: readonly PooledAttempt[]): void {
    const group = this.#registry.groupWith(child)!
    group.remove(child)
    if (child.boot.error !== null) this.#registry.bootFailed(group, child, exit)
    const begun = left.filter(({ state }) => state === 'begun')
    for (const attempt of left) if (attempt.state === 'sent') this.onReturned(attempt)
    for (const attempt of begun) this.#endOfLost(attempt, child, exit, begun.length === 1)
    this.#changes.changed()
    this.schedule()
  }

  #endOfLost(attempt: PooledAttempt, child: PooledChild, exit: ChildExit, isOnly: boolean): void {
    const blame = blameFor(attempt, isOnly, child.end)
    if (blame === 'suspect') this.#suspects.add(attempt.spec.job.id)
    if (blame === 'its own') attempt.end(unanswered(attempt, exit, child.boot.ready.heapLimitBytes))
    else attempt.end({ kind: 'interrupted', error: lostError(exit) })
  }

  // The passes.

  #dispatch(): void {
    this.#isScheduled = false
    if (this.isStopping) return
    const now = systemClock.monotonic()
    const demands = dispatch(this.#queues, now, (one) => one.end({ kind: 'interrupted' }))
    for (const group of this.#registry.groups) {
      this.#registry.ensureChildren(group, demands.get(group) ?? [], now)
    }
    for (const queue of this.#queues) queue.publishCapacity()
    this.#timer.hasten()
  }

  get #isBusy(): boolean {
    for (const queue of this.#queues) if (queue.running > 0) return true
    for (const { booting } of this.#registry.groups) if (booting > 0) return true
    return false
  }

  #check(): void {
    const now = systemClock.monotonic()
    const { aheadMs } = this
    const { plain, groups } = this.#registry
    for (const group of groups) {
      for (const child of group.children) {
        enforceLimits(child, now, aheadMs)
        this.#supervisor.check(child, now, group === plain && group.present === 1)
        if (group !== plain && isSpent(child, now)) child.retire()
      }
    }
    this.#dispatch()
    const { maxWaitMs } = this.#options
    if (maxWaitMs !== undefined) {
      for (const queue of this.#queues) queue.returnOverdue(now, maxWaitMs)
    }
    if (!this.#isBusy) this.#prune()
    this.#timer.restart()
  }

  /** Forgets the memory limits of jobs that are gone: a row can have any. */
  #prune(): void {
    for (const queue of this.#queues) queue.prune()
    this.#registry.prune((group) => [...this.#queues].some((queue) => queue.uses(group)))
  }
}
