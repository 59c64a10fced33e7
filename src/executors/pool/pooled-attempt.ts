import { systemClock } from '../../core/clock.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { StopRequest } from '../../core/stop-request.ts'
import type { Attempt } from '../executor.ts'
import type { ChildAnswer } from '../request-lines.ts'
import { STDERR_TAIL_CHARS } from '../stderr-tail.ts'
import { ChildRequests } from './child-requests.ts'

/** The backlog of an attempt. */
interface Backlog {
  /** One of its attempts has ended. */
  ended(): void
  /** To its old position: it was sent to a child and has not begun there. */
  putBack(attempt: PooledAttempt): void
}

/** The child that an attempt was sent to. */
interface Holder {
  stop(attempt: PooledAttempt): void
  /** To a request of an attempt. */
  answer(attempt: PooledAttempt, id: number, answer: ChildAnswer): void
}

/**
 * An attempt on its way through a pool: it waits, is sent to a child, begins there, ends. One that
 * was sent and has not begun can be recalled, and then waits again.
 */
export class PooledAttempt {
  readonly spec: Attempt
  readonly stop: StopRequest
  readonly backlog: Backlog
  /** Attempts begin in the order of their positions. */
  readonly position: number
  /** Called at its end. */
  onEnd: (() => void) | null = null
  readonly #resolve: (outcome: Outcome) => void
  #state: 'waiting' | 'sent' | 'begun' | 'ended' = 'waiting'
  #child: Holder | null = null
  #seq = 0
  #waitingSince = systemClock.monotonic()
  #begunAt = 0
  #begunAheadMs = 0
  #stoppingSince: number | null = null
  #hasReceivedStop = false
  #isRecalled = false
  #isUnwanted = false
  #peakBytes: number | null = null
  #cpuMs: number | null = null
  #stderr = ''
  #requests: ChildRequests | null = null

  constructor(
    spec: Attempt,
    stop: StopRequest,
    backlog: Backlog,
    position: number,
    resolve: (outcome: Outcome) => void,
  ) {
    this.spec = spec
    this.stop = stop
    this.backlog = backlog
    this.position = position
    this.#resolve = resolve
  }

  get state(): 'waiting' | 'sent' | 'begun' | 'ended' {
    return this.#state
  }

  /** Its number in its child. */
  get seq(): number {
    return this.#seq
  }

  /** Since when it has waited for a child, while it waits. */
  get waitingSince(): number {
    return this.#waitingSince
  }

  get begunAt(): number {
    return this.#begunAt
  }

  /** By how much the clock of time limits was ahead then. */
  get begunAheadMs(): number {
    return this.#begunAheadMs
  }

  /** When it was asked to stop; null unless it has begun. */
  get stoppingSince(): number | null {
    return this.#stoppingSince
  }

  /** Its child has passed the request to stop on to its code. */
  get hasReceivedStop(): boolean {
    return this.#hasReceivedStop
  }

  get isRecalled(): boolean {
    return this.#isRecalled
  }

  /** It is returned as interrupted unless it begins first. */
  get isUnwanted(): boolean {
    return this.#isUnwanted
  }

  get peakBytes(): number | null {
    return this.#peakBytes
  }

  get cpuMs(): number | null {
    return this.#cpuMs
  }

  /** The end of what the job printed to stderr. */
  get stderr(): string {
    return this.#stderr
  }

  sent(child: Holder, seq: number): void {
    this.#state = 'sent'
    this.#child = child
    this.#seq = seq
    this.#isRecalled = false
  }

  began(now: number, aheadMs: number): void {
    this.#state = 'begun'
    this.#begunAt = now
    this.#begunAheadMs = aheadMs
  }

  recalled(): void {
    this.#isRecalled = true
  }

  unwanted(): void {
    this.#isUnwanted = true
  }

  /** It did not begin in its child, and waits for another. */
  returned(now: number): void {
    this.#state = 'waiting'
    this.#child = null
    this.#waitingSince = now
  }

  /** Passes the request to stop on to its child. */
  passStop(): void {
    this.#child?.stop(this)
  }

  stopping(now: number): void {
    this.#stoppingSince = now
  }

  receivedStop(): void {
    this.#hasReceivedStop = true
  }

  /** Null: not known, or not known to be of this attempt alone. */
  measured(bytes: number | null, cpuMs: number | null): void {
    if (bytes !== null) this.#peakBytes = Math.max(this.#peakBytes ?? 0, bytes)
    if (cpuMs !== null) this.#cpuMs = cpuMs
  }

  /** What its code asks for. @throws {TypeError} when it has not begun */
  get requests(): ChildRequests {
    if (this.#state !== 'begun') throw new TypeError('not begun')
    this.#requests ??= new ChildRequests(this.spec, (id, answer) =>
      this.#child?.answer(this, id, answer),
    )
    return this.#requests
  }

  /** Keeps the end of what it prints, since its child may die. */
  printed(text: string): void {
    this.#stderr = `${this.#stderr}${text}\n`.slice(-STDERR_TAIL_CHARS)
  }

  end(outcome: Outcome): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#child = null
    this.#requests?.end()
    this.onEnd?.()
    this.backlog.ended()
    this.#resolve(outcome)
  }
}
