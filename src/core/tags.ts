import { checkText, inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { MAX_STEPS, TagPattern } from './tag-pattern.ts'

const MAX_TAGS = 100
const MAX_TAG_BYTES = 200

/**
 * Checks the tags of a queue: at most 100 patterns of 1 to 200 bytes, regular expressions without
 * lookarounds, backreferences and `\b`.
 */
export function checkTags(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_TAGS) {
    const found = Array.isArray(value) ? `${value.length}` : inspect(value)
    throw new ConfigError(
      `${what}: expected an array of at most ${MAX_TAGS} regular expressions, got ${found}.`,
    )
  }
  let left = MAX_STEPS
  return value.map((tag, index) => {
    const pattern = checkText(tag, { what: `${what}[${index}]`, maxBytes: MAX_TAG_BYTES })
    try {
      left -= new TagPattern(pattern, left).steps
      return pattern
    } catch (error) {
      throw new ConfigError(
        `${what}[${index}]: expected a regular expression, got ${inspect(pattern)}, which ${(error as Error).message}. Literals, classes, groups, "|" and repetitions are allowed.`,
      )
    }
  })
}

/**
 * True when one pattern of a queue matches one tag of a worker whole. A pattern that is not allowed,
 * which only a row written by hand can hold, matches nothing: see `tagsFault`.
 */
export function matchesTags(queueTags: readonly string[], workerTags: readonly string[]): boolean {
  if (queueTags.includes('.*')) return workerTags.length > 0
  let left = MAX_STEPS
  for (const tag of queueTags.slice(0, MAX_TAGS)) {
    const pattern = compile(tag, left)
    if (pattern === null) continue
    left -= pattern.steps
    if (workerTags.some((text) => pattern.matches(text))) return true
  }
  return false
}

/** What is wrong with the patterns of a stored queue, or null. */
export function tagsFault(queueTags: readonly string[]): string | null {
  try {
    checkTags(queueTags, 'tags')
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function compile(pattern: string, maxSteps: number): TagPattern | null {
  if (Buffer.byteLength(pattern) > MAX_TAG_BYTES) return null
  try {
    return new TagPattern(pattern, maxSteps)
  } catch {
    return null
  }
}
