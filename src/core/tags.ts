import { checkText, show } from './check.ts'
import { ConfigError } from './errors.ts'

const MAX_TAGS = 100
const MAX_TAG_BYTES = 200

/** Checks the tags of a queue: at most 100 regular expressions of 1 to 200 bytes. */
export function checkTags(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_TAGS) {
    const found = Array.isArray(value) ? `${value.length}` : show(value)
    throw new ConfigError(
      `${what}: expected an array of at most ${MAX_TAGS} regular expressions, got ${found}.`,
    )
  }
  return value.map((tag, index) => {
    const pattern = checkText(tag, { what: `${what}[${index}]`, maxBytes: MAX_TAG_BYTES })
    if (compile(pattern) !== null) return pattern
    throw new ConfigError(`${what}[${index}]: expected a regular expression, got ${show(pattern)}.`)
  })
}

/**
 * True when one pattern of a queue matches one tag of a worker whole. A pattern that is no regular
 * expression, which only a row written by hand can hold, matches nothing.
 */
export function matchesTags(queueTags: readonly string[], workerTags: readonly string[]): boolean {
  return queueTags.some((pattern) => {
    const whole = compile(pattern)
    return whole !== null && workerTags.some((tag) => whole.test(tag))
  })
}

function compile(pattern: string): RegExp | null {
  try {
    // Alone first: `a)(b` becomes valid only by the group around it.
    new RegExp(pattern)
    return new RegExp(`^(?:${pattern})$`, 's')
  } catch {
    return null
  }
}
