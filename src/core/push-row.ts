import type { Backoff } from './backoff.ts'
import type { JobTemplate } from './dead-letter.ts'
import { ConfigError } from './errors.ts'
import { groupKey } from './group-key.ts'
import { JOB_SPEC, type Pushable } from './job.ts'
import { type JobSpec, NO_DATA } from './job-options.ts'
import { decodeJson, type EncodeRule, encodeJson, MAX_ARGS_BYTES, MAX_META_BYTES } from './json.ts'
import { type StoredLimits, storeLimits } from './limit.ts'
import { newId } from './reference.ts'
import { validateInput } from './standard-schema.ts'
import type { TakenRule } from './when-taken.ts'

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
  /** Whether a push with a taken unique key does more than to leave the job that has it. */
  readonly isTaking: boolean
  /** Whether it has a concurrency limit. */
  readonly isLimited: boolean
  /** JSON text of a `PushExtras`, or null when nothing in it is set: a job pays only for what it uses. */
  readonly extras: string | null
}

/** What few jobs have. Only what is set is there; what is left out is the worker's to decide. */
export interface PushExtras {
  readonly limits?: StoredLimits
  readonly backoff?: Backoff
  readonly retention_ms?: number
  readonly meta?: Readonly<Record<string, unknown>>
  readonly concurrency_key?: string
  readonly concurrency_max?: number
  readonly when_taken?: TakenRule
  /** Of a durable job: when its time is over, in milliseconds since the epoch. */
  readonly deadline_ms?: number
  readonly dead_letter?: JobTemplate
}

/** Makes the row of what is pushed; a promise only where its schema validates asynchronously. */
export type MakeRow = <R, A>(job: Pushable<R, A>) => PushRow | Promise<PushRow>

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
  if (spec.whenTaken !== null && spec.uniqueKey === null) {
    throw new ConfigError(
      `Job "${spec.name}" has whenTaken and no unique key: push it as job.withUniqueKey(key).`,
    )
  }
  const args = encodeArgs(spec)
  const { concurrency } = spec
  const group =
    concurrency === null
      ? null
      : groupKey({ name: spec.name, concurrency }, decodeJson(args) as Record<string, unknown>)
  return rowOf(spec, now, { args, group })
}

/**
 * The row of a job whose arguments are encoded, under a new id. `group` is the key of its concurrency group; null when it
 * has no limit, or when the key is not known yet.
 */
export function rowOf(
  spec: JobSpec,
  now: number,
  { args, group }: { readonly args: string; readonly group: string | null },
): PushRow {
  return {
    id: newId(now),
    queue: spec.queue,
    name: spec.name,
    args,
    priority: spec.priority,
    maxAttempts: spec.maxAttempts,
    scheduledAtMs: spec.scheduledAtMs,
    delayMs: delayOf(spec),
    uniqueKey: spec.uniqueKey,
    isTaking: takenRule(spec) !== null,
    isLimited: spec.concurrency !== null,
    extras: encodeExtras(spec, group, now),
  }
}

/** Without a key, as in a workflow, none is taken. */
function takenRule({ whenTaken, uniqueKey }: JobSpec): TakenRule | null {
  return uniqueKey === null ? null : whenTaken
}

function delayOf(spec: JobSpec): number | null {
  const { delayMs } = spec
  const whenTaken = takenRule(spec)
  if (whenTaken === null || !('debounce_ms' in whenTaken)) return delayMs
  if (delayMs === null && spec.scheduledAtMs === null) return whenTaken.debounce_ms
  throw new ConfigError(
    `Job "${spec.name}" has a debounce and a time of its own: leave out withDelay or withScheduledAt, debounce says when it runs.`,
  )
}

/** The row as that of a job of this batch. */
export function rowOfBatch(row: PushRow, batch: string): PushRow {
  const owner = `"owner_id":"${batch}"`
  const { extras } = row
  return { ...row, extras: extras === null ? `{${owner}}` : `${extras.slice(0, -1)},${owner}}` }
}

/** How much a row carries, in characters: what its statement grows by. */
export function rowBytes({ args, extras }: PushRow): number {
  return args.length + (extras?.length ?? 0)
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

function encodeExtras(spec: JobSpec, group: string | null, now: number): string | null {
  const { overrides, concurrency, deadLetter } = spec
  const whenTaken = takenRule(spec)
  const meta = spec.meta === NO_DATA ? '{}' : encodeJson(spec.meta, META)
  const { limits, backoff, retentionMs } = overrides
  const deadlineMs = spec.terms?.deadlineMs ?? null
  const isOrdinary =
    limits === null &&
    backoff === null &&
    retentionMs === null &&
    concurrency === null &&
    whenTaken === null &&
    deadlineMs === null &&
    deadLetter === null
  if (isOrdinary && meta === '{}') return null

  const extras: PushExtras = {
    ...(limits === null ? {} : { limits: storeLimits(limits) }),
    ...(backoff === null ? {} : { backoff }),
    ...(retentionMs === null ? {} : { retention_ms: retentionMs }),
    ...(meta === '{}' ? {} : { meta: decodeJson(meta) as Record<string, unknown> }),
    ...(group === null ? {} : { concurrency_key: group }),
    ...(concurrency === null ? {} : { concurrency_max: concurrency.max }),
    ...(whenTaken === null ? {} : { when_taken: whenTaken }),
    ...(deadlineMs === null ? {} : { deadline_ms: Math.floor(now) + deadlineMs }),
    ...(deadLetter === null ? {} : { dead_letter: deadLetter }),
  }
  return JSON.stringify(extras)
}
