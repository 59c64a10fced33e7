/**
 * Starts children, lends them to attempts, replaces and stops them: everything that threads and
 * processes have in common.
 *
 * Jobs without a limit share children, as many as there are CPUs: one job at a time in each while
 * the concurrency is not above that, else several, which take turns as asynchronous code does. A
 * job with a limit has a child for itself, and jobs of one memory limit follow each other in theirs.
 *
 * Each child is sent more than it runs, for some milliseconds, so that it never waits for the next.
 * What it was sent and has not begun is taken back when the child is busy longer than thought, and
 * goes elsewhere; so it does when the child dies. Of a child that dies only what had begun is lost:
 * one job, or where several ran at once the one whose doing it was. Where that cannot be told all
 * are given back, and run alone the next time.
 */

import { availableParallelism } from 'node:os'
import { ConfigError } from '../core/errors.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Stop } from '../core/stop.ts'
import { lostError, unanswered } from './attempt-end.ts'
import type { ChildExit, Launch } from './child.ts'
import { ChildRule } from './child-rule.ts'
import { ChildTender } from './child-tender.ts'
import { stoppedOutcome } from './entry/run-attempt.ts'
import type { Attempt, Executor, ExecutorSettings } from './executor.ts'
import type { Lane } from './lane.ts'
import { DEFAULT_KILL_AFTER_MS, modulesOf, type PoolOptions } from './pool-options.ts'
import type { ChildOwner, PooledChild } from './pooled-child.ts'
import type { LogLine } from './protocol.ts'
import { Roster } from './roster.ts'
import { Run } from './run.ts'
import { Warden } from './warden.ts'

/** How often what runs is looked at, in milliseconds; and children, while nothing runs. */
const LOOK_MS = 20
const IDLE_LOOK_MS = 1_000

export abstract class ChildPool implements Executor, ChildOwner {
  readonly defaultConcurrency = availableParallelism()
  readonly #options: PoolOptions
  readonly #warden: Warden
  readonly #roster: Roster
  readonly #tender: ChildTender
  #running = 0
  #order = 0
  #isScheduled = false
  #timer: NodeJS.Timeout | null = null
  #isTimerShort = false
  #isStopped = false
  #onState: (() => void)[] = []

