/**
 * PostgreSQL array literals, `{"a","b",NULL}`. A batch travels as one string a column and is cast
 * in SQL (`$1::text[]`), because that is the fastest way and the one that every client library
 * sends alike. These two functions see every value of every batch, so they build by concatenation
 * and look for what needs an escape before they touch a string.
 */

// A literal is cut at these two only: inside quotes every other character stands for itself.
const NEEDS_ESCAPE = /["\\]/
const ESCAPED = /["\\]/g

/** For `text[]` and for everything that is cast from it, JSON and timestamps included. */
export function textArray(values: readonly (string | null)[]): string {
  let literal = '{'
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (i > 0) literal += ','
    if (value === null || value === undefined) literal += 'NULL'
    else if (NEEDS_ESCAPE.test(value)) literal += `"${value.replace(ESCAPED, '\\$&')}"`
    else literal += `"${value}"`
  }
  return `${literal}}`
}

/**
 * For numbers, booleans and strings that need no quotes: UUIDs and other ids.
 * A string with a comma, a brace, a quote, a backslash or a space in it would break the literal:
 * such values belong in `textArray`.
 */
export function plainArray(values: readonly (number | string | boolean | null)[]): string {
  let literal = '{'
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (i > 0) literal += ','
    literal += value === null || value === undefined ? 'NULL' : value
  }
  return `${literal}}`
}
