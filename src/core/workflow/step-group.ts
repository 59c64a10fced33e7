import { inspect } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { groupKey } from '../group-key.ts'
import type { JobSpec } from '../job-options.ts'
import { decodeJson } from '../json.ts'
import type { Hole, Template } from './flow-plan.ts'
import { placeholder } from './placeholder.ts'
import type { StepGroup } from './step-spec.ts'

/**
 * The concurrency group of a step. Where the key is an argument that another step gives, the group is known when the
 * step is ready.
 *
 * @throws {ConfigError} when the key is a function that reads what is not known yet, or gives no key
 */
export function stepGroup(spec: JobSpec, args: Template, what: string): StepGroup | null {
  const { name, concurrency } = spec
  if (concurrency === null) return null
  const { key } = concurrency
  if (key === undefined) return { key: name }
  if (typeof key === 'string' && args.holes.some(({ at }) => isAt(at, key))) return { by: key }
  const values = args.holes.length === 0 ? decodeJson(args.value) : refill(args)
  try {
    return { key: groupKey({ name, concurrency }, values as Record<string, unknown>) }
  } catch (cause) {
    if (typeof key === 'string' || args.holes.length === 0) throw cause
    throw new ConfigError(
      `${what}: the concurrency key of job ${inspect(name)} is a function, and it reads an output of another step, ` +
        'which is known only when the workflow runs. Give the name of an argument as the key.',
      { cause },
    )
  }
}

/** The whole arguments, or the argument itself: what is inside of one is no key anyway. */
function isAt(at: Hole['at'], key: string): boolean {
  return at.length === 0 || (at.length === 1 && at[0] === key)
}

/** The arguments with something in each hole that refuses to be read. */
function refill({ value, holes }: Template): unknown {
  const root = { args: decodeJson(value) }
  for (const { at } of holes) {
    const path = ['args', ...at]
    const last = path.pop() as string | number
    let parent: unknown = root
    for (const key of path) parent = (parent as Record<string | number, unknown>)[key]
    const origin = { scope: {}, from: 0, root: 'args', isNullable: false, path: at }
    Object.assign(parent as object, { [last]: placeholder(origin) })
  }
  return root.args
}
