import { AsyncLocalStorage } from 'node:async_hooks'
import { machineMs, systemClock } from '../../core/clock.ts'
import type { JobDefinition } from '../../core/definition.ts'
import type { LogLevel } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { serializeError } from '../../core/serialize-error.ts'
import type { StopReason } from '../../core/stop-request.ts'
import type { AroundChain } from '../around.ts'
import { stoppedOutcome } from '../attempt-outcome.ts'
import { takeCell } from '../begin-cell.ts'
import { LineReader, MAX_OUTPUT_CHARS } from '../line-reader.ts'
import { eachLine, type LogLine, parseRun, usageText } from '../protocol.ts'
import { type ChildAnswer, type DurableStart, numbered, requestLine } from '../request-lines.ts'
import { runAttempt } from '../run-attempt.ts'
import { ActiveAttempt, type AttemptSink, type OutputStream } from './active-attempt.ts'
import type { Meter, Reading } from './meter.ts'

export interface JobRunnerOptions {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly around: AroundChain | null
  readonly cells: Int32Array
  readonly width: number
  readonly meter: Meter
  /** Sends lines to the parent; they are there when it returns. */
  readonly send: (lines: string) => void
  /** The parent is about to send SIGTERM. */
  readonly onTerm?: () => void
  /** The parent sends nothing more: the end of the channel is not the end of the parent. */
  readonly onRetire?: () => void
}

/** After this long without a turn of the loop, jobs wait for one: requests to stop come by it. */
const TURN_MS = 5
const LEVELS: Readonly<Record<OutputStream, LogLevel>> = { stdout: 'info', stderr: 'warn' }
const MAX_LOG_CHARS = 8_192
/** The most of a line of log with its fields, as JSON. */
const MAX_LOG_LINE_CHARS = 262_144

