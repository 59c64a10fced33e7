import { checkOptions, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { checkQueueName } from '../../core/job-name.ts'
import { checkMaxAttempts, checkPriority } from '../../core/job-options.ts'
import { encodeJson, MAX_ARGS_BYTES, MAX_META_BYTES } from '../../core/json.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import type { QueuedJob } from '../../core/queued-job.ts'
import type { JobChange } from './search-options.ts'

const FIELDS = ['priority', 'queue', 'scheduledAt', 'maxAttempts', 'args', 'meta'] as const
const WHAT = 'editJob'

/** A change of a job that was checked. */
export interface CheckedChange {
  readonly change: JobChange
  /** As the engine takes it: JSON. */
  readonly text: string
}

/** @throws {ConfigError} for what cannot be stored, and for a change of nothing */
export function checkChange(given: unknown): CheckedChange {
  const change = checkOptions(given, FIELDS, WHAT) as JobChange
  const parts: string[] = []
  const put = (name: string, json: string): number => parts.push(`${JSON.stringify(name)}:${json}`)
  const { priority, queue, scheduledAt, maxAttempts, args, meta } = change
  if (priority !== undefined) put('priority', String(checkPriority(priority, WHAT)))
  if (queue !== undefined) put('queue', JSON.stringify(checkQueueName(queue, `${WHAT}: queue`)))
  if (scheduledAt !== undefined) put('scheduledMs', String(scheduledMs(scheduledAt)))
  if (maxAttempts !== undefined) put('maxAttempts', String(checkMaxAttempts(maxAttempts, WHAT)))
  if (args !== undefined) put('args', objectText('args', args, MAX_ARGS_BYTES))
  if (meta !== undefined) put('meta', objectText('meta', meta, MAX_META_BYTES))
  if (parts.length > 0) return { change, text: `{${parts.join()}}` }
  throw new ConfigError(`${WHAT}: expected a change of at least one of ${FIELDS.join(', ')}.`)
}

/** Whether a job is as the change makes it. */
export function isAsChanged(job: QueuedJob, { change }: CheckedChange): boolean {
  return FIELDS.every((field) => {
    const wanted = change[field]
    const have = job[field]
    if (wanted === undefined) return true
    if (field === 'scheduledAt')
      return (wanted as Date | null)?.getTime() === (have as Date | null)?.getTime()
    return JSON.stringify(sorted(have)) === JSON.stringify(sorted(wanted))
  })
}

function scheduledMs(given: unknown): number | null {
  if (given === null) return null
  if (given instanceof Date && !Number.isNaN(given.getTime())) return given.getTime()
  throw new ConfigError(`${WHAT}: scheduledAt: expected a date or null, got ${inspect(given)}.`)
}

function objectText(name: string, given: unknown, maxBytes: number): string {
  if (!isPlainObject(given))
    throw new ConfigError(`${WHAT}: ${name}: expected an object, got ${inspect(given)}.`)
  return encodeJson(given, {
    what: `${WHAT}: ${name}`,
    maxBytes,
    error: (message, details) => new ConfigError(message, { details }),
  })
}

/** PostgreSQL keeps the fields of an object in an order of its own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}
