import type { AsyncLocalStorage } from 'node:async_hooks'
import type { JobDefinition } from '../../core/definition.ts'
import type { LogLevel } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { serializeError } from '../../core/serialize-error.ts'
import { Stop, type StopReason } from '../../core/stop.ts'
import type { Attempt, AttemptReport } from '../executor.ts'
import { LineReader, type LogLine, parseRun, takeCell, usageText } from '../protocol.ts'
import type { Meter, Reading } from './meter.ts'
import { runAttempt, stoppedOutcome } from './run-attempt.ts'

export interface JobRunnerOptions {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly cells: Int32Array
  readonly width: number
  readonly meter: Meter
  /** Knows whose code is running; only where several jobs run at once. */
  readonly whose: AsyncLocalStorage<number> | null
  /** Hands lines to the parent, and has them there before it returns. */
  readonly send: (lines: string) => void
}

interface Running {
  readonly attempt: Attempt
  readonly stop: Stop
  readonly startedAt: number
  readonly before: Reading
  /** Nothing else ran in this child at any time meanwhile. */
  isAlone: boolean
  progress: string | null
  progressAt: number
}

/** After this long without a look at the loop, it gets one: stops come by it. */
const TURN_MS = 5
/** Progress goes to the parent at most this often; the last one always does. */
const PROGRESS_MS = 50
const MAX_LOG_CHARS = 8_192
/** The most of a line of log with its fields, as JSON. */
const MAX_LOG_LINE_CHARS = 262_144

