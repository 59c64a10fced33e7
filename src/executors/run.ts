import type { Outcome } from '../core/outcome.ts'
import type { Stop } from '../core/stop.ts'
import type { Attempt } from './executor.ts'
import { LAST_WORDS_CHARS } from './last-words.ts'

/** The child that has a run. */
interface Holder {
  ask(run: Run): void
}

/**
 * An attempt on its way through a pool: it waits, is sent to a child, begins there, ends. Sent but
 * not begun it can be taken back.
 */
export class Run {
  readonly attempt: Attempt
  readonly stop: Stop
  /** The key of its lane. */
  readonly lane: string
  /** Its place in the line. */
  readonly order: number
  state: 'waiting' | 'sent' | 'begun' | 'ended' = 'waiting'
  child: Holder | null = null
  seq = 0
  begunAt = 0
  /** When it was asked to stop, if it has begun. */
  askedAt: number | null = null
  hasHeard = false
  isRecalled = false
  peakBytes: number | null = null
  cpuMs: number | null = null
  /** The end of what the job printed to stderr. */
  said = ''
  readonly #resolve: (outcome: Outcome) => void

  constructor(
    attempt: Attempt,
    stop: Stop,
    lane: string,
    order: number,
    resolve: (outcome: Outcome) => void,
  ) {
    this.attempt = attempt
    this.stop = stop
    this.lane = lane
    this.order = order
    this.#resolve = resolve
  }

  /** Keeps the end of what it prints, for the case that its child dies. */
  hear(text: string): void {
    this.said = `${this.said}${text}\n`.slice(-LAST_WORDS_CHARS)
  }

  end(outcome: Outcome): void {
    this.state = 'ended'
    this.child = null
    this.#resolve(outcome)
  }
}
