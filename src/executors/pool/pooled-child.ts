import { systemClock } from '../../core/clock.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import type { Child, ChildExit, Launch, LaunchOptions } from '../child.ts'
import type { ChildAnswer } from '../request-lines.ts'
import { answered } from './attempt-end.ts'
import { type AttemptsOfChild, ChildAttempts } from './child-attempts.ts'
import { type BootOfChild, ChildBoot } from './child-boot.ts'
import { ChildLifecycle, type ChildState, type EndOfChild } from './child-lifecycle.ts'
import {
  type AttemptMessage,
  type BootMessage,
  type ChildMessage,
  parseChildMessage,
} from './child-message.ts'
import { ChildOutbox } from './child-outbox.ts'
import { ChildOutput } from './child-output.ts'
import type { ChildOwner } from './child-owner.ts'
import { ChildUsage } from './child-usage.ts'
import { ChildWidth } from './child-width.ts'
import type { PooledAttempt } from './pooled-attempt.ts'
import type { Tenant } from './tenant.ts'
import { WorkAhead } from './work-ahead.ts'

/** How much is shown of a line that is not one of the protocol, in characters. */
const SHOWN_CHARS = 200

/**
 * A child and the attempts that it has. Its state changes here alone, by what the child reports and
 * by the methods that the pool calls; the policies of the pool read it.
 */
export class PooledChild {
  readonly #child: Child
  readonly #owner: ChildOwner<PooledChild>
  readonly #boot = new ChildBoot()
  readonly #lifecycle = new ChildLifecycle()
  readonly #attempts = new ChildAttempts()
  readonly #width = new ChildWidth()
  readonly #work = new WorkAhead()
  readonly #outbox = new ChildOutbox((lines) => this.#child.send(lines))
  readonly #output: ChildOutput
  readonly #usage: ChildUsage
  readonly boot: BootOfChild = this.#boot
  readonly end: EndOfChild = this.#lifecycle
  readonly attempts: AttemptsOfChild = this.#attempts
  #tenant: Tenant | null = null
  #activeAt = systemClock.monotonic()
  #hasSignalHandlers = false
  /** The beginning of a line that was not one of the protocol. */
  #violation: string | null = null

