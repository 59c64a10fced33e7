import { show } from '../core/check.ts'
import { MAX_DURATION_MS } from '../core/duration.ts'
import { mayBecome } from '../core/job-state.ts'
import { encodeJson, MAX_ARGS_BYTES, MAX_META_BYTES } from '../core/json.ts'
import { isPlainObject } from '../core/plain-object.ts'
import type { AttemptUpdate, RunningJob } from './plugin.ts'

/** What a `beforeAttempt` may give back, or an error that says why it may not. */
export function checkedJob(value: unknown, before: RunningJob): RunningJob {
  const job = checkedObject(value, 'the job') as RunningJob
  if (job === before) return before
  const { args, meta } = job
  return {
    ...job,
    args: args === before.args ? args : plain(args, 'args', MAX_ARGS_BYTES),
    meta: meta === before.meta ? meta : plain(meta, 'meta', MAX_META_BYTES),
  }
}

/** The same of an `afterAttempt`. */
export function checkedUpdate(value: unknown, before: AttemptUpdate): AttemptUpdate {
  const update = checkedObject(value, 'the update') as AttemptUpdate
  const { state, delayMs, meta } = update
  if (!mayBecome('running', state)) throw new Error(`"running" cannot become ${show(state)}`)
  const isDelay = typeof delayMs === 'number' && delayMs >= 0 && delayMs <= MAX_DURATION_MS
  if (!isDelay) {
    throw new Error(
      `"delayMs" is a number of milliseconds from 0 to ${MAX_DURATION_MS} (3650d), got ${show(delayMs)}`,
    )
  }
  return meta === before.meta ? update : { ...update, meta: plain(meta, 'meta', MAX_META_BYTES) }
}

function checkedObject(value: unknown, what: string): object {
  if (value === undefined) throw new Error(`it gave nothing back; give ${what}`)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new Error(`it gave ${show(value)} back; give ${what}`)
}

/** As it will be stored: what is the plugin's own may change, or fail, when it is read again. */
function plain(value: unknown, what: string, maxBytes: number): Record<string, unknown> {
  if (!isPlainObject(value)) throw new Error(`"${what}" is an object, got ${show(value)}`)
  const text = encodeJson(value, { what, maxBytes, error: (message) => new Error(message) })
  return JSON.parse(text) as Record<string, unknown>
}
