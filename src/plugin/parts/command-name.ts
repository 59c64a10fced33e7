import { inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'

export interface CommandName {
  readonly words: readonly string[]
  /** The names of the arguments: of `<id>`, which must be given, and of `[before]`, which may be. */
  readonly args: readonly string[]
}

const WORD = /^[a-z][a-z0-9-]*$/
const ARGUMENT = /^(?:<([a-z][a-z0-9-]*)>|\[([a-z][a-z0-9-]*)\])$/

/**
 * Takes `'audit show <id>'` apart.
 *
 * @throws {ConfigError}
 */
export function parseCommandName(given: unknown, what: string): CommandName {
  const parts = typeof given === 'string' ? given.split(' ') : []
  const first = parts.findIndex((part) => !WORD.test(part))
  const words = first < 0 ? parts : parts.slice(0, first)
  const args = parts.slice(words.length).map((part) => ARGUMENT.exec(part))
  if (words.length === 0 || args.includes(null)) {
    throw new ConfigError(
      `${what}: expected lower-case words, then arguments, like "audit show <id>", got ${inspect(given)}.`,
    )
  }
  return { words, args: args.map((match) => match?.[1] ?? match?.[2] ?? '') }
}
