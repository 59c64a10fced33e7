import { AsyncLocalStorage } from 'node:async_hooks'
import { machineMs } from '../../core/clock.ts'
import type { JobDefinition } from '../../core/definition.ts'
import type { LogLevel } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { serializeError } from '../../core/serialize-error.ts'
import type { StopReason } from '../../core/stop.ts'
import {
  eachLine,
  LineReader,
  type LogLine,
  MAX_OUTPUT_CHARS,
  parseRun,
  takeCell,
  usageText,
} from '../protocol.ts'
import type { Meter, Reading } from './meter.ts'
import { runAttempt, stoppedOutcome } from './run-attempt.ts'
import { type OutputStream, Running, type RunningVoice } from './running.ts'

export interface JobRunnerOptions {
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly cells: Int32Array
  readonly width: number
  readonly meter: Meter
  /** Hands lines to the parent, and has them there before it returns. */
  readonly send: (lines: string) => void
  /** The parent is about to send SIGTERM. */
  readonly onTerm?: () => void
  /** The parent lets go of this child: the end of what it sends is not its own end. */
  readonly onRetire?: () => void
}

/** After this long without a look at the loop, it gets one: stops come by it. */
const TURN_MS = 5
const LEVELS: Readonly<Record<OutputStream, LogLevel>> = { stdout: 'info', stderr: 'warn' }
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
  readonly #running = new Map<number, Running>()
  readonly #asked = new Map<number, StopReason>()
  #width: number
  #waiting: { readonly seq: number; readonly text: string }[] = []
  #next = 0
  #unsent = ''
  /** Until when attempts may begin, as the parent has said last. */
  #beginUntilMs = Number.POSITIVE_INFINITY
  #isTurnOver = false
  #turnBegan = 0
  #lastReading: Reading | null = null
  /** Knows whose code is running, also of what was left behind by an attempt that has ended. */
  readonly #whose = new AsyncLocalStorage<Running>()
  /** What code of nobody prints. */
  readonly #nobodys = {
    stdout: new LineReader((line) => this.#printed(null, 'stdout', line), MAX_OUTPUT_CHARS),
    stderr: new LineReader((line) => this.#printed(null, 'stderr', line), MAX_OUTPUT_CHARS),
  }

  constructor(options: JobRunnerOptions) {
    this.#options = options
    this.#width = options.width
  }

  /** Takes whole lines of the parent. */
  receive(text: string): void {
    eachLine(text, (line) => this.#onLine(line))
    this.#turnBegan = performance.now()
    this.#beginMore()
  }

  /** Whose code is running now, or null when it cannot be told. Its attempt may have ended. */
  get #owner(): Running | null {
    const told = this.#whose.getStore()
    if (told !== undefined) return told
    if (this.#running.size !== 1) return null
    return this.#running.values().next().value ?? null
  }

  /**
   * An error that nobody caught: the end of the job whose it is. The child is in no state to be
   * trusted afterwards, so it asks to be replaced.
   */
  fault(thrown: unknown, what: string): void {
    const owner = this.#owner
    const error = serializeError(thrown)
    if (owner === null || owner.hasEnded) {
      this.#log(owner, ['error', { err: error, what }, `${what} in a child`])
    } else {
      this.#end(owner.seq, { kind: 'threw', error })
    }
    this.#say('u\n')
    this.#flush()
  }

  /** The process is ending, by the doing of a job or of what one has left behind. */
  ending(): void {
    const owner = this.#owner
    owner?.tellRest()
    if (owner !== null) this.#say(`x${owner.seq}\n`)
    this.#flush()
  }

  /** Takes what is printed for log. */
  print(stream: OutputStream, text: string): void {
    const owner = this.#owner
    if (owner === null) this.#nobodys[stream].push(text)
    else owner.print(stream, text)
  }

  #printed(owner: Running | null, stream: OutputStream, line: string): void {
    this.#log(owner, [LEVELS[stream], { stream }, line])
  }

  /** A line of log of an attempt, or of nobody. Sent at once, since a crash may follow. */
  #log(owner: Running | null, [level, fields, message]: LogLine): void {
    if (owner === null || !owner.hasEnded) {
      this.#say(`l${owner?.seq ?? 0}\t${logText(level, fields, message)}\n`)
    } else {
      // The parent has forgotten it.
      const { id, name, attempts } = owner.attempt.job
      const tags = { job: id, name, attempt: attempts }
      this.#say(`l0\t${logText(level, fields, message, tags)}\n`)
    }
    this.#flush()
  }

  #onLine(line: string): void {
    const tab = line.indexOf('\t')
    switch (line[0]) {
      case 'r':
        this.#waiting.push({ seq: Number(line.slice(1, tab)), text: line.slice(tab + 1) })
        return
      case 'v':
        this.#beginUntilMs = Number(line.slice(1))
        return
      case 's':
        this.#ask(Number(line.slice(1, tab)), line.slice(tab + 1) as StopReason)
        return
      case 'w':
        this.#width = Number(line.slice(1))
        this.#say(`${line}\n`)
        return
      case 't':
        for (const running of this.#running.values()) running.tellProgress()
        this.#options.onTerm?.()
        return
      case 'e':
        this.#options.onRetire?.()
    }
  }

  #ask(seq: number, reason: StopReason): void {
    const running = this.#running.get(seq)
    if (running !== undefined) {
      running.tellProgress()
      this.#say(`a${seq}\n`)
      this.#flush()
      running.stop.ask(reason)
    } else if (this.#waiting.some((one, index) => index >= this.#next && one.seq === seq)) {
      this.#asked.set(seq, reason)
    }
  }

  #beginMore(): void {
    const { cells } = this.#options
    while (this.#running.size < this.#width && this.#next < this.#waiting.length) {
      if (this.#isTurnOver) break
      const { seq, text } = this.#waiting[this.#next++]!
      if (!takeCell(cells, seq)) {
        this.#asked.delete(seq)
      } else if (machineMs() < this.#beginUntilMs) {
        this.#begin(seq, text)
      } else {
        this.#asked.delete(seq)
        this.#say(`n${seq}\n`)
      }
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    this.#flush()
  }

  #begin(seq: number, text: string): void {
    const { definitions, meter } = this.#options
    this.#say(`b${seq}\n`)
    const at = performance.now()
    const isAlone = this.#running.size === 0
    if (!isAlone) for (const other of this.#running.values()) other.isAlone = false
    const before = (isAlone ? this.#lastReading : null) ?? meter.read()
    const running = new Running(seq, parseRun(text), at, before, isAlone, this.#voice)
    this.#running.set(seq, running)
    const { attempt, stop } = running

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
    const ended = this.#whose.run(running, runAttempt, definition, attempt, stop)
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
    running.tellRest()
    running.hasEnded = true
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

  readonly #voice: RunningVoice = {
    progress: ({ seq }, value) => {
      this.#say(`p${seq}\t${value}\n`)
      this.#flush()
    },
    log: (running, line) => this.#log(running, line),
    print: (running, stream, line) => this.#printed(running, stream, line),
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
