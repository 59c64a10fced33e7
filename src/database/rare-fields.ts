import type { RareFields } from '../core/claimed-job.ts'
import { MAX_DEPTH } from '../core/json.ts'
import {
  isTooDeep,
  limitsFault,
  storedBackoff,
  storedFailures,
  storedJson,
  storedLimits,
  storedObject,
  TOO_LARGE,
} from '../core/stored.ts'
import { SMALL_CHARS } from './migrations/0001/stored-text.ts'

/** What a claim says of a row beside the columns that every job has. */
interface Texts {
  readonly args: string
  readonly rest: string | null
}

/** The rare fields of an ordinary job. */
export const NOTHING_RARE: RareFields = Object.freeze({})

const OPEN_BRACE = 0x7b

/** Whether arguments are an object that is whole and not too deep. Asked of every job. */
export function isOrdinaryArgs(args: string, isLoaded = false): boolean {
  return (
    args.charCodeAt(0) === OPEN_BRACE && (isLoaded || args.length < SMALL_CHARS) && !isTooDeep(args)
  )
}

/**
 * What few jobs have, decoded, and why a row cannot be run or is not whole yet. `isLoaded`: there is no
 * more of it to come.
 */
export function rareOf({ args, rest }: Texts, isLoaded = false): RareFields {
  const { is_cut: isCut, ...fields } = storedObject(rest === null ? {} : storedRest(rest))
  const isPartial = isCut === true || isCutText(args) || rest === TOO_LARGE
  if (isPartial && !isLoaded) return { ...decoded(fields), isPartial: true }
  // Of a row that is not run the keys are kept: its group gets its slot back.
  if (isPartial) return { ...decoded(keysOf(fields)), fault: 'it is too large' }
  const fault = argsFault(args) ?? (rest === null ? null : restFault(rest, fields))
  return fault === null ? decoded(fields) : { ...decoded(keysOf(fields)), fault }
}

/** The columns stand in an object of their own. */
const MAX_REST_DEPTH = MAX_DEPTH + 1

function storedRest(rest: string): unknown {
  if (!isTooDeep(rest, MAX_REST_DEPTH)) return storedJson(rest, MAX_REST_DEPTH)
  return storedJson(rest, Number.POSITIVE_INFINITY)
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
  if (args.charCodeAt(0) !== OPEN_BRACE)
    return `its arguments are no object but ${args.slice(0, 80)}`
  return isTooDeep(args) ? 'its arguments are nested more than 100 deep' : null
}

function restFault(
  rest: string,
  { limits, meta }: Readonly<Record<string, unknown>>,
): string | null {
  if (isTooDeep(rest, MAX_REST_DEPTH))
    return 'its meta or its progress is nested more than 100 deep'
  if (limits !== undefined) {
    const fault = limitsFault(limits)
    if (fault !== null) return fault
  }
  if (meta === undefined || meta === null || storedObject(meta) === meta) return null
  return 'its meta is no object'
}

function decoded(fields: Readonly<Record<string, unknown>>): RareFields {
  const { limits, backoff, errors, meta, progress, ...plain } = fields
  const pause = storedBackoff(backoff)
  return {
    ...(plain as RareFields),
    ...(limits === undefined ? {} : { limits: storedLimits(limits) }),
    ...(pause === undefined ? {} : { backoff: pause }),
    ...(errors === undefined ? {} : { errors: storedFailures(errors) }),
    ...(progress === undefined ? {} : { progress }),
    ...(meta === undefined || meta === null ? {} : { meta: storedObject(meta) }),
  }
}