/**
 * The inside of a child: takes lines, runs jobs in their order, reports how they end.
 *
 * Before a job begins the parent has everything about the ones before it, and that this one begins:
 * when the child dies, the parent knows exactly which of them had begun.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions
  readonly #running = new Map<number, ActiveAttempt>()
  readonly #stopped = new Map<number, StopReason>()
  /** What durable jobs start with that have not begun, as JSON. */
  readonly #starts = new Map<number, string>()
  #width: number
  #waiting: { readonly seq: number; readonly text: string }[] = []
  #next = 0
  #outbox = ''
  /** Until when attempts may begin, as the parent has sent it last. */
  #beginUntilMs = Number.POSITIVE_INFINITY
  #isTurnOver = false
  #turnBegan = 0
  #lastReading: Reading | null = null
  /** The attempt of the code that runs, also where an attempt that has ended has left it behind. */
  readonly #current = new AsyncLocalStorage<ActiveAttempt>()
  /** What code prints that belongs to no attempt. */
  readonly #unowned = {
    stdout: new LineReader((line) => this.#printed(null, 'stdout', line), MAX_OUTPUT_CHARS),
    stderr: new LineReader((line) => this.#printed(null, 'stderr', line), MAX_OUTPUT_CHARS),
  }

  constructor(options: JobRunnerOptions) {
    this.#options = options
    this.#width = options.width
  }

  /** Takes complete lines of the parent. */
  receive(text: string): void {
    eachLine(text, (line) => this.#onLine(line))
    this.#turnBegan = systemClock.monotonic()
    this.#beginMore()
  }

  /** The attempt of the code that runs now, which may have ended; null where it is not known. */
  get #owner(): ActiveAttempt | null {
    const current = this.#current.getStore()
    if (current !== undefined) return current
    if (this.#running.size !== 1) return null
    return this.#running.values().next().value ?? null
  }

  /**
   * Takes an uncaught error: it ends the attempt that it belongs to. The state of the child is not
   * to be trusted afterwards, so it asks to be replaced.
   */
  fault(thrown: unknown, what: string): void {
    const owner = this.#owner
    const error = serializeError(thrown)
    if (owner === null || owner.hasEnded) {
      this.#log(owner, ['error', { err: error, what }, `${what} in a child`])
    } else {
      this.#end(owner.seq, { kind: 'threw', error })
    }
    this.#write('u\n')
    this.#flush()
  }

  /** The process is ending, by a job or by code that one has left behind. */
  ending(): void {
    const owner = this.#owner
    owner?.flush()
    if (owner !== null) this.#write(`x${owner.seq}\n`)
    this.#flush()
  }

  /** Takes what is printed for log. */
  print(stream: OutputStream, text: string): void {
    const owner = this.#owner
    if (owner === null) this.#unowned[stream].push(text)
    else owner.print(stream, text)
  }

  #printed(owner: ActiveAttempt | null, stream: OutputStream, line: string): void {
    this.#log(owner, [LEVELS[stream], { stream }, line])
  }

  /** Sends a log line of an attempt, or of none. Immediately, since a crash may follow. */
  #log(owner: ActiveAttempt | null, [level, fields, message]: LogLine): void {
    if (owner === null || !owner.hasEnded) {
      this.#write(`l${owner?.seq ?? 0}\t${logText(level, fields, message)}\n`)
    } else {
      // The parent has forgotten it.
      const { id, name, attempts } = owner.attempt.job
      const tags = { job: id, name, attempt: attempts }
      this.#write(`l0\t${logText(level, fields, message, tags)}\n`)
    }
    this.#flush()
  }

  #onLine(line: string): void {
    const tab = line.indexOf('\t')
    switch (line[0]) {
      case 'r':
        this.#waiting.push({ seq: Number(line.slice(1, tab)), text: line.slice(tab + 1) })
        return
      case 'h':
        this.#starts.set(Number(line.slice(1, tab)), line.slice(tab + 1))
        return
      case 'y': {
        const [id, json] = numbered(line.slice(tab + 1))
        const running = this.#running.get(Number(line.slice(1, tab)))
        running?.answer(id, JSON.parse(json) as ChildAnswer)
        return
      }
      case 'v':
        this.#beginUntilMs = Number(line.slice(1))
        return
      case 's':
        this.#stop(Number(line.slice(1, tab)), line.slice(tab + 1) as StopReason)
        return
      case 'w':
        this.#width = Number(line.slice(1))
        this.#write(`${line}\n`)
        return
      case 't':
        for (const running of this.#running.values()) running.flushProgress()
        this.#options.onTerm?.()
        return
      case 'e':
        this.#options.onRetire?.()
    }
  }

  #stop(seq: number, reason: StopReason): void {
    const running = this.#running.get(seq)
    if (running !== undefined) {
      running.flushProgress()
      this.#write(`a${seq}\n`)
      this.#flush()
      running.stop.ask(reason)
    } else if (this.#waiting.some((one, index) => index >= this.#next && one.seq === seq)) {
      this.#stopped.set(seq, reason)
    }
  }

  #beginMore(): void {
    const { cells } = this.#options
    while (this.#running.size < this.#width && this.#next < this.#waiting.length) {
      if (this.#isTurnOver) break
      const { seq, text } = this.#waiting[this.#next++]!
      if (!takeCell(cells, seq)) {
        this.#forget(seq)
      } else if (machineMs() < this.#beginUntilMs) {
        this.#begin(seq, text)
      } else {
        this.#forget(seq)
        this.#write(`n${seq}\n`)
      }
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    this.#flush()
  }

  /** An attempt that does not begin here. */
  #forget(seq: number): void {
    this.#stopped.delete(seq)
    this.#starts.delete(seq)
  }

  #begin(seq: number, text: string): void {
    const { definitions, meter, around } = this.#options
    this.#write(`b${seq}\n`)
    const at = systemClock.monotonic()
    const isAlone = this.#running.size === 0
    if (!isAlone) for (const other of this.#running.values()) other.isAlone = false
    const before = (isAlone ? this.#lastReading : null) ?? meter.read()
    const start = this.#startOf(seq)
    const running = new ActiveAttempt(seq, parseRun(text), start, at, before, isAlone, this.#sink)
    this.#running.set(seq, running)
    const { attempt, stop } = running

    const reason = this.#stopped.get(seq)
    if (reason !== undefined) {
      this.#stopped.delete(seq)
      stop.ask(reason)
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
    const ended = this.#current.run(running, runAttempt, definition, attempt, stop, around)
    void ended.then((outcome) => {
      this.#end(seq, outcome)
      this.#continue()
    })
  }

  #startOf(seq: number): DurableStart | null {
    if (this.#starts.size === 0) return null
    const start = this.#starts.get(seq)
    this.#starts.delete(seq)
    return start === undefined ? null : (JSON.parse(start) as DurableStart)
  }

  /** Short jobs follow each other without a turn of the loop, but not for long. */
  #continue(): void {
    if (this.#isTurnOver) return
    if (systemClock.monotonic() - this.#turnBegan > TURN_MS && this.#next < this.#waiting.length) {
      this.#isTurnOver = true
      this.#flush()
      setImmediate(() => {
        this.#isTurnOver = false
        this.#turnBegan = systemClock.monotonic()
        this.#beginMore()
      })
      return
    }
    this.#beginMore()
  }

  #end(seq: number, outcome: Outcome): void {
    const running = this.#running.get(seq)
    // It was ended before by an uncaught error.
    if (running === undefined) return
    running.flush()
    running.hasEnded = true
    this.#running.delete(seq)
    const usage = this.#usageOf(running)
    if (outcome.kind === 'returned') this.#write(`d${seq}\t${usage}\t${outcome.result ?? ''}\n`)
    else this.#write(`o${seq}\t${usage}\t${JSON.stringify(outcome)}\n`)
  }

  #usageOf({ startedAt, before, isAlone }: ActiveAttempt): string {
    const { meter } = this.#options
    const now = systemClock.monotonic()
    const bytes = meter.bytes(now)
    const after = meter.read()
    this.#lastReading = after
    // Where the highest has risen, this job has done it; else what is seen at its end is taken.
    const peakBytes = after.highestBytes > before.highestBytes ? after.highestBytes : bytes
    const cpuMs = isAlone ? after.cpuMs - before.cpuMs : null
    return usageText({ wallMs: now - startedAt, cpuMs, peakBytes })
  }

  readonly #sink: AttemptSink = {
    progress: ({ seq }, value) => {
      this.#write(`p${seq}\t${value}\n`)
      this.#flush()
    },
    log: (running, line) => this.#log(running, line),
    request: ({ seq }, id, request) => {
      this.#write(requestLine(seq, id, request))
      this.#flush()
    },
    print: (running, stream, line) => this.#printed(running, stream, line),
  }

  #write(line: string): void {
    this.#outbox += line
  }

  #flush(): void {
    const lines = this.#outbox
    if (lines === '') return
    this.#outbox = ''
    this.#options.send(lines)
  }
}

function unknownFunction(name: string): ReturnType<typeof serializeError> {
  return serializeError(new Error(`No module of this child exports a job named "${name}".`))
}

/** A log must not fail the job: where it cannot be written, the reason is logged. */
function logText(
  level: LogLevel,
  fields: object,
  message: string | undefined,
  tags: object = {},
): string {
  const text = message?.slice(0, MAX_LOG_CHARS)
  try {
    const line = JSON.stringify([level, { ...plain(fields), ...tags }, text])
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
