import type { ScalarMatch } from '../../core/filter/job-filter.ts'

interface PathTerm {
  readonly not?: boolean
  readonly path: readonly string[]
  readonly values: readonly ScalarMatch[]
}

/**
 * An SQL/JSON path that is true where all terms hold, or null without a term. It is lax: the elements of an array are
 * compared as well as the array. What `==` cannot decide, such as a text and a number, is unequal.
 */
export function pathOfScalars(terms: readonly PathTerm[]): string | null {
  if (terms.length === 0) return null
  return terms
    .map(({ not, path, values }) => {
      const field = `$${path.map((name) => `.${literal(name)}`).join('')}`
      const any = values.map((value) => `@ == ${scalar(value)}`).join(' || ')
      return `${not === true ? '!' : ''}exists(${field} ? (${any}))`
    })
    .join(' && ')
}

function scalar(value: ScalarMatch): string {
  if (typeof value === 'string') return literal(value)
  if (typeof value === 'object' && value !== null) return negated(value.number)
  return typeof value === 'number' ? negated(String(value)) : String(value)
}

/** A path has no negative numbers, but a sign before one. */
function negated(digits: string): string {
  return digits.startsWith('-') ? `(-${digits.slice(1)})` : digits
}

/** A text of a path: JSON, in ASCII. */
function literal(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