  /** @throws {ConfigError} when a job has no module */
  protected constructor(name: string, launch: Launch, options: PoolOptions) {
    this.#options = options
    this.#warden = new Warden(options.killAfterMs ?? DEFAULT_KILL_AFTER_MS)
    this.#roster = new Roster({
      launch,
      modules: modulesOf(options.jobs, name),
      concurrency: options.concurrency ?? this.defaultConcurrency,
      cpus: this.defaultConcurrency,
      rule: new ChildRule(options.maximumJobsPerChild),
      owner: this,
      onTrouble: (error) => options.onTrouble?.(error),
      onChanged: () => this.#changed(),
    })
    this.#tender = new ChildTender(this.#roster, options.log)
  }

  get running(): number {
    return this.#running
  }

  get ahead(): number {
    let ahead = 0
    for (const lane of this.#roster.lanes.values()) {
      for (const child of lane.children) if (child.takes) ahead += child.ahead
    }
    return ahead
  }

  async start(): Promise<void> {
    const shared = this.#roster.shared
    this.#roster.staff(shared)
    this.#look()
    const isReady = (): boolean => [...shared.children].every((child) => child.readyAt > 0)
    while (
      !this.#roster.isStopping &&
      this.#roster.trouble === null &&
      !(shared.children.size > 0 && isReady())
    ) {
      await new Promise<void>((resolve) => this.#onState.push(resolve))
    }
    if (this.#roster.trouble === null) return
    const { message } = this.#roster.trouble
    await this.stop({ graceMs: 0 })
    throw new ConfigError(message)
  }

  run(attempt: Attempt, stop: Stop): Promise<Outcome> {
    if (stop.reason !== null || this.#roster.isStopping) {
      return Promise.resolve(stoppedOutcome(attempt, stop, false) ?? { kind: 'interrupted' })
    }
    return new Promise((resolve) => {
      const lane = this.#roster.laneOf(attempt)
      const run = new Run(attempt, stop, lane.key, ++this.#order, resolve)
      this.#running++
      lane.push(run)
      stop.onAsk(() => this.#asked(run))
      this.#schedule()
    })
  }

  giveBack(): void {
    for (const lane of this.#roster.lanes.values()) {
      for (const child of lane.children) {
        const unbegun = child.unbegun()
        // Only asked for: whatever begins before it is found runs on.
        for (const run of unbegun) this.#unwanted.add(run)
        child.recall(unbegun)
      }
      for (const run of lane.take()) this.#end(run, { kind: 'interrupted' })
    }
  }

  update({ concurrency, maximumJobsPerChild, killAfterMs }: ExecutorSettings): void {
    this.#roster.concurrency = concurrency ?? this.defaultConcurrency
    this.#roster.rule = new ChildRule(maximumJobsPerChild)
    this.#warden.killAfterMs = killAfterMs ?? DEFAULT_KILL_AFTER_MS
    const shared = this.#roster.shared
    if (shared.width !== this.#roster.width) {
      shared.width = this.#roster.width
      for (const child of shared.children) child.retire()
    }
    for (const child of this.#roster.children) child.quota = this.#roster.rule.quota
    this.#schedule()
  }

  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#roster.isStopping = true
    for (const lane of this.#roster.lanes.values()) {
      for (const run of lane.take()) this.#end(run, { kind: 'interrupted' })
      for (const child of lane.children) {
        for (const run of child.runs.values()) run.stop.ask('interrupted')
      }
    }
    this.#changed()
    const deadline = performance.now() + graceMs
    for (;;) {
      const children = this.#roster.children
      if (children.length === 0) break
      const isOver = performance.now() >= deadline
      for (const child of children) {
        if (isOver || child.state === 'booting') child.kill()
        else child.retire()
      }
      const wait = isOver ? IDLE_LOOK_MS : Math.min(LOOK_MS, deadline - performance.now())
      await this.#changeWithin(wait)
    }
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** Process ids of the children that are there. */
  get pids(): number[] {
    return this.#roster.children.flatMap(({ pid }) => (pid === null ? [] : [pid]))
  }

  // What the children tell.

  onReady(child: PooledChild): void {
    const lane = this.#roster.lanes.get(child.lane)!
    lane.failures = 0
    this.#tender.checkRoom(lane, child)
    this.#roster.troubled(null)
    if (child.width === lane.width) {
      // It replaces one that has done its share.
      const due = [...lane.children].find((one) => one !== child && this.#roster.rule.isDue(one))
      due?.retire()
    } else {
      child.retire()
    }
    this.#changed()
    this.#schedule()
  }

  onNews(): void {
    if (this.#running > 0) this.#schedule()
  }

  onEnded(run: Run, outcome: Outcome): void {
    this.#end(run, outcome)
  }

  onReturned(run: Run): void {
    const { attempt, stop } = run
    if (this.#unwanted.delete(run) || this.#roster.isStopping) {
      this.#end(run, stoppedOutcome(attempt, stop, false) ?? { kind: 'interrupted' })
    } else if (stop.reason !== null) {
      this.#end(run, stoppedOutcome(attempt, stop, false)!)
    } else {
      run.state = 'waiting'
      run.child = null
      this.#roster.lanes.get(run.lane)!.putBack([run])
    }
  }

  onLog([level, fields, message]: LogLine): void {
    this.#options.log?.[level](fields, message)
  }

  onGone(child: PooledChild, exit: ChildExit): void {
    const lane = this.#roster.lanes.get(child.lane)!
    lane.children.delete(child)
    if (child.bootError !== null) this.#roster.bootFailed(lane, child, exit)
    const begun = [...child.runs.values()].filter((run) => run.state === 'begun')
    for (const run of child.unbegun()) {
      child.runs.delete(run.seq)
      this.onReturned(run)
    }
    const ends = begun.map((run) => this.#endOf(run, child, exit, begun.length === 1))
    child.runs.clear()
    begun.forEach((run, index) => {
      this.#end(run, ends[index]!)
    })
    this.#changed()
    this.#schedule()
  }

  /** Requests of `giveBack` that have no answer yet. */
  readonly #unwanted = new Set<Run>()

  #endOf(run: Run, child: PooledChild, exit: ChildExit, isOnly: boolean): Outcome {
    const isIts =
      (isOnly && child.guilty !== 'nobody') || run === child.guilty || run === child.killedFor
    if (isIts || run.stop.reason !== null) return unanswered(run, exit, child.hello.heapLimitBytes)
    // Nobody else is known to have done it, so it may have been this one: alone the next time.
    if (child.guilty === null && child.killedFor === null)
      this.#roster.suspects.add(run.attempt.job.id)
    return { kind: 'interrupted', error: lostError(exit) }
  }

  #end(run: Run, outcome: Outcome): void {
    if (run.state === 'ended') return
    this.#running--
    this.#unwanted.delete(run)
    run.end(outcome)
  }

  #asked(run: Run): void {
    if (run.state === 'waiting') {
      this.#end(run, stoppedOutcome(run.attempt, run.stop, false)!)
    } else if (run.state !== 'ended') {
      run.child?.ask(run)
    }
  }

  // Work to children.

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#dispatch())
  }

  /** Hands out what waits, oldest first. All that a child gets in one turn is one message. */
  #dispatch(): void {
    this.#isScheduled = false
    if (this.#roster.isStopping) return
    let used = 0
    for (const child of this.#roster.children) used += Math.min(child.width, child.runs.size)
    const stuck = new Set<Lane>()
    let isStarving = false
    for (let lane = this.#oldest(stuck); lane !== null; lane = this.#oldest(stuck)) {
      const free = lane.freeChild()
      let child = free
      if (free !== null && used < this.#roster.concurrency) used++
      else child = isStarving ? null : lane.childWithRoom()
      // A lane that waits for a slot gets the next one: nobody else is kept busy before it.
      if (child === null && free !== null) isStarving = true
      if (child === null) {
        stuck.add(lane)
        continue
      }
      child.give(lane.head!)
      lane.shift()
    }
    for (const child of this.#roster.children) child.flush()
    for (const lane of this.#roster.lanes.values()) this.#roster.staff(lane)
    if (!this.#isTimerShort && this.#isBusy) this.#look()
  }

  #oldest(without: ReadonlySet<Lane>): Lane | null {
    let oldest: Lane | null = null
    for (const lane of this.#roster.lanes.values()) {
      const head = lane.head
      if (head === null || without.has(lane)) continue
      if (oldest === null || head.order < oldest.head!.order) oldest = lane
    }
    return oldest
  }

  // What is due.

  get #isBusy(): boolean {
    return this.#running > 0 || this.#roster.shared.children.size < this.#roster.kept
  }

  #look(): void {
    if (this.#isStopped) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    const isBusy = this.#isBusy
    this.#isTimerShort = isBusy
    this.#timer = setTimeout(
      // After the loop has heard what came: a loop that was blocked must not take work that has
      // ended long ago for late.
      () => setImmediate(() => this.#lookNow()),
      isBusy ? LOOK_MS : IDLE_LOOK_MS,
    )
    if (!isBusy) this.#timer.unref()
  }

  #lookNow(): void {
    const now = performance.now()
    for (const child of this.#roster.children) {
      this.#warden.check(child, now)
      this.#tender.tend(child, now)
    }
    if (!this.#roster.isStopping) {
      for (const lane of this.#roster.lanes.values()) this.#roster.staff(lane)
    }
    this.#schedule()
    this.#look()
  }

  #changed(): void {
    for (const resolve of this.#onState.splice(0)) resolve()
  }

  async #changeWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      new Promise<void>((resolve) => this.#onState.push(resolve)),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms)
      }),
    ])
    clearTimeout(timer)
  }
}