/**
 * The inside of a child: takes lines, runs jobs in their order, says how they end.
 *
 * Before a job begins the parent has everything about the ones before it, and that this one begins:
 * when the child dies, the parent knows exactly whose doing it was.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions
  readonly #reader = new LineReader((line) => this.#onLine(line))
  readonly #running = new Map<number, Running>()
  readonly #asked = new Map<number, StopReason>()
  #waiting: { readonly seq: number; readonly text: string }[] = []
  #next = 0
  #unsent = ''
  #isTurnOver = false
  #turnBegan = 0
  #lastReading: Reading | null = null

  constructor(options: JobRunnerOptions) {
    this.#options = options
  }

  /** Takes what the parent wrote, however it was cut into pieces. */
  receive(text: string): void {
    this.#reader.push(text)
    this.#turnBegan = performance.now()
    this.#beginMore()
  }

  /** Whose code is running now, or null when it cannot be told. */
  get current(): number | null {
    const told = this.#options.whose?.getStore()
    if (told !== undefined) return this.#running.has(told) ? told : null
    if (this.#running.size !== 1) return null
    return this.#running.keys().next().value ?? null
  }

  /**
   * An error that nobody caught: the end of the job whose it is. The child is in no state to be
   * trusted afterwards, so it asks to be replaced.
   */
  fault(thrown: unknown, what: string): void {
    const seq = this.current
    if (seq !== null) {
      this.#end(seq, { kind: 'threw', error: serializeError(thrown) })
    } else {
      const others = [...this.#running.keys()]
      this.logTo(others[0] ?? 0, [
        'error',
        { err: serializeError(thrown), what },
        `${what} in a child`,
      ])
    }
    this.#say('u\n')
    this.#flush()
  }

  /** The process is ending by the job's own doing. */
  ending(): void {
    const seq = this.current
    if (seq !== null) this.#say(`x${seq}\n`)
    this.#flush()
  }

  /** A line of log of a job; of job 0 when it is nobody's. Sent at once, since a crash may follow. */
  logTo(seq: number, line: LogLine): void {
    const [level, fields, message] = line
    this.#say(`l${seq}\t${logText(level, fields, message)}\n`)
    this.#flush()
  }

  #onLine(line: string): void {
    const tab = line.indexOf('\t')
    switch (line[0]) {
      case 'r':
        this.#waiting.push({ seq: Number(line.slice(1, tab)), text: line.slice(tab + 1) })
        return
      case 's':
        this.#ask(Number(line.slice(1, tab)), line.slice(tab + 1) as StopReason)
    }
  }

  #ask(seq: number, reason: StopReason): void {
    const running = this.#running.get(seq)
    if (running !== undefined) {
      this.#say(`a${seq}\n`)
      this.#flush()
      running.stop.ask(reason)
    } else if (this.#waiting.some((one, index) => index >= this.#next && one.seq === seq)) {
      this.#asked.set(seq, reason)
    }
  }

  #beginMore(): void {
    const { width, cells } = this.#options
    while (this.#running.size < width && this.#next < this.#waiting.length) {
      if (this.#isTurnOver) break
      const { seq, text } = this.#waiting[this.#next++]!
      if (takeCell(cells, seq)) this.#begin(seq, text)
      else this.#asked.delete(seq)
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    this.#flush()
  }

  #begin(seq: number, text: string): void {
    const { definitions, meter, whose } = this.#options
    this.#say(`b${seq}\n`)
    const startedAt = performance.now()
    const attempt: Attempt = { ...parseRun(text), report: this.#reportOf(seq) }
    const stop = new Stop()
    const isAlone = this.#running.size === 0
    if (!isAlone) for (const other of this.#running.values()) other.isAlone = false
    const before = (isAlone ? this.#lastReading : null) ?? meter.read()
    const progress = { progress: null, progressAt: 0 }
    this.#running.set(seq, { attempt, stop, startedAt, before, isAlone, ...progress })

    const asked = this.#asked.get(seq)
    if (asked !== undefined) {
      this.#asked.delete(seq)
      stop.ask(asked)
      this.#end(seq, stoppedOutcome(attempt, stop, false)!)
      return
    }
    const definition = definitions.get(attempt.job.name)
    if (definition === undefined) {
      this.#end(seq, { kind: 'interrupted', error: unknownFunction(attempt.job.name) })
      return
    }
    this.#flush()
    this.#lastReading = null
    const ended =
      whose === null
        ? runAttempt(definition, attempt, stop)
        : whose.run(seq, runAttempt, definition, attempt, stop)
    void ended.then((outcome) => {
      this.#end(seq, outcome)
      this.#goOn()
    })
  }

  /** Short jobs follow each other without a turn of the loop, but not for long. */
  #goOn(): void {
    if (this.#isTurnOver) return
    if (performance.now() - this.#turnBegan > TURN_MS && this.#next < this.#waiting.length) {
      this.#isTurnOver = true
      this.#flush()
      setImmediate(() => {
        this.#isTurnOver = false
        this.#turnBegan = performance.now()
        this.#beginMore()
      })
      return
    }
    this.#beginMore()
  }

  #end(seq: number, outcome: Outcome): void {
    const running = this.#running.get(seq)
    // Ended before by an error that nobody caught.
    if (running === undefined) return
    if (running.progress !== null) this.#say(`p${seq}\t${running.progress}\n`)
    this.#running.delete(seq)
    const usage = this.#usageOf(running)
    if (outcome.kind === 'returned') this.#say(`d${seq}\t${usage}\t${outcome.result ?? ''}\n`)
    else this.#say(`o${seq}\t${usage}\t${JSON.stringify(outcome)}\n`)
  }

  #usageOf({ startedAt, before, isAlone }: Running): string {
    const { meter } = this.#options
    const now = performance.now()
    const bytes = meter.bytes(now)
    const after = meter.read()
    this.#lastReading = after
    // Where the highest has risen it was this job's; else what is seen at its end has to do.
    const peakBytes = after.highestBytes > before.highestBytes ? after.highestBytes : bytes
    const cpuMs = isAlone ? after.cpuMs - before.cpuMs : null
    return usageText({ wallMs: now - startedAt, cpuMs, peakBytes })
  }

  #reportOf(seq: number): AttemptReport {
    return {
      progress: (_job, value) => this.#progress(seq, value),
      log: (_job, level, fields, message) => {
        const line = [level, fields] as const
        this.logTo(seq, message === undefined ? line : [...line, message])
      },
    }
  }

  #progress(seq: number, value: string): void {
    const running = this.#running.get(seq)
    if (running === undefined) return
    running.progress = value
    const now = performance.now()
    if (now - running.progressAt < PROGRESS_MS) return
    running.progressAt = now
    running.progress = null
    this.#say(`p${seq}\t${value}\n`)
    this.#flush()
  }

  #say(line: string): void {
    this.#unsent += line
  }

  #flush(): void {
    const lines = this.#unsent
    if (lines === '') return
    this.#unsent = ''
    this.#options.send(lines)
  }
}

function unknownFunction(name: string): ReturnType<typeof serializeError> {
  return serializeError(new Error(`No module of this child exports a job named "${name}".`))
}

/** A log must not fail the job: what cannot be written is said instead. */
function logText(level: LogLevel, fields: object, message: string | undefined): string {
  const text = message?.slice(0, MAX_LOG_CHARS)
  try {
    const line = JSON.stringify([level, plain(fields), text])
    if (line.length <= MAX_LOG_LINE_CHARS) return line
    return JSON.stringify([level, { unloggable: `${line.length} characters of fields` }, text])
  } catch (error) {
    return JSON.stringify([level, { unloggable: serializeError(error).message }, text])
  }
}

/** Errors have no enumerable fields, and would cross as `{}`. */
function plain(fields: object): object {
  if (fields instanceof Error) return { err: serializeError(fields) }
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(fields)) {
    copy[key] = value instanceof Error ? serializeError(value) : value
  }
  return copy
}
