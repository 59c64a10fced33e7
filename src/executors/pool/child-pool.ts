/**
 * The children of a worker, shared by its queues: everything that threads and processes have in
 * common.
 *
 * - Children are started on demand. Jobs without a limit share as many as there are CPUs; one child
 *   is always there, and the others go when they have been idle for some seconds.
 * - A child runs jobs of one queue at a time. The children are divided among the queues that have
 *   work, each gets one at least: so a queue of long jobs, which keeps the children that it has, does
 *   not keep another from running. That one gets a child beyond the CPUs.
 * - A queue runs as many jobs at once as its concurrency says. Where that is more than its children,
 *   several take turns in one as asynchronous code does; behind one that blocks the loop nothing
 *   waits for long: it is ended as interrupted, so that another worker can have it.
 * - A job with a limit has a child for itself, and jobs of one memory limit follow each other in
 *   theirs.
 *
 * Each child is sent more than it runs, for some milliseconds, so that it never waits for the next.
 * What it was sent and has not begun is taken back when the child is busy longer than thought, and
 * goes elsewhere; so it does when the child dies. Of a child that dies only what had begun is lost:
 * one job, or where several ran at once the one whose doing it was. Where that cannot be told all
 * are given back, and run alone the next time.
 */

import { ConfigError } from '../../core/errors.ts'
import type { Outcome } from '../../core/outcome.ts'
import { lostError, unanswered } from '../attempt-end.ts'
import type { ChildExit, Launch } from '../child.ts'
import { inEnv } from '../child-env.ts'
import { stoppedOutcome } from '../entry/run-attempt.ts'
import type { ExecutorSettings } from '../executor.ts'
import type { LogLine } from '../protocol.ts'
import type { Run } from '../run.ts'
import type { AttemptLine } from './attempt-line.ts'
import type { ChildGroup } from './child-group.ts'
import { ChildRegistry } from './child-registry.ts'
import { ChildSupervisor } from './child-supervisor.ts'
import { availableCpus } from './cpu-quota.ts'
import { CrashSuspects } from './crash-suspects.ts'
import { dispatch } from './dispatcher.ts'
import { fairShares } from './fair-shares.ts'
import { LimitEnforcer } from './limit-enforcer.ts'
import { modulesOf, type PoolOptions } from './pool-options.ts'
import { PoolQueue, type QueueOwner } from './pool-queue.ts'
import type { ChildOwner, PooledChild } from './pooled-child.ts'

/** How often what runs is looked at, in milliseconds; and children, while nothing runs. */
const BUSY_MS = 20
const IDLE_MS = 1_000

export class ChildPool implements ChildOwner, QueueOwner {
  readonly size: number
  readonly #options: PoolOptions
  readonly #queues = new Set<PoolQueue>()
  readonly #registry: ChildRegistry
  readonly #enforcer = new LimitEnforcer()
  readonly #supervisor: ChildSupervisor
  readonly #suspects = new CrashSuspects()
  /** Requests to give back that have no answer yet. */
  readonly #unwanted = new Set<Run>()
  #number = 0
  #order = 0
  #isScheduled = false
  #timer: NodeJS.Timeout | null = null
  #isTimerShort = false
  #isStopped = false
  #wasReady = false
  #onChange: (() => void)[] = []

