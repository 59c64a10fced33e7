/**
 * The one decoder of what rows hold. Rows may be written by hand, by another language or by another
 * release, so any column may hold anything that its type allows. Nothing here throws: what cannot be
 * used is left out, cut, or named as a fault of the row.
 */

import type { Backoff } from './backoff.ts'
import type { JobExtras, StoredFailure } from './claimed-job.ts'
import { MAX_DURATION_MS } from './duration.ts'
import { isFingerprint } from './is-fingerprint.ts'
import { decodeJson, MAX_DEPTH } from './json.ts'
import { MIN_MEMORY_BYTES, type StoredLimits } from './limit.ts'
import { CUT_MARK } from './storable-text.ts'

/** A text of a row that is too large for the reader comes as this, which is no JSON. */
const TOO_LARGE = ''

/** Where a claim cuts a longer text: see `src/database/sql/parts/claimed_values.sql`. */
const SMALL_CHARS = 65_536

/** The columns stand in an object of their own. */
const MAX_EXTRAS_DEPTH = MAX_DEPTH + 1

/** Stands for a value that is too large, or nested too deep, to be read. */
export const CUT_VALUE = CUT_MARK

/**
 * The value of a JSON text, without keys that could change a prototype; null for null. `CUT_VALUE` for
 * one that was too large to come, or that is nested more than `most` deep.
 */
export function storedJson(text: string | null, most = MAX_DEPTH): unknown {
  if (text === null) return null
  if (text === TOO_LARGE || isTooDeep(text, most)) return CUT_VALUE
  try {
    return decodeJson(text)
  } catch {
    // Cut in the middle by the database.
    return CUT_VALUE
  }
}

/** Whether arrays and objects stand inside each other more than `most` deep. `text` is valid JSON. */
function isTooDeep(text: string, most = MAX_DEPTH): boolean {
  // Each level takes two characters at least.
  if (text.length <= 2 * most) return false
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) {
      index = endOfString(text, index)
    } else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      if (++depth > most) return true
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      depth--
    }
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}

/** The extras of an ordinary job. */
export const NO_EXTRAS: JobExtras = Object.freeze({})

/** What a claim says of a row beside the columns that every job has. */
interface Texts {
  readonly args: string
  readonly extras: string | null
}

/** Whether arguments are an object that is whole and not too deep. Called for every job. */
export function isOrdinaryArgs(args: string, isLoaded = false): boolean {
  return (
    args.charCodeAt(0) === OPEN_OBJECT &&
    (isLoaded || args.length < SMALL_CHARS) &&
    !isTooDeep(args)
  )
}

/**
 * What few jobs have, decoded, and why a row cannot be run or is not whole yet. `isLoaded`: there is no
 * more of it to come.
 */
export function extrasOf({ args, extras }: Texts, isLoaded = false): JobExtras {
  const { is_cut: isCut, ...fields } = storedObject(extras === null ? {} : storedExtras(extras))
  const isPartial = isCut === true || isCutText(args) || extras === TOO_LARGE
  if (isPartial && !isLoaded) return { ...decoded(fields), isPartial: true }
  // Of a row that is not run the keys are kept: its group gets its slot back.
  if (isPartial) return { ...decoded(keysOf(fields)), fault: 'it is too large' }
  const fault = argsFault(args) ?? (extras === null ? null : extrasFault(extras, fields))
  return fault === null ? decoded(fields) : { ...decoded(keysOf(fields)), fault }
}

function storedExtras(extras: string): unknown {
  if (!isTooDeep(extras, MAX_EXTRAS_DEPTH)) return storedJson(extras, MAX_EXTRAS_DEPTH)
  return storedJson(extras, Number.POSITIVE_INFINITY)
}

function keysOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { concurrency_key, unique_key, crashes, cancel_requested_at } = fields
  const keys = { concurrency_key, unique_key, crashes, cancel_requested_at }
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
}

/** The small values of the database end at a length, and the large ones come as no text at all. */
function isCutText(args: string): boolean {
  return args === TOO_LARGE || args.length === SMALL_CHARS
}

function argsFault(args: string): string | null {
  if (args.charCodeAt(0) !== OPEN_OBJECT)
    return `its arguments are no object but ${args.slice(0, 80)}`
  return isTooDeep(args) ? 'its arguments are nested more than 100 deep' : null
}

