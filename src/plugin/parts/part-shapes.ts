import { checkOneOf, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { encodeJson } from '../../core/json.ts'
import { isPlainObject } from '../../core/plain-object.ts'
import type { Around } from './around.ts'
import { parseCommandName } from './command-name.ts'
import type { PluginCheck } from './plugin-check.ts'
import {
  COMMON_OPTIONS,
  type CommandOption,
  OPTION_TYPES,
  type PluginCommand,
} from './plugin-command.ts'
import type { PluginLoop } from './plugin-loop.ts'
import { type PluginRoute, ROUTE_METHODS, ROUTE_RIGHTS } from './plugin-route.ts'

const LOOP_NAME = /^[a-z][a-z0-9-]{0,49}$/
const OPTION_NAME = /^(?!no-)[a-z][a-z0-9-]{0,29}$/
/** They travel in the command line of a child. */
const MAX_OPTIONS_BYTES = 8_192
/** The loop that calls `cleanup`. */
export const CLEANUP_LOOP = 'cleanup'

/** @throws {ConfigError} */
export function checkMigration(value: unknown, version: number, what: string): void {
  const step = objectOf<{ version: unknown; up: unknown; down: unknown; after?: unknown }>(
    value,
    what,
    'migration(1, { up: (t) => […], down: (t) => […] })',
  )
  if (step.version !== version) {
    throw new ConfigError(
      `${what}: expected version ${version}, got ${inspect(step.version)}. Versions count from 1 without gaps.`,
    )
  }
  functionOf(step.up, `${what}: up`)
  functionOf(step.down, `${what}: down`)
  const { after = [] } = step
  if (!Array.isArray(after))
    throw new ConfigError(`${what}: after: expected an array of steps, got ${inspect(after)}.`)
  after.forEach((later: unknown, index) => {
    const at = `${what}: after[${index}]`
    const one = objectOf<{ kind: unknown; up: unknown; undo: unknown }>(
      later,
      at,
      "{ kind: 'outside', up, undo } or { kind: 'batches', up }",
    )
    if (one.kind !== 'outside' && one.kind !== 'batches')
      throw new ConfigError(
        `${at}: kind: expected 'outside' or 'batches', got ${inspect(one.kind)}.`,
      )
    functionOf(one.up, `${at}: up`)
    if (one.kind === 'outside') functionOf(one.undo, `${at}: undo`)
  })
}

/** Each of these returns what no two of one plugin may share. @throws {ConfigError} */
export function checkLoop(value: unknown, what: string): string {
  const loop = objectOf<PluginLoop>(value, what, '{ name, on, pass }')
  if (typeof loop.name !== 'string' || !LOOP_NAME.test(loop.name)) {
    throw new ConfigError(
      `${what}: name: expected 1 to 50 lower-case letters, digits and hyphens, got ${inspect(loop.name)}.`,
    )
  }
  if (loop.name === CLEANUP_LOOP) {
    throw new ConfigError(`${what}: the loop "${CLEANUP_LOOP}" is the one that calls cleanup().`)
  }
  checkOneOf(loop.on, ['leader', 'worker'], `${what}: on`)
  functionOf(loop.pass, `${what}: pass`)
  if (loop.dueAt !== undefined) functionOf(loop.dueAt, `${what}: dueAt`)
  return loop.name
}

export function checkRoute(value: unknown, what: string): string {
  const route = objectOf<PluginRoute>(value, what, '{ method, path, may, handle }')
  checkOneOf(route.method, ROUTE_METHODS, `${what}: method`)
  checkOneOf(route.may, ROUTE_RIGHTS, `${what}: may`)
  if (typeof route.path !== 'string' || !/^\/[\w:./-]*$/.test(route.path)) {
    throw new ConfigError(
      `${what}: path: expected one like "/entries/:id", got ${inspect(route.path)}.`,
    )
  }
  functionOf(route.handle, `${what}: handle`)
  return `${route.method} ${route.path}`
}

export function checkCheck(value: unknown, what: string): string {
  const check = objectOf<PluginCheck>(value, what, '{ id, title, run }')
  for (const key of ['id', 'title'] as const) {
    if (typeof check[key] === 'string' && check[key] !== '') continue
    throw new ConfigError(`${what}: ${key}: expected text, got ${inspect(check[key])}.`)
  }
  functionOf(check.run, `${what}: run`)
  return String(check.id)
}

export function checkCommand(value: unknown, what: string): string {
  const command = objectOf<PluginCommand>(value, what, '{ name, summary, run }')
  const { words, args } = parseCommandName(command.name, `${what}: name`)
  if (typeof command.summary !== 'string' || command.summary === '') {
    throw new ConfigError(`${what}: summary: expected text, got ${inspect(command.summary)}.`)
  }
  functionOf(command.run, `${what}: run`)
  for (const key of ['ask', 'show', 'isNo'] as const)
    if (command[key] !== undefined) functionOf(command[key], `${what}: ${key}`)
  checkHelp(command, what)
  const options: unknown = command.options ?? {}
  if (!isPlainObject(options)) {
    throw new ConfigError(`${what}: options: expected an object, got ${inspect(options)}.`)
  }
  const taken = [...COMMON_OPTIONS, ...args]
  for (const [name, option] of Object.entries(options))
    checkCommandOption(name, option, taken, `${what}: options`)
  return words.join(' ')
}

function checkHelp(
  { details, examples }: { readonly details?: unknown; readonly examples?: unknown },
  what: string,
): void {
  if (details !== undefined && typeof details !== 'string')
    throw new ConfigError(`${what}: details: expected text, got ${inspect(details)}.`)
  const isExample = (one: unknown): boolean =>
    isPlainObject(one) && typeof one.text === 'string' && typeof one.command === 'string'
  if (examples !== undefined && !(Array.isArray(examples) && examples.every(isExample)))
    throw new ConfigError(
      `${what}: examples: expected an array of { text, command }, got ${inspect(examples)}.`,
    )
}

function checkCommandOption(
  name: string,
  value: unknown,
  taken: readonly string[],
  what: string,
): void {
  if (!OPTION_NAME.test(name)) {
    throw new ConfigError(
      `${what}: expected names of lower-case letters, digits and hyphens, which do not begin with "no-", got ${inspect(name)}.`,
    )
  }
  if (taken.includes(name)) {
    throw new ConfigError(
      `${what}: ${inspect(name)} is an argument of the command, or an option of every command. Rename it.`,
    )
  }
  const option = objectOf<CommandOption>(value, `${what}.${name}`, '{ type, summary }')
  if (option.short !== undefined && !/^[a-z]$/.test(String(option.short))) {
    throw new ConfigError(
      `${what}.${name}: short: expected a letter, got ${inspect(option.short)}.`,
    )
  }
  const type = checkOneOf(option.type, OPTION_TYPES, `${what}.${name}: type`)
  const { default: given } = option
  if (given === undefined || typeof given === (type === 'text' ? 'string' : type)) return
  const expected = type === 'flag' ? 'none, since a flag is false unless it is given' : `a ${type}`
  throw new ConfigError(`${what}.${name}: default: expected ${expected}, got ${inspect(given)}.`)
}

/** @throws {ConfigError} */
export function checkAround(value: unknown, what: string): void {
  const { module, options } = objectOf<Around>(value, what, '{ module, options }')
  if (!/^(file|data):/.test(String(module))) {
    throw new ConfigError(
      `${what}: module: expected new URL('./around.js', import.meta.url), got ${inspect(module)}.`,
    )
  }
  const error = (message: string): Error => new ConfigError(`${what}: ${message}`)
  encodeJson(options, { what: 'options', maxBytes: MAX_OPTIONS_BYTES, error })
}

function objectOf<T>(value: unknown, what: string, shape: string): { [Key in keyof T]?: unknown } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new ConfigError(`${what}: expected ${shape}, got ${inspect(value)}.`)
}

function functionOf(value: unknown, what: string): void {
  if (typeof value === 'function') return
  throw new ConfigError(`${what}: expected a function, got ${inspect(value)}.`)
}
