import type { Outcome } from '../core/outcome.ts'
import type { Stop } from '../core/stop.ts'
import type { Attempt } from './executor.ts'
import { LAST_WORDS_CHARS } from './last-words.ts'

/** The line that a run waits in. */
interface Line {
  /** Attempts that were taken and have not ended. */
  load: number
  /** To its old place, when it was sent to a child and has not begun there. */
  putBack(run: Run): void
}

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
  readonly line: Line
  /** Its place in the line. */
  readonly order: number
  state: 'waiting' | 'sent' | 'begun' | 'ended' = 'waiting'
  child: Holder | null = null
  /** Since when it has waited, as far as it waits. */
  waitsSince = performance.now()
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
    line: Line,
    order: number,
    resolve: (outcome: Outcome) => void,
  ) {
    this.attempt = attempt
    this.stop = stop
    this.line = line
    this.order = order
    this.#resolve = resolve
  }

  /** Keeps the end of what it prints, for the case that its child dies. */
  hear(text: string): void {
    this.said = `${this.said}${text}\n`.slice(-LAST_WORDS_CHARS)
  }

  /** It was taken back from a child. */
  wait(): void {
    this.state = 'waiting'
    this.child = null
    this.waitsSince = performance.now()
  }

  end(outcome: Outcome): void {
    this.state = 'ended'
    this.child = null
    this.#resolve(outcome)
  }
}