  /** @throws {ConfigError} when a job has no module */
  constructor(name: string, launch: Launch, options: PoolOptions) {
    this.#options = options
    this.size = options.size ?? availableCpus()
    this.#registry = new ChildRegistry({
      launch: inEnv(launch, options.env),
      modules: modulesOf(options.jobs, name),
      size: this.size,
      owner: this,
      onFailed: (group, reason) => this.#failWaiting(group, reason),
      onTrouble: (error) => {
        options.onTrouble?.(error)
        this.#changed()
      },
    })
    this.#supervisor = new ChildSupervisor(options.log)
  }

  /** Takes attempts of one more queue. */
  open(settings: ExecutorSettings): PoolQueue {
    const queue = new PoolQueue(this.#number++, this, settings)
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
    this.#registry.isStopping = true
    for (const queue of this.#queues) this.#interrupt(queue)
    this.#changed()
    const deadline = performance.now() + graceMs
    for (;;) {
      const { children } = this.#registry
      if (children.length === 0) break
      const isOver = performance.now() >= deadline
      for (const child of children) {
        if (isOver || child.state === 'booting') child.kill()
        else child.retire()
      }
      await this.#changeWithin(isOver ? IDLE_MS : Math.min(BUSY_MS, deadline - performance.now()))
    }
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  // What the queues ask.

  get isDown(): boolean {
    return this.#registry.isStopping || !this.#registry.plain.hasReady
  }

  nextOrder(): number {
    return ++this.#order
  }

  groupOf(memoryBytes: number | undefined): ChildGroup {
    return this.#registry.groupOf(memoryBytes)
  }

  isSuspect(jobId: string): boolean {
    return this.#suspects.has(jobId)
  }

  shareOf(queue: PoolQueue): number {
    const { size } = this
    const most = Math.min(queue.concurrency, size)
    if (this.#queues.size <= 1) return most
    // What it would get if it asked for all that it may have; the others for what they need now.
    let own = 0
    const wants: number[] = []
    for (const one of this.#queues) {
      if (one === queue) own = wants.push(most) - 1
      else wants.push(Math.min(one.concurrency, size, one.sharedLoad))
    }
    return fairShares(size, wants)[own] ?? most
  }

  async ready(): Promise<void> {
    const { plain } = this.#registry
    this.schedule()
    this.#look()
    while (!this.isStopping && !plain.hasReady && plain.trouble === null) {
      await new Promise<void>((resolve) => this.#onChange.push(resolve))
    }
    if (this.trouble !== null) throw new ConfigError(this.trouble)
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#dispatch())
  }

  end(run: Run, outcome: Outcome): void {
    if (run.state === 'ended') return
    run.line.load--
    this.#unwanted.delete(run)
    run.end(outcome)
  }

  recall(lines: Iterable<AttemptLine>): void {
    for (const line of lines) {
      for (const child of line.lent) {
        const unbegun = child.unbegun()
        // Only asked for: whatever begins before it is found runs on.
        for (const run of unbegun) this.#unwanted.add(run)
        child.recall(unbegun)
      }
    }
  }

  async close(queue: PoolQueue, graceMs: number): Promise<void> {
    this.#interrupt(queue)
    const deadline = performance.now() + graceMs
    while (queue.running > 0) {
      const left = deadline - performance.now()
      if (left <= 0) {
        for (const line of queue.lines.values()) for (const child of line.lent) child.kill()
      }
      await this.#changeWithin(left <= 0 ? IDLE_MS : Math.min(BUSY_MS, left))
    }
    this.#queues.delete(queue)
  }

  // What the children say.

  onReady(child: PooledChild): void {
    this.#wasReady = true
    const group = this.#registry.groupWith(child)!
    this.#supervisor.checkRoom(group, child)
    this.#registry.started(group)
    // It replaces one that has done its share.
    const now = performance.now()
    if (group === this.#registry.plain) {
      const due = [...group.children].find((one) => one !== child && isDue(one, now))
      due?.retire()
    }
    this.#changed()
    this.schedule()
  }

  onNews(): void {
    this.schedule()
  }

  onEnded(run: Run, outcome: Outcome): void {
    this.end(run, outcome)
  }

  onReturned(run: Run): void {
    const { attempt, stop } = run
    if (this.#unwanted.delete(run) || this.isStopping) {
      this.end(run, stoppedOutcome(attempt, stop, false) ?? { kind: 'interrupted' })
    } else if (stop.reason !== null) {
      this.end(run, stoppedOutcome(attempt, stop, false)!)
    } else {
      run.wait()
      run.line.putBack(run)
    }
  }

  onLog([level, fields, message]: LogLine): void {
    this.#options.log?.[level](fields, message)
  }

  onGone(child: PooledChild, exit: ChildExit): void {
    const group = this.#registry.groupWith(child)!
    group.children.delete(child)
    if (child.bootError !== null) this.#registry.bootFailed(group, child, exit)
    const begun = [...child.runs.values()].filter((run) => run.state === 'begun')
    for (const run of child.unbegun()) {
      child.drop(run)
      this.onReturned(run)
    }
    const ends = begun.map((run) => this.#endOf(run, child, exit, begun.length === 1))
    for (const run of begun) child.drop(run)
    begun.forEach((run, index) => {
      this.end(run, ends[index]!)
    })
    this.#changed()
    this.schedule()
  }

  #endOf(run: Run, child: PooledChild, exit: ChildExit, isOnly: boolean): Outcome {
    const { culprit, killedFor } = child
    const isIts = (isOnly && culprit !== 'none of them') || run === culprit || run === killedFor
    if (isIts || run.stop.reason !== null) return unanswered(run, exit, child.hello.heapLimitBytes)
    // Nothing else is known to have done it, so it may have been this one: alone the next time.
    if (culprit === null && killedFor === null) this.#suspects.add(run.attempt.job.id)
    return { kind: 'interrupted', error: lostError(exit) }
  }

  #interrupt(queue: PoolQueue): void {
    for (const line of queue.lines.values()) {
      for (const run of line.take()) this.end(run, { kind: 'interrupted' })
      for (const child of line.lent) {
        for (const run of child.runs.values()) run.stop.ask('interrupted')
      }
    }
  }

  /** Nothing of this group can run now: back with it, saying why. */
  #failWaiting(group: ChildGroup, reason: 'trouble' | 'memory'): void {
    const error = group.trouble
    for (const line of this.#linesOf(group)) {
      for (const run of line.take()) {
        if (reason === 'memory' && group.memoryBytes !== undefined) {
          this.end(run, { kind: 'over-memory', limitBytes: group.memoryBytes })
        } else {
          this.end(run, error === null ? { kind: 'interrupted' } : { kind: 'interrupted', error })
        }
      }
    }
  }

  #linesOf(group: ChildGroup): AttemptLine[] {
    const lines = [...this.#queues].flatMap((queue) => [...queue.lines.values()])
    return lines.filter((line) => line.group === group)
  }

  // What is due.

  #dispatch(): void {
    this.#isScheduled = false
    if (this.isStopping) return
    const now = performance.now()
    const demands = dispatch(this.#queues, now, (run) => this.end(run, { kind: 'interrupted' }))
    for (const group of this.#registry.groups) {
      this.#registry.ensureChildren(group, demands.get(group) ?? [], now)
    }
    for (const queue of this.#queues) queue.tellCapacity()
    if (!this.#isTimerShort && this.#isBusy) this.#look()
  }

  get #isBusy(): boolean {
    for (const queue of this.#queues) if (queue.running > 0) return true
    for (const { booting } of this.#registry.groups) if (booting > 0) return true
    return false
  }

  #look(): void {
    if (this.#isStopped) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    const isBusy = this.#isBusy
    this.#isTimerShort = isBusy
    this.#timer = setTimeout(
      // After the loop has read what came: a loop that was blocked must not take work that has
      // ended long ago for late.
      () => setImmediate(() => this.#lookNow()),
      isBusy ? BUSY_MS : IDLE_MS,
    )
    if (!isBusy) this.#timer.unref()
  }

  #lookNow(): void {
    const now = performance.now()
    const { plain, groups } = this.#registry
    for (const group of groups) {
      for (const child of group.children) {
        this.#enforcer.check(child, now)
        this.#supervisor.check(child, now, group === plain && group.present === 1)
        if (group !== plain && isDue(child, now)) child.retire()
      }
    }
    this.#dispatch()
    this.#returnOverdue(now)
    if (!this.#isBusy) this.#prune()
    this.#look()
  }

  /** What could run elsewhere meanwhile goes back, but for what the children that start will run. */
  #returnOverdue(now: number): void {
    const { maxWaitMs } = this.#options
    if (maxWaitMs === undefined) return
    for (const queue of this.#queues) {
      for (const line of queue.lines.values()) {
        const { head, group } = line
        if (head === null || now - head.waitsSince < maxWaitMs) continue
        if (group.failures > 0) continue
        // A queue without a child gets one soon.
        const kept = Math.max(group.booting, line.lent.length === 0 ? 1 : 0)
        for (const run of line.takeOverdue(now - maxWaitMs, kept)) {
          this.end(run, { kind: 'interrupted' })
        }
      }
    }
  }

  /** Forgets the memory limits of jobs that are gone: a row can have any. */
  #prune(): void {
    for (const queue of this.#queues) queue.prune()
    for (const group of this.#registry.groups) {
      if (group.children.size === 0 && this.#linesOf(group).length === 0) {
        this.#registry.remove(group)
      }
    }
  }

  #changed(): void {
    for (const resolve of this.#onChange.splice(0)) resolve()
  }

  async #changeWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      new Promise<void>((resolve) => this.#onChange.push(resolve)),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms)
      }),
    ])
    clearTimeout(timer)
  }
}

function isDue(child: PooledChild, now: number): boolean {
  return child.tenant?.policy.isDue(child, now) ?? false
}
