import type { ClaimedJob } from '../../core/claimed-job.ts'
import { callAfter, systemClock } from '../../core/clock.ts'
import { AttemptError } from '../../core/errors.ts'
import type { LogLevel } from '../../core/logger.ts'
import { StopRequest } from '../../core/stop-request.ts'
import type { Attempt, AttemptReport, OutputsPage } from '../executor.ts'
import { LineReader, MAX_OUTPUT_CHARS } from '../line-reader.ts'
import type { ChildAttempt, LogLine } from '../protocol.ts'
import type { ChildAnswer, ChildRequest, DurableStart } from '../request-lines.ts'
import { ChildHost } from './child-host.ts'
import type { Reading } from './meter.ts'
import { ParentCalls } from './parent-calls.ts'

export type OutputStream = 'stdout' | 'stderr'

/** Is called with what an attempt reports. */
export interface AttemptSink {
  progress(attempt: ActiveAttempt, value: string): void
  log(attempt: ActiveAttempt, line: LogLine): void
  print(attempt: ActiveAttempt, stream: OutputStream, line: string): void
  request(attempt: ActiveAttempt, id: number, request: ChildRequest): void
}

/** Progress goes to the parent this often without delay, and then at this interval in milliseconds. */
const PROGRESS_BURST = 8
const PROGRESS_MS = 50

/** An attempt that has begun in this child. Code that it leaves behind still belongs to it when it has ended. */
export class ActiveAttempt implements AttemptReport {
  readonly seq: number
  readonly attempt: Attempt
  readonly stop = new StopRequest()
  readonly startedAt: number
  readonly before: Reading
  /** No other attempt has run in this child since it began. */
  isAlone: boolean
  hasEnded = false
  readonly #sink: AttemptSink
  #progress: string | null = null
  #progressLeft = PROGRESS_BURST
  #progressAt = 0
  /** Cancels the progress that is delayed. */
  #cancel: (() => void) | null = null
  #printed: Partial<Record<OutputStream, LineReader>> | null = null
  #calls: ParentCalls | null = null

  constructor(
    seq: number,
    attempt: ChildAttempt,
    durable: DurableStart | null,
    startedAt: number,
    before: Reading,
    isAlone: boolean,
    sink: AttemptSink,
  ) {
    this.seq = seq
    this.#sink = sink
    const { job, limits } = attempt
    this.attempt =
      durable === null
        ? { job, limits, report: this }
        : { job, limits, report: this, durable: new ChildHost(durable, this.#parent) }
    this.startedAt = startedAt
    this.before = before
    this.isAlone = isAlone
  }

  /** Of many values in a short time the parent gets the last one. */
  progress(_job: ClaimedJob, value: string): void {
    if (this.hasEnded) return
    this.#progress = value
    const now = systemClock.monotonic()
    const sinceMs = now - this.#progressAt
    if (sinceMs >= PROGRESS_MS) this.#progressLeft = PROGRESS_BURST
    if (this.#progressLeft > 0) {
      this.#progressLeft--
      this.flushProgress()
    } else {
      this.#cancel ??= callAfter(systemClock, PROGRESS_MS - sinceMs, () => this.flushProgress())
    }
  }

  log(_job: ClaimedJob, level: LogLevel, fields: object, message: string | undefined): void {
    const line = [level, fields] as const
    this.#sink.log(this, message === undefined ? line : [...line, message])
  }

  async outputs(_job: ClaimedJob, step: string, after: number): Promise<OutputsPage> {
    if (this.hasEnded)
      throw new AttemptError('ATTEMPT_OVER', 'context.outputs: the attempt has ended.')
    return (await this.#parent.ask({ kind: 'outputs', step, after })) as OutputsPage
  }

  /** Takes an answer of the worker. */
  answer(id: number, answer: ChildAnswer): void {
    this.#calls?.answer(id, answer)
  }

  /** Sends the value that was delayed, if there is one. */
  flushProgress(): void {
    const value = this.#progress
    if (value === null) return
    this.#cancel?.()
    this.#cancel = null
    this.#progress = null
    this.#progressAt = systemClock.monotonic()
    this.#sink.progress(this, value)
  }

  /** Each line by itself, and never with what another attempt has printed. */
  print(stream: OutputStream, text: string): void {
    this.#printed ??= {}
    this.#printed[stream] ??= new LineReader(
      (line) => this.#sink.print(this, stream, line),
      MAX_OUTPUT_CHARS,
    )
    this.#printed[stream].push(text)
    if (this.hasEnded) this.#printed[stream].end()
  }

  /** Made by the few jobs that ask for something. */
  get #parent(): ParentCalls {
    this.#calls ??= new ParentCalls((id, request) => {
      if (!this.hasEnded) this.#sink.request(this, id, request)
    })
    return this.#calls
  }

  /** Sends everything that was delayed. */
  flush(): void {
    this.flushProgress()
    if (this.#printed === null) return
    this.#printed.stdout?.end()
    this.#printed.stderr?.end()
  }
}
