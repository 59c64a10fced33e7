/**
 * What a child asks of the worker for an attempt, in the lines `q` of the protocol, and the answers, in the lines `y`; and
 * the record that an attempt of a durable job starts with, in the lines `h`. Most jobs ask for nothing.
 */

import type {
  DurableHistory,
  DurableSave,
  OpenWait,
  StepKind,
  TransactionSql,
} from '../core/durable-record.ts'
import type { SerializedError } from '../core/serialize-error.ts'

/** What an attempt starts with. */
export interface DurableStart {
  readonly history: DurableHistory
  readonly sql: TransactionSql
}

/** What a child asks of the worker. */
export type ChildRequest =
  /** A page of what the jobs of a map gave. Any job may ask for it, the others are of durable ones. */
  | { readonly kind: 'outputs'; readonly step: string; readonly after: number }
  | { readonly kind: 'save'; readonly save: DurableSave }
  | { readonly kind: 'resume' | 'take'; readonly waits: readonly OpenWait[] }
  /** Calls off the `resume` of this number. It has no answer of its own. */
  | { readonly kind: 'abort'; readonly of: number }
  /** Has no answer. */
  | { readonly kind: 'recorded' }

/** The answer to a request. */
export type ChildAnswer =
  | { readonly value: unknown }
  | { readonly error: SerializedError; readonly isAborted: boolean }

export const startLine = (seq: number, { history, sql }: DurableStart): string =>
  `h${seq}\t${JSON.stringify({ history, sql })}\n`
export const requestLine = (seq: number, id: number, request: ChildRequest): string =>
  `q${seq}\t${id}\t${JSON.stringify(request)}\n`
export const answerLine = (seq: number, id: number, answer: ChildAnswer): string =>
  `y${seq}\t${id}\t${JSON.stringify(answer)}\n`

/** The number and the JSON of a line `q` or `y`, from behind its first tab. */
export function numbered(text: string): readonly [id: number, json: string] {
  const tab = text.indexOf('\t')
  return [Number(text.slice(0, tab)), text.slice(tab + 1)]
}

const KINDS: readonly StepKind[] = [
  ...(['step', 'transaction', 'sleep', 'signal', 'any', 'invoke', 'invoke-all'] as const),
  ...(['push', 'send-signal', 'version'] as const),
]

/** Reads the JSON of a request. @throws {TypeError} when it is none: a job can write to any descriptor */
export function parseRequest(text: string): ChildRequest {
  const given: unknown = JSON.parse(text)
  if (isRecord(given)) {
    if (given.kind === 'save' && isSave(given.save)) return given as unknown as ChildRequest
    if (given.kind === 'resume' || given.kind === 'take') {
      if (isWaits(given.waits)) return given as unknown as ChildRequest
    }
    if (given.kind === 'abort' && Number.isSafeInteger(given.of))
      return given as unknown as ChildRequest
    if (given.kind === 'recorded') return { kind: 'recorded' }
    const { step, after } = given
    if (given.kind === 'outputs' && typeof step === 'string' && Number.isInteger(after))
      return given as unknown as ChildRequest
  }
  throw new TypeError('no request of a job')
}

/** Whether it is what a durable job waits for, as an outcome has it too. */
export function isWaits(given: unknown): given is readonly OpenWait[] {
  return isListOf(given, isWait)
}

function isSave(given: unknown): boolean {
  if (!isRecord(given)) return false
  const { records, waits, push, signals, values } = given
  return (
    isListOf(records, isResult) &&
    isWaits(waits) &&
    isListOf(push, isRow) &&
    isListOf(signals, isSignal) &&
    isRecord(values) &&
    Object.values(values).every(isTextOrNull)
  )
}

function isResult(given: Fields): boolean {
  const { kind, name, result, error, startedMs, endedMs } = given
  const isError = error === null || (isRecord(error) && typeof error.message === 'string')
  return (
    KINDS.includes(kind as StepKind) &&
    typeof name === 'string' &&
    isTextOrNull(result) &&
    isError &&
    isNumber(startedMs) &&
    isNumber(endedMs)
  )
}

function isWait(given: Fields): boolean {
  const { kind, name, untilMs, afterMs, startedMs, signals, children } = given
  const isTime = (value: unknown): boolean => value === null || isNumber(value)
  return (
    KINDS.includes(kind as StepKind) &&
    typeof name === 'string' &&
    isTime(untilMs) &&
    isTime(afterMs) &&
    isNumber(startedMs) &&
    Array.isArray(signals) &&
    signals.every((one) => typeof one === 'string') &&
    (children === null || isChildren(children))
  )
}

function isChildren(given: unknown): boolean {
  if (!isRecord(given) || !isListOf(given.push, isRow)) return false
  const { workflow } = given
  return workflow === undefined || (isRecord(workflow) && isListOf(workflow.steps, isStep))
}

function isStep({ name, job }: Fields): boolean {
  return typeof name === 'string' && (job === null || (isRecord(job) && isRow(job)))
}

function isRow(given: Fields): boolean {
  return [given.id, given.queue, given.name, given.args].every((one) => typeof one === 'string')
}

function isSignal({ jobId, uniqueKey, push, name, value, key }: Fields): boolean {
  const isPush = push === null || (isRecord(push) && isRow(push))
  const isText = typeof name === 'string' && typeof value === 'string'
  return isText && isPush && [jobId, uniqueKey, key].every(isTextOrNull)
}

type Fields = Readonly<Record<string, unknown>>

function isListOf(given: unknown, isOne: (one: Fields) => boolean): boolean {
  return Array.isArray(given) && given.every((one: unknown) => isRecord(one) && isOne(one))
}

function isRecord(given: unknown): given is Fields {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

function isTextOrNull(given: unknown): boolean {
  return given === null || typeof given === 'string'
}

function isNumber(given: unknown): boolean {
  return typeof given === 'number' && Number.isFinite(given)
}
