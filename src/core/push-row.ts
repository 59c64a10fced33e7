import type { Backoff } from './backoff.ts'
import { ConfigError } from './errors.ts'
import { groupKey } from './group-key.ts'
import { newId } from './id.ts'
import { JOB_SPEC } from './job.ts'
import { type JobSpec, NO_DATA } from './job-options.ts'
import { decodeJson, type EncodeRule, encodeJson, MAX_ARGS_BYTES, MAX_META_BYTES } from './json.ts'
import { type StoredLimits, storeLimits } from './limit.ts'
import { validateInput } from './standard-schema.ts'

/** Everything that a push writes, checked and encoded. */
export interface PushRow {
  readonly id: string
  readonly queue: string
  readonly name: string
  /** JSON text of an object. */
  readonly args: string
  readonly priority: number
  /** Null: the worker's definition decides. */
  readonly maxAttempts: number | null
  readonly scheduledAtMs: number | null
  readonly delayMs: number | null
  readonly uniqueKey: string | null
  /** Whether it has a concurrency limit. */
  readonly isLimited: boolean
  /** JSON text of a `PushRest`, or null when nothing in it is set: a job pays only for what it uses. */
  readonly rest: string | null
}

/** What few jobs have. Only what is set is there; what is left out is the worker's to decide. */
export interface PushRest {
  readonly limits?: StoredLimits
  readonly backoff?: Backoff
  readonly retention_ms?: number
  readonly meta?: Readonly<Record<string, unknown>>
  readonly concurrency_key?: string
  readonly concurrency_max?: number
}

/**
 * The row of a job, under a new id. `now` is in milliseconds since the epoch. A promise only when
 * the job has a schema that validates asynchronously.
 *
 * @throws {ConfigError} when arguments or meta cannot be stored, or do not fit the schema; with the
 *   path to the value (rejects with it, after an asynchronous schema)
 */
export function pushRow(
  job: { readonly [JOB_SPEC]: JobSpec },
  now: number,
): PushRow | Promise<PushRow> {
  const spec = job[JOB_SPEC]
  const row = buildRow(spec, now)
  const schema = spec.terms?.schema
  if (schema == null) return row
  // The input is checked and stored; the run parses it again and the function gets the output.
  const checked = validateInput(schema, decodeJson(row.args), argsOf(spec.name))
  return checked instanceof Promise ? checked.then(() => row) : row
}

function buildRow(spec: JobSpec, now: number): PushRow {
  const args = encodeArgs(spec)
  return {
    id: newId(now),
    queue: spec.queue,
    name: spec.name,
    args,
    priority: spec.priority,
    maxAttempts: spec.maxAttempts,
    scheduledAtMs: spec.scheduledAtMs,
    delayMs: spec.delayMs,
    uniqueKey: spec.uniqueKey,
    isLimited: spec.concurrency !== null,
    rest: encodeRest(spec, args),
  }
}

/** How much a row carries, in characters: what its statement grows by. */
export function rowBytes({ args, rest }: PushRow): number {
  return args.length + (rest?.length ?? 0)
}

const refuse: EncodeRule['error'] = (message, details) => new ConfigError(message, { details })
const ARGS: EncodeRule = { what: 'args', maxBytes: MAX_ARGS_BYTES, error: refuse }
const META: EncodeRule = { what: 'meta', maxBytes: MAX_META_BYTES, error: refuse }

function argsOf(name: string): string {
  return `The arguments of job "${name}"`
}

function encodeArgs(spec: JobSpec): string {
  const text = encodeJson(spec.args, ARGS)
  if (text.startsWith('{')) return text
  // A class instance whose toJSON gives something else.
  throw new ConfigError(`${argsOf(spec.name)}: expected an object, got ${text.slice(0, 80)}.`)
}

function encodeRest(spec: JobSpec, args: string): string | null {
  const { overrides, concurrency } = spec
  const meta = spec.meta === NO_DATA ? '{}' : encodeJson(spec.meta, META)
  const { limits, backoff, retentionMs } = overrides
  const isOrdinary =
    limits === null && backoff === null && retentionMs === null && concurrency === null
  if (isOrdinary && meta === '{}') return null

  const rest: PushRest = {
    ...(limits === null ? {} : { limits: storeLimits(limits) }),
    ...(backoff === null ? {} : { backoff }),
    ...(retentionMs === null ? {} : { retention_ms: retentionMs }),
    ...(meta === '{}' ? {} : { meta: decodeJson(meta) as Record<string, unknown> }),
    ...(concurrency === null ? {} : concurrencyOf({ ...spec, concurrency }, args)),
  }
  return JSON.stringify(rest)
}

function concurrencyOf(
  spec: JobSpec & { readonly concurrency: NonNullable<JobSpec['concurrency']> },
  args: string,
): Pick<PushRest, 'concurrency_key' | 'concurrency_max'> {
  const stored = decodeJson(args) as Record<string, unknown>
  return { concurrency_key: groupKey(spec, stored), concurrency_max: spec.concurrency.max }
}
