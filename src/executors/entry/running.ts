import type { ClaimedJob } from '../../core/claimed-job.ts'
import type { LogLevel } from '../../core/logger.ts'
import { Stop } from '../../core/stop.ts'
import type { Attempt, AttemptReport } from '../executor.ts'
import { type ChildAttempt, LineReader, type LogLine, MAX_OUTPUT_CHARS } from '../protocol.ts'
import type { Reading } from './meter.ts'

export type OutputStream = 'stdout' | 'stderr'

/** What a running attempt has to say. */
export interface RunningVoice {
  progress(running: Running, value: string): void
  log(running: Running, line: LogLine): void
  print(running: Running, stream: OutputStream, line: string): void
}

/** Progress goes to the parent this often without delay, and then every so many milliseconds. */
const PROGRESS_BURST = 8
const PROGRESS_MS = 50

/** An attempt that has begun in this child; code that it leaves behind goes on to carry it about. */
export class Running implements AttemptReport {
  readonly seq: number
  readonly attempt: Attempt
  readonly stop = new Stop()
  readonly startedAt: number
  readonly before: Reading
  /** Nothing else ran in this child at any time meanwhile. */
  isAlone: boolean
  hasEnded = false
  readonly #voice: RunningVoice
  #progress: string | null = null
  #progressLeft = PROGRESS_BURST
  #progressAt = 0
  #timer: NodeJS.Timeout | null = null
  #printed: Partial<Record<OutputStream, LineReader>> | null = null

  constructor(
    seq: number,
    attempt: ChildAttempt,
    startedAt: number,
    before: Reading,
    isAlone: boolean,
    voice: RunningVoice,
  ) {
    this.seq = seq
    this.attempt = { job: attempt.job, limits: attempt.limits, report: this }
    this.startedAt = startedAt
    this.before = before
    this.isAlone = isAlone
    this.#voice = voice
  }

  /** Of many values in a short time the parent gets the last one. */
  progress(_job: ClaimedJob, value: string): void {
    if (this.hasEnded) return
    this.#progress = value
    const now = performance.now()
    const sinceMs = now - this.#progressAt
    if (sinceMs >= PROGRESS_MS) this.#progressLeft = PROGRESS_BURST
    if (this.#progressLeft > 0) {
      this.#progressLeft--
      this.tellProgress()
    } else {
      this.#timer ??= setTimeout(() => this.tellProgress(), PROGRESS_MS - sinceMs)
    }
  }

  log(_job: ClaimedJob, level: LogLevel, fields: object, message: string | undefined): void {
    const line = [level, fields] as const
    this.#voice.log(this, message === undefined ? line : [...line, message])
  }

  /** Hands over the value that was held back, if there is one. */
  tellProgress(): void {
    const value = this.#progress
    if (value === null) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#progress = null
    this.#progressAt = performance.now()
    this.#voice.progress(this, value)
  }

  /** Each line by itself, and never with what another attempt has printed. */
  print(stream: OutputStream, text: string): void {
    this.#printed ??= {}
    this.#printed[stream] ??= new LineReader(
      (line) => this.#voice.print(this, stream, line),
      MAX_OUTPUT_CHARS,
    )
    this.#printed[stream].push(text)
    if (this.hasEnded) this.#printed[stream].end()
  }

  /** Hands over everything that was held back. */
  tellRest(): void {
    this.tellProgress()
    if (this.#printed === null) return
    this.#printed.stdout?.end()
    this.#printed.stderr?.end()
  }
}
