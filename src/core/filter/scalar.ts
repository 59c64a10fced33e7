import type { ScalarMatch } from './job-filter.ts'

/** A number as JSON writes it. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
/** The exponent beyond which PostgreSQL refuses a number. */
const MAX_EXPONENT = 1_000
const MAX_DIGITS = 1_000

/** What a bare value of `args` means: `7`, `true` and `null` are JSON, all else is text. */
export function scalarOf(text: string): ScalarMatch {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'null') return null
  if (!isNumber(text)) return text
  // -0 and 7.0 and digits that are lost are kept as they are written.
  return String(Number(text)) === text ? Number(text) : { number: text }
}

/** Whether a text is a number that PostgreSQL takes. */
export function isNumber(text: string): boolean {
  if (text.length > MAX_DIGITS || !NUMBER.test(text)) return false
  const exponent = /[eE](.*)$/.exec(text)
  return exponent === null || Math.abs(Number(exponent[1])) <= MAX_EXPONENT
}
