import { inspect } from '../../core/check.ts'
import { MAX_DURATION_MS } from '../../core/duration.ts'
import { mayBecome } from '../../core/job-state.ts'
import { encodeJson, MAX_ARGS_BYTES, MAX_META_BYTES } from '../../core/json.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import { deepFreeze } from '../../core/rule/deep-freeze.ts'
import { isThenable } from '../../core/thenable.ts'
import { isOwnName } from '../plugin-names.ts'
import type { AttemptUpdate, RunningJob } from './attempt-update.ts'
import type { PushedJob } from './pushed-job.ts'

type Meta = Readonly<Record<string, unknown>>

/** The meta that an `onPush` may return, or an error that says why it may not. */
export function checkedPush(value: unknown, before: PushedJob, plugin: string): Meta {
  if (isThenable(value)) throw new Error('it returned a promise, and onPush is synchronous')
  const { meta } = checkedObject(value, 'the job') as PushedJob
  return meta === before.meta ? meta : checkedMeta(meta, before.meta, plugin)
}

/** What a `beforeAttempt` may return. */
export function checkedJob(value: unknown, before: RunningJob, plugin: string): RunningJob {
  const job = checkedObject(value, 'the job') as RunningJob
  if (job === before) return before
  const { args, meta } = job
  return Object.freeze({
    ...before,
    args: args === before.args ? args : plain(args, 'args', MAX_ARGS_BYTES),
    meta: meta === before.meta ? meta : checkedMeta(meta, before.meta, plugin),
  })
}

/** What an `afterAttempt` may return. */
export function checkedUpdate(
  value: unknown,
  before: AttemptUpdate,
  plugin: string,
): AttemptUpdate {
  const update = checkedObject(value, 'the update') as AttemptUpdate
  if (update === before) return before
  const { state, delayMs, meta } = update
  if (!mayBecome('running', state)) throw new Error(`"running" cannot become ${inspect(state)}`)
  const isDelay = typeof delayMs === 'number' && delayMs >= 0 && delayMs <= MAX_DURATION_MS
  if (!isDelay) {
    throw new Error(
      `"delayMs" is a number of milliseconds from 0 to ${MAX_DURATION_MS} (3650d), got ${inspect(delayMs)}`,
    )
  }
  return Object.freeze({
    job: before.job,
    state,
    delayMs,
    meta: meta === before.meta ? meta : checkedMeta(meta, before.meta, plugin),
  })
}

function checkedObject(value: unknown, what: string): object {
  if (value === undefined) throw new Error(`it returned nothing; return ${what}`)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new Error(`it returned ${inspect(value)}; return ${what}`)
}

/** The keys of the application and of other plugins stay as they are. */
function checkedMeta(value: unknown, before: Meta, plugin: string): Meta {
  const meta = plain(value, 'meta', MAX_META_BYTES)
  for (const key of new Set([...Object.keys(before), ...Object.keys(meta)])) {
    if (isOwnName(plugin, key) || isSame(meta[key], before[key])) continue
    throw new Error(`it changed the key ${inspect(key)} of "meta", which is not its own`)
  }
  return meta
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** As it will be stored, and frozen: what is the plugin's own may change, or fail, when it is read again. */
function plain(value: unknown, what: string, maxBytes: number): Record<string, unknown> {
  if (!isPlainObject(value)) throw new Error(`"${what}" is an object, got ${inspect(value)}`)
  const text = encodeJson(value, { what, maxBytes, error: (message) => new Error(message) })
  return deepFreeze(JSON.parse(text) as Record<string, unknown>)
}
