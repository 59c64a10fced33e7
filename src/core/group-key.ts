import { checkText, inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { MAX_KEY_BYTES } from './job-name.ts'

/** What identifies a group of jobs: the name of an argument, or computed from all of them. */
export type GroupKeySource = string | ((args: never) => string | number)

/** A limit that a job shares with the others of its group, across all workers. */
export interface Concurrency {
  readonly max: number
  readonly key?: GroupKeySource
}

/**
 * The group that a job's concurrency limit counts: `name`, `name:field=value` for an argument, or
 * `name:value` for a computed key, with the value as JSON. So 7, `'7'` and 7 of another field never
 * meet; 0 and the empty text are values like any other.
 *
 * @param args As they are stored: a Date is already its text.
 * @throws {ConfigError} when the value is missing, null, no text, number or boolean, or too long
 */
export function groupKey(
  job: { readonly name: string; readonly concurrency: Concurrency },
  args: Readonly<Record<string, unknown>>,
): string {
  const { key } = job.concurrency
  if (key === undefined) return job.name
  const what = `The concurrency key of job "${job.name}"`
  const isField = typeof key === 'string'
  const value = isField ? fieldOf(args, key) : compute(key, args, what)
  if (!isGroupValue(value)) {
    const source = isField ? `the argument ${inspect(key)}` : 'its function'
    throw new ConfigError(
      `${what}: expected a text, a number or a boolean from ${source}, got ${inspect(value)}.`,
    )
  }
  const text = `${job.name}:${isField ? `${key}=` : ''}${JSON.stringify(value)}`
  return checkText(text, { what, maxBytes: MAX_KEY_BYTES })
}

function fieldOf(args: Readonly<Record<string, unknown>>, field: string): unknown {
  // Own ones only: `toString` is no argument.
  return Object.hasOwn(args, field) ? args[field] : undefined
}

function compute(key: (args: never) => unknown, args: unknown, what: string): unknown {
  try {
    return key(args as never)
  } catch (cause) {
    throw new ConfigError(`${what}: its function threw ${inspect(cause)}.`, { cause })
  }
}

function isGroupValue(value: unknown): value is string | number | boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  )
}
