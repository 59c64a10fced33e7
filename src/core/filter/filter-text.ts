import { didYouMean, inspect } from '../check.ts'
import { FILTER_KEY_NAMES, type FilterKey, hasPath } from './filter-key.ts'
import { isIdPrefix, readValue } from './filter-value.ts'
import {
  type FilterTerm,
  type JobFilter,
  MAX_FILTER_LENGTH,
  MAX_TERMS,
  MAX_VALUES,
} from './job-filter.ts'
import { type FilterMistake, filterError, Mistaken } from './mistake.ts'
import { Scanner, type Written, type WrittenTerm } from './scanner.ts'

/** A term of a text and where it stands. */
export interface PlacedTerm {
  readonly term: FilterTerm
  readonly at: number
  readonly end: number
}

/** What a text says, as far as it can be read, and what is wrong with the rest of it. */
export interface ReadFilter {
  readonly terms: readonly PlacedTerm[]
  readonly mistakes: readonly FilterMistake[]
}

/** Reads a text whole: a mistake in one term leaves the others. Never throws for a text. */
export function readFilter(text: string): ReadFilter {
  if (text.length > MAX_FILTER_LENGTH) {
    const message = `expected at most ${MAX_FILTER_LENGTH} characters, got ${text.length}.`
    return { terms: [], mistakes: [{ at: MAX_FILTER_LENGTH, end: text.length, message }] }
  }
  const terms: PlacedTerm[] = []
  const mistakes: FilterMistake[] = []
  const scanner = new Scanner(text)
  for (;;) {
    try {
      const written = scanner.next()
      if (written === null) break
      if (terms.length === MAX_TERMS)
        throw new Mistaken(written.at, text.length, `expected at most ${MAX_TERMS} terms.`)
      terms.push({ term: termOf(written), at: written.at, end: written.end })
    } catch (error) {
      if (!(error instanceof Mistaken)) throw error
      const { at, end, message } = error
      mistakes.push({ at, end, message })
      if (terms.length === MAX_TERMS) break
      scanner.skip()
    }
  }
  return { terms, mistakes }
}

/**
 * The filter that a text says: `state:failed queue:mail,sms -name:digest created:<2h args.user.id:7`.
 *
 * @throws {ChancyError} `FILTER_INVALID` with `details.at`, the first character that is wrong, from 0
 */
export function parseFilter(text: string): JobFilter {
  const { terms, mistakes } = readFilter(text)
  const [mistake] = mistakes
  if (mistake !== undefined) throw filterError(mistake.message, mistake)
  return { terms: terms.map(({ term }) => term) }
}

function termOf(written: WrittenTerm): FilterTerm {
  const { key: given, path, values, not } = written
  if (given === null) return { ...wordTerm(values[0]!), ...(not ? { not } : {}) }
  const key = keyOf(given)
  if (values.length > MAX_VALUES)
    throw new Mistaken(written.at, written.end, `expected at most ${MAX_VALUES} values.`)
  const read = values.map((value) =>
    readValue(key, value, (why): never => {
      throw new Mistaken(value.at, value.end, `${key}: ${why}`)
    }),
  )
  // The reader of each key makes what its term holds.
  return {
    key,
    ...(hasPath(key) ? { path: pathOf(written, key) } : noPath(path, key)),
    values: read,
    ...(not ? { not } : {}),
  } as unknown as FilterTerm
}

/** A word without a key: an id, or the beginning of a name. */
function wordTerm(word: Written): FilterTerm {
  const { text, isQuoted, at, end } = word
  if (!isQuoted && isIdPrefix(text)) return { key: 'id', values: [text.toLowerCase()] }
  // A star at its end changes nothing.
  const open = { ...word, isQuoted: true, isOpen: true, text: isQuoted ? text : trimStar(text) }
  const value = readValue('name', open, (why): never => {
    throw new Mistaken(at, end, why)
  })
  return { key: 'name', values: [value as { prefix: string }] }
}

function trimStar(text: string): string {
  return text.endsWith('*') ? text.slice(0, -1) : text
}

function keyOf({ text, at, end }: Written): FilterKey {
  const key = FILTER_KEY_NAMES.find((one) => one === text)
  if (key !== undefined) return key
  const known = FILTER_KEY_NAMES.join(', ')
  throw new Mistaken(
    at,
    end,
    `unknown key ${inspect(text)}; expected one of ${known}.${didYouMean(text, FILTER_KEY_NAMES)} Quotes make text of what has a colon.`,
  )
}

function pathOf({ path, key }: WrittenTerm, name: FilterKey): readonly string[] {
  const { at, end } = key!
  if (path.length === 0)
    throw new Mistaken(at, end, `${name}: name a field, such as ${name}.user.id:7.`)
  for (const step of path)
    if (step.text === '' && !step.isQuoted)
      throw new Mistaken(step.at, step.end, `${name}: expected the name of a field, got nothing.`)
  return path.map(({ text }) => text)
}

function noPath(path: readonly Written[], key: FilterKey): object {
  const [first] = path
  if (first === undefined) return {}
  throw new Mistaken(
    first.at,
    first.end,
    `${key} has no fields; only args and meta have, such as args.user.id:7.`,
  )
}