function extrasFault(
  extras: string,
  { limits, meta }: Readonly<Record<string, unknown>>,
): string | null {
  if (isTooDeep(extras, MAX_EXTRAS_DEPTH))
    return 'its meta or its progress is nested more than 100 deep'
  if (limits !== undefined) {
    const fault = limitsFault(limits)
    if (fault !== null) return fault
  }
  if (meta === undefined || meta === null || storedObject(meta) === meta) return null
  return 'its meta is no object'
}

function decoded(fields: Readonly<Record<string, unknown>>): JobExtras {
  const { limits, backoff, errors, meta, progress, ...plain } = fields
  const pause = storedBackoff(backoff)
  return {
    ...(plain as JobExtras),
    ...(limits === undefined ? {} : { limits: storedLimits(limits) }),
    ...(pause === undefined ? {} : { backoff: pause }),
    ...(errors === undefined ? {} : { errors: storedFailures(errors) }),
    ...(progress === undefined ? {} : { progress }),
    ...(meta === undefined || meta === null ? {} : { meta: storedObject(meta) }),
  }
}

/** An object, or an empty one for anything else. */
export function storedObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}

/** The texts of an array; what is no text is left out. */
export function storedTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** A whole number from `min` to `max`, or undefined for anything else. */
export function storedInteger(value: unknown, min: number, max: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    ? value
    : undefined
}

function storedNumber(value: unknown, min: number, max: number): number | undefined {
  return typeof value === 'number' && value >= min && value <= max ? value : undefined
}

/** The most that a limit of memory can say: a number that JavaScript counts exactly. */
const MAX_MEMORY_BYTES = Number.MAX_SAFE_INTEGER

const LIMITS: Readonly<Record<keyof StoredLimits, readonly [min: number, max: number]>> = {
  memoryBytes: [MIN_MEMORY_BYTES, MAX_MEMORY_BYTES],
  timeMs: [1, MAX_DURATION_MS],
}

/** The limits that can be understood, for readers. */
export function storedLimits(value: unknown): StoredLimits {
  const limits: Record<string, number> = {}
  for (const [name, [min, max]] of Object.entries(LIMITS)) {
    const limit = storedNumber(storedObject(value)[name], min, max)
    if (limit !== undefined) limits[name] = limit
  }
  return limits
}

/** What makes limits impossible to keep, or null. A limit is never ignored in silence. */
function limitsFault(value: unknown): string | null {
  if (!isObject(value)) return `its limits are no object but ${shown(value)}`
  for (const [name, limit] of Object.entries(value)) {
    if (limit === null) continue
    if (!Object.hasOwn(LIMITS, name)) return `it has a limit ${shown(name)} that is not known here`
    const [min, max] = LIMITS[name as keyof StoredLimits]
    if (storedNumber(limit, min, max) === undefined)
      return `its limit ${shown(name)} is ${shown(limit)}, and not a number from ${min} to ${max}`
  }
  return null
}

/** A backoff, or undefined: then the definition of the job decides. */
function storedBackoff(value: unknown): Backoff | undefined {
  if (value === 'none') return value
  const given = storedObject(value)
  const baseMs = storedNumber(given.baseMs, 0, MAX_DURATION_MS)
  const maxMs = storedNumber(given.maxMs, 0, MAX_DURATION_MS)
  const factor = storedNumber(given.factor, 1, 1_000)
  const jitter = storedNumber(given.jitter, 0, 1)
  if (baseMs === undefined || maxMs === undefined) return undefined
  if (factor === undefined || jitter === undefined) return undefined
  return { baseMs, factor, maxMs, jitter }
}

/** The entries of the column `errors` that are entries. */
export function storedFailures(value: unknown): readonly StoredFailure[] {
  return Array.isArray(value) ? value.filter(isObject).map(storedFailure) : []
}

function storedFailure(entry: Record<string, unknown>): StoredFailure {
  const { at, name, message, stack, fingerprint, usage } = entry
  const kind = textOr(entry.kind, 'error') as StoredFailure['kind']
  const time = typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? { at } : {}
  const { wallMs, cpuMs, peakBytes } = storedObject(usage)
  const number = (one: unknown): number | null => (typeof one === 'number' ? one : null)
  return {
    attempt: number(entry.attempt) ?? 0,
    ...time,
    name: textOr(name, 'Error'),
    message: textOr(message, ''),
    stack: typeof stack === 'string' ? stack : null,
    kind,
    ...(isFingerprint(fingerprint) ? { fingerprint } : {}),
    ...(typeof wallMs === 'number'
      ? { usage: { wallMs, cpuMs: number(cpuMs), peakBytes: number(peakBytes) } }
      : {}),
  }
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const MAX_SHOWN = 80

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
