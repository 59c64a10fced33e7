/**
 * The words between a parent and its children, the same for threads and processes: lines of text,
 * as many in a frame (`frame.ts`) as there are. JSON never has a raw line feed, nor a raw tab where
 * one stands here, so arguments and results cross as the text they are and the parent parses neither.
 *
 *     parent → child        r seq TAB head TAB args    run          s seq TAB reason   stop
 *                           w n  jobs at once from now on
 *                           t  SIGTERM comes, and is meant
 *                           e  end: nothing more is sent
 *     parent → watchdog     c seq                      recall: give it back if it has not begun
 *     watchdog → parent     n seq  given back          k seq  kept: it has begun
 *                           g      what came to it was damaged
 *     child → parent        R TAB json  ready          F TAB json  could not be started
 *                           m TAB json  loads this module
 *                           h1, h0  jobs have handlers of SIGTERM, have none
 *                           b seq  begun               a seq  has heard the stop
 *                           w n    answers w n: the loop has turned
 *                           d seq TAB usage TAB json   returned
 *                           o seq TAB usage TAB json   any other outcome
 *                           p seq TAB json  progress   l seq TAB json  a line of log
 *                           x seq  this job ends the process
 *                           u      broken: to be replaced when it is idle
 *                           g      what came to it was damaged
 *
 * `seq` counts the attempts of one child. Whether an attempt has begun is decided in a cell that
 * the child and whoever recalls share, so that exactly one of them gets it, also while the child's
 * own loop is blocked.
 */

import { show } from '../core/check.ts'
import type { ClaimedJob } from '../core/claimed-job.ts'
import type { StoredLimits } from '../core/limit.ts'
import type { LogLevel } from '../core/logger.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Usage } from '../core/queued-job.ts'
import type { SerializedError } from '../core/serialize-error.ts'
import type { StopReason } from '../core/stop.ts'

/** Cells of a child; more than it is ever sent ahead. */
export const CELLS = 4_096
/** A child gets no more attempts than this, so that a seq fits into its cell. */
export const MAX_SEQ = 1e9

/** What a child is told when it is made. */
export interface ChildOrders {
  /** URLs and paths of the job modules. */
  readonly jobs: readonly string[]
  /** Jobs at once, until another number is said. */
  readonly width: number
}

/** What a child says when it is ready. */
export interface ChildHello {
  readonly heapLimitBytes: number
  /** What its start has taken. */
  readonly cpuMs: number
  readonly bytes: number
}

/** An attempt as it reaches a child. */
export interface ChildAttempt {
  readonly job: ClaimedJob
  readonly limits: StoredLimits
}

/** A line of output is passed on in pieces of this many characters. */
export const MAX_OUTPUT_CHARS = 8_192

export type LogLine = readonly [level: LogLevel, fields: object, message?: string]

type Head = readonly [job: Omit<ClaimedJob, 'args'>, limits: StoredLimits]

export function runLine(seq: number, { job, limits }: ChildAttempt): string {
  const { args, ...rest } = job
  const head: Head = [rest, limits]
  // Between its tokens JSON may have line feeds; none of ours has, but a plugin's might.
  const line = args.includes('\n') ? args.replaceAll('\n', ' ') : args
  return `r${seq}\t${JSON.stringify(head)}\t${line}\n`
}

/** The attempt of a line of kind `r`, from behind its first tab. */
export function parseRun(text: string): ChildAttempt {
  const tab = text.indexOf('\t')
  const [job, limits] = JSON.parse(text.slice(0, tab)) as Head
  return { job: { ...job, args: text.slice(tab + 1) }, limits }
}

/** Until when what is sent with it, and what was sent before, may begin. */
export const permitLine = (untilMs: number): string => `v${untilMs}\n`
export const stopLine = (seq: number, reason: StopReason): string => `s${seq}\t${reason}\n`
export const widthLine = (width: number): string => `w${width}\n`
export const TERM_LINE = 't\n'
export const RETIRE_LINE = 'e\n'
export const recallLine = (seq: number): string => `c${seq}\n`
/** The parent knows no such line, and replaces the child for it. */
export const DAMAGE_LINE = 'g what was sent to the child did not arrive as it was sent\n'

/** `wall,cpu,peak`, with nothing where a figure is not known. */
export function usageText({ wallMs, cpuMs, peakBytes }: Usage): string {
  const cpu = cpuMs === null ? '' : Math.round(cpuMs * 1_000) / 1_000
  return `${Math.round(wallMs * 1_000) / 1_000},${cpu},${peakBytes ?? ''}`
}