  constructor(launch: Launch, options: LaunchOptions, owner: ChildOwner<PooledChild>) {
    this.#owner = owner
    const begun = (): PooledAttempt[] => this.#attempts.inState('begun')
    this.#output = new ChildOutput(begun, (line) => owner.onLog(line))
    this.#child = launch(options, {
      onLine: (line, isForeign) => this.#onLine(line, isForeign),
      onTurn: () => this.#onTurn(),
      onOutput: (stream, text) => this.#output.push(stream, text),
      onGone: (exit) => this.#onGone(exit),
    })
    this.#usage = new ChildUsage(this.#child)
  }

  get pid(): number | null {
    return this.#child.pid
  }

  get state(): ChildState {
    return this.#lifecycle.state
  }

  get isIdle(): boolean {
    return this.state === 'ready' && this.#attempts.size === 0
  }

  /** Whose attempts it runs, or ran last. */
  get tenant(): Tenant | null {
    return this.#tenant
  }

  /** When it was last given an attempt while idle, or has reported something. */
  get activeAt(): number {
    return this.#activeAt
  }

  /** When it was last measured on schedule. */
  get measuredAt(): number | null {
    return this.#usage.measuredAt
  }

  /** Whether it can be given attempts of this tenant: an idle child takes any tenant. */
  takes(tenant: Tenant): boolean {
    if (this.state !== 'ready' || this.#attempts.isStopping) return false
    return this.isIdle ? this.#attempts.given < tenant.policy.quota : this.#tenant === tenant
  }

  /** How many attempts of its tenant can run here concurrently, as far as is known. */
  get slots(): number {
    if (this.state !== 'ready' || this.#attempts.isStopping) return 0
    return this.#width.slots(this.#attempts.begun, this.#tenant?.width ?? 1)
  }

  /** How many attempts it can use beyond those that run, so that it never waits for the next. */
  get ahead(): number {
    return this.#work.attempts(this.#width.current)
  }

  give(attempt: PooledAttempt, tenant: Tenant): void {
    // Jobs of another tenant may be longer.
    if (this.#tenant !== tenant) this.#work.forget()
    this.#tenant = tenant
    const wasIdle = this.#attempts.size === 0
    if (this.#width.set(tenant.width, wasIdle)) this.#outbox.width(this.#width.current)
    if (wasIdle) this.#activeAt = systemClock.monotonic()
    const seq = this.#attempts.add(attempt, tenant.policy.quota)
    attempt.sent(this, seq)
    if (this.#attempts.isFull) this.#lifecycle.close()
    this.#outbox.run(seq, attempt.spec)
  }

  /** Sends what was given since the last call, as one message. */
  flush(): void {
    this.#outbox.flush()
  }

  /** Passes on that an attempt is to stop. While it stops, the child gets no more. */
  stop(attempt: PooledAttempt): void {
    this.#outbox.stop(attempt.seq, attempt.stop.reason ?? 'interrupted')
    this.flush()
    const hasBegun = attempt.state === 'begun'
    if (hasBegun) this.#attempts.stopping(attempt, systemClock.monotonic())
    this.recall(hasBegun ? this.#attempts.unbegun : [attempt])
  }

  /** To a request of an attempt. */
  answer(attempt: PooledAttempt, id: number, answer: ChildAnswer): void {
    this.#outbox.answer(attempt.seq, id, answer)
  }

  /** Asks for attempts to be returned, unless they begin first. */
  recall(attempts: readonly PooledAttempt[]): void {
    const wanted = attempts.filter(({ isRecalled }) => !isRecalled)
    if (wanted.length === 0) return
    this.flush()
    for (const attempt of wanted) attempt.recalled()
    this.#child.recall(wanted.map(({ seq }) => seq))
  }

  /** Nothing has come for this long: what runs takes longer than expected. */
  stalled(forMs: number): void {
    if (this.#width.stalled()) this.#outbox.width(this.#width.current)
    this.#work.lasts(forMs)
    this.recall(this.#attempts.unbegun)
  }

  /** Notes since when its oldest attempt has waited to begin. */
  observe(now: number): void {
    this.#attempts.observe(now)
  }

  /** It does not begin what it has: it gets no more, and what it has goes elsewhere. */
  giveUp(now: number): void {
    this.#lifecycle.unresponsive(now)
    this.retire()
    this.recall(this.#attempts.unbegun)
  }

  /** Its start takes long, and a warning is logged. */
  reportBoot(): void {
    this.#boot.reported()
  }

  /** It will never be ready, for this reason unless it has reported another. */
  failBoot(error: SerializedError): void {
    this.#boot.overdue(error)
    this.kill()
  }

  /** Notes for an attempt what it has used, and returns the memory of the child, or null. */
  measure(attempt: PooledAttempt, scheduledAt?: number): number | null {
    return this.#usage.measure(attempt, this.#width.most === 1, scheduledAt)
  }

  /** Gets no more attempts, and ends when those that it has have ended. */
  retire(): void {
    if (this.#lifecycle.retire(this.#attempts.size, systemClock.monotonic())) this.#child.retire()
  }

  /** Sends SIGTERM. Returns whether the jobs have a handler for it. */
  terminate(): boolean {
    this.#lifecycle.terminated()
    return this.#child.terminate() && this.#hasSignalHandlers
  }

  /** Ends it. @param attempt For which it has to end, if for one. */
  kill(attempt: PooledAttempt | null = null): void {
    if (this.#lifecycle.kill(attempt)) this.#child.kill()
  }

  /** A job can write to any descriptor of its process, so what comes by them is not trusted. */
  #onLine(line: string, isForeign: boolean): void {
    if (this.#violation !== null) return
    try {
      if (isForeign) throw new RangeError('not a frame of the protocol')
      this.#onMessage(parseChildMessage(line))
    } catch {
      this.#violation = line.slice(0, SHOWN_CHARS)
      this.kill()
    }
  }

  /** @throws {TypeError} when the child cannot report this in its state */
  #onMessage(message: ChildMessage): void {
    switch (message.kind) {
      case 'loading':
      case 'boot-failed':
      case 'ready':
        this.#onBootMessage(message)
        return
      case 'broken':
        this.#lifecycle.close()
        this.recall(this.#attempts.unbegun)
        return
      case 'width-set':
        if (!this.#width.answered()) throw new TypeError('not asked')
        return
      case 'signal-handlers':
        this.#hasSignalHandlers = message.has
        return
      default:
        this.#onAttemptMessage(this.#attempts.get(message.seq), message)
    }
  }

  #onBootMessage(message: BootMessage): void {
    this.#boot.report(message)
    if (message.kind !== 'ready') return
    this.#usage.add(message.ready)
    if (this.#lifecycle.becameReady()) this.#owner.onReady(this)
  }

  /** @param attempt Undefined: it has ended, or was returned. */
  #onAttemptMessage(attempt: PooledAttempt | undefined, message: AttemptMessage): void {
    if (message.kind === 'log') this.#output.logged(attempt, message.line)
    // Code that an attempt has left behind may end the process.
    else if (message.kind === 'exiting') this.#lifecycle.exiting(attempt ?? 'none of them')
    if (attempt === undefined) return
    switch (message.kind) {
      case 'begun':
        this.#began(attempt)
        return
      case 'ended':
        this.#ended(attempt, message.outcome)
        return
      case 'progress':
        attempt.spec.report.progress(attempt.spec.job, message.value)
        return
      case 'stop-received':
        attempt.receivedStop()
        return
      case 'exiting':
        this.measure(attempt)
        return
      case 'request':
        attempt.requests.take(message.id, message.request)
        return
      case 'returned':
        this.#attempts.returned(attempt)
        this.#owner.onReturned(attempt)
    }
  }

  #began(attempt: PooledAttempt): void {
    // More than its width: the end of one of them has become part of another line.
    const isOne = attempt.state === 'sent' && this.#attempts.begun < this.#width.most
    if (!isOne) throw new TypeError('begun twice')
    const now = systemClock.monotonic()
    this.#attempts.began(attempt, now, this.#owner.aheadMs)
    this.#owner.onBegun(attempt)
    // For short jobs no answer is needed: what is sent ahead begins by itself.
    if (this.ahead === 0 && this.#width.begun(this.#attempts.begun))
      this.#outbox.width(this.#width.current)
    if (attempt.stop.reason !== null) this.#attempts.stopping(attempt, now)
  }

  #ended(attempt: PooledAttempt, outcome: Outcome): void {
    if (attempt.state !== 'begun') throw new TypeError('no end')
    this.#usage.add(outcome.usage)
    this.#work.ended(outcome.usage?.wallMs ?? 0)
    this.#attempts.ended(attempt)
    this.#owner.onEnded(attempt, answered(attempt, outcome))
  }

  #onTurn(): void {
    this.#activeAt = systemClock.monotonic()
    this.flush()
    if (this.state === 'retiring') this.retire()
    this.#owner.onActivity()
  }

  #onGone(exit: ChildExit): void {
    this.#output.end()
    this.#lifecycle.gone()
    this.#boot.ended()
    if (this.#violation !== null) exit = { ...exit, protocolViolation: this.#violation }
    this.#owner.onGone(this, exit, this.#attempts.clear())
  }
}
