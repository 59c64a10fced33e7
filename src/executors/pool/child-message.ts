import { inspect } from '../../core/check.ts'
import type { LogLevel } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import { type ChildReady, type LogLine, parseUsage } from '../protocol.ts'
import { type ChildRequest, isWaits, numbered, parseRequest } from '../request-lines.ts'

/** What a child reports of an attempt; `seq` is its number. Of a log line it may be 0: of no attempt. */
export type AttemptMessage =
  | { readonly kind: 'begun'; readonly seq: number }
  | { readonly kind: 'ended'; readonly seq: number; readonly outcome: Outcome }
  | { readonly kind: 'progress'; readonly seq: number; readonly value: string }
  | { readonly kind: 'log'; readonly seq: number; readonly line: LogLine }
  | { readonly kind: 'stop-received'; readonly seq: number }
  | { readonly kind: 'exiting'; readonly seq: number }
  | { readonly kind: 'returned'; readonly seq: number }
  | { readonly kind: 'kept'; readonly seq: number }
  | {
      readonly kind: 'request'
      readonly seq: number
      readonly id: number
      readonly request: ChildRequest
    }

/** What a child reports of its start. */
export type BootMessage =
  | { readonly kind: 'loading'; readonly module: string }
  | { readonly kind: 'boot-failed'; readonly error: SerializedError }
  | { readonly kind: 'ready'; readonly ready: ChildReady }

/** What a child reports, a line of its channel each. */
export type ChildMessage =
  | AttemptMessage
  | BootMessage
  | { readonly kind: 'broken' }
  | { readonly kind: 'width-set' }
  | { readonly kind: 'signal-handlers'; readonly has: boolean }

/** Reads a line of a child. @throws when it is not one of the protocol: a job can write to any descriptor */
export function parseChildMessage(line: string): ChildMessage {
  const tab = line.indexOf('\t')
  switch (line[0]) {
    case 'b':
      return { kind: 'begun', seq: seqOf(line, tab) }
    case 'd':
    case 'o':
      return { kind: 'ended', seq: seqOf(line, tab), outcome: parseEnd(line, tab) }
    case 'p':
      return { kind: 'progress', seq: seqOf(line, tab), value: line.slice(tab + 1) }
    case 'l':
      return { kind: 'log', seq: Number(line.slice(1, tab)), line: parseLog(line.slice(tab + 1)) }
    case 'w':
      return { kind: 'width-set' }
    case 'n':
      return { kind: 'returned', seq: seqOf(line, tab) }
    case 'k':
      return { kind: 'kept', seq: seqOf(line, tab) }
    case 'a':
      return { kind: 'stop-received', seq: seqOf(line, tab) }
    case 'q':
      return requestOf(seqOf(line, tab), line.slice(tab + 1))
    case 'x':
      return { kind: 'exiting', seq: seqOf(line, tab) }
    case 'h':
      if (line !== 'h0' && line !== 'h1') break
      return { kind: 'signal-handlers', has: line === 'h1' }
    case 'u':
      return { kind: 'broken' }
    case 'm':
      return { kind: 'loading', module: `${JSON.parse(line.slice(tab + 1))}` }
    case 'R':
      return { kind: 'ready', ready: JSON.parse(line.slice(tab + 1)) as ChildReady }
    case 'F':
      return { kind: 'boot-failed', error: JSON.parse(line.slice(tab + 1)) as SerializedError }
  }
  throw new TypeError('no such kind of line')
}

function seqOf(line: string, tab: number): number {
  const seq = Number(tab < 0 ? line.slice(1) : line.slice(1, tab))
  if (!(seq > 0)) throw new TypeError('of no attempt')
  return seq
}

function requestOf(seq: number, text: string): ChildMessage {
  const [id, json] = numbered(text)
  if (!Number.isSafeInteger(id) || id < 0) throw new TypeError('no number')
  return { kind: 'request', seq, id, request: parseRequest(json) }
}

function parseEnd(line: string, tab: number): Outcome {
  const second = line.indexOf('\t', tab + 1)
  const usage = parseUsage(line.slice(tab + 1, second))
  if (tab < 0 || second < 0 || Number.isNaN(usage.wallMs)) throw new TypeError('no end')
  const text = line.slice(second + 1)
  if (line[0] === 'd') return { kind: 'returned', result: text === '' ? null : text, usage }
  return { ...parseOutcome(text), usage }
}

/** An outcome as a line of kind `o` has it. @throws when it is none */
export function parseOutcome(text: string): Outcome {
  const outcome = JSON.parse(text) as Partial<Record<string, unknown>> & Outcome
  const { error, delayMs } = outcome as { error?: Partial<SerializedError>; delayMs?: unknown }
  const parts = OUTCOME_PARTS[outcome.kind] ?? 'no such kind'
  if (outcome.kind === 'parked' && isWaits(outcome.waits)) return outcome
  if (outcome.kind === 'continued' && typeof outcome.args === 'string') return outcome
  const hasError = typeof error?.message === 'string'
  if (parts === '' || (parts === 'error' && hasError)) return outcome
  if (parts.startsWith('delay') && typeof delayMs === 'number') {
    if (parts === 'delay' || hasError) return outcome
  }
  throw new TypeError(`expected an outcome, got ${inspect(outcome)}`)
}

/** A log line as a line of kind `l` has it. @throws when it is none */
export function parseLog(text: string): LogLine {
  const line = JSON.parse(text) as LogLine
  const [level, fields, message] = line
  const isText = message === undefined || typeof message === 'string'
  if (LEVELS.includes(level) && typeof fields === 'object' && isText) return line
  throw new TypeError(`expected a log line, got ${inspect(line)}`)
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** What belongs to each outcome that a child can report in a line of kind `o`. */
const OUTCOME_PARTS: Readonly<Partial<Record<Outcome['kind'], string>>> = {
  threw: 'error',
  discarded: 'error',
  'not-storable': 'error',
  'steps-changed': 'error',
  'history-full': 'error',
  snoozed: 'delay',
  'retry-asked': 'delay and error',
  'timed-out': '',
  'over-memory': '',
  cancelled: '',
  interrupted: '',
}