export function parseUsage(text: string): Usage {
  const first = text.indexOf(',')
  const second = text.indexOf(',', first + 1)
  return {
    wallMs: Number(text.slice(0, first)),
    cpuMs: second === first + 1 ? null : Number(text.slice(first + 1, second)),
    peakBytes: second === text.length - 1 ? null : Number(text.slice(second + 1)),
  }
}

/** An outcome as a line of kind `o` has it. @throws when it is none: a job can write to any descriptor */
export function parseOutcome(text: string): Outcome {
  const outcome = JSON.parse(text) as Partial<Record<string, unknown>> & Outcome
  const { error, delayMs } = outcome as { error?: Partial<SerializedError>; delayMs?: unknown }
  const wants = OUTCOME_PARTS[outcome.kind] ?? 'no such kind'
  const hasError = typeof error?.message === 'string'
  if (wants === '' || (wants === 'error' && hasError)) return outcome
  if (wants.startsWith('delay') && typeof delayMs === 'number') {
    if (wants === 'delay' || hasError) return outcome
  }
  throw new TypeError(`expected an outcome, got ${show(outcome)}`)
}

/** A line of log as a line of kind `l` has it. @throws when it is none */
export function parseLog(text: string): LogLine {
  const line = JSON.parse(text) as LogLine
  const [level, fields, message] = line
  const isText = message === undefined || typeof message === 'string'
  if (LEVELS.includes(level) && typeof fields === 'object' && isText) return line
  throw new TypeError(`expected a line of log, got ${show(line)}`)
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** What belongs to the outcomes that a child can say. */
const OUTCOME_PARTS: Readonly<Partial<Record<Outcome['kind'], string>>> = {
  threw: 'error',
  discarded: 'error',
  'not-storable': 'error',
  snoozed: 'delay',
  'retry-asked': 'delay and error',
  'timed-out': '',
  'over-memory': '',
  cancelled: '',
  interrupted: '',
}

/** Passes on the lines of a frame. */
export function eachLine(text: string, onLine: (line: string) => void): void {
  let from = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    onLine(text.slice(from, end))
    from = end + 1
  }
}

/**
 * Cuts output that comes in pieces into lines. A line of more than `maxChars` is passed on in pieces,
 * since code that prints without end must not fill the memory of its reader.
 */
export class LineReader {
  #rest = ''
  readonly #onLine: (line: string, isPiece: boolean) => void
  readonly #maxChars: number

  constructor(onLine: (line: string, isPiece: boolean) => void, maxChars: number) {
    this.#onLine = onLine
    this.#maxChars = maxChars
  }

  push(text: string): void {
    let from = 0
    let end = text.indexOf('\n')
    if (end >= 0 && this.#rest !== '') {
      const line = this.#rest + text.slice(0, end)
      this.#rest = ''
      from = end + 1
      this.#tell(line)
      end = text.indexOf('\n', from)
    }
    for (; end >= 0; end = text.indexOf('\n', from)) {
      const line = text.slice(from, end)
      from = end + 1
      this.#tell(line)
    }
    if (from === text.length) return
    this.#rest += from === 0 ? text : text.slice(from)
    if (this.#rest.length > this.#maxChars) this.#rest = this.#cut(this.#rest)
  }

  /** What came after the last line feed. */
  end(): void {
    const rest = this.#rest
    this.#rest = ''
    if (rest !== '') this.#tell(rest)
  }

  #tell(line: string): void {
    if (line.length <= this.#maxChars) this.#onLine(line, false)
    else this.#onLine(this.#cut(line), true)
  }

  /** Tells all of it but the last piece. */
  #cut(line: string): string {
    let from = 0
    for (; line.length - from > this.#maxChars; from += this.#maxChars) {
      this.#onLine(line.slice(from, from + this.#maxChars), true)
    }
    return line.slice(from)
  }
}

const BEGUN = 1

/** Says that an attempt begins; false when it was recalled before. For the child only. */
export function takeCell(cells: Int32Array, seq: number): boolean {
  const index = seq % CELLS
  const before = Atomics.load(cells, index)
  if (before === recalled(seq)) return false
  return Atomics.compareExchange(cells, index, before, recalled(seq) + BEGUN) === before
}

/** Says that an attempt shall not begin; false when it has. For the one who recalls. */
export function recallCell(cells: Int32Array, seq: number): boolean {
  const index = seq % CELLS
  const before = Atomics.load(cells, index)
  // An attempt of a later round lies in the cell only after this one has ended.
  if (before >= recalled(seq)) return false
  return Atomics.compareExchange(cells, index, before, recalled(seq)) === before
}

/** Cells begin at 0, seqs at 1. */
const recalled = (seq: number): number => seq * 2
