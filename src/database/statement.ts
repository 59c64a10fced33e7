import { createHash } from 'node:crypto'
import type { Value } from './driver.ts'
import type { Names } from './names.ts'

/**
 * A named statement with typed values and a typed row. Its text is made from the names of a schema,
 * once an instance; its name is what logs, plan tests and prepared statements call it.
 */
export interface Statement<Values extends readonly Value[], Row> {
  readonly name: string
  readonly text: (t: Names) => string
  /** Only carries the types; never set. */
  readonly shape?: (values: Values) => Row
}

/**
 * A statement by its name, which is unique in the plugin. Its text is made once from the names of the schema; values
 * are bound as `$1 …`, and columns are text, int4, float8 or bool.
 */
export function statement<Values extends readonly Value[], Row>(
  name: string,
  text: (t: Names) => string,
): Statement<Values, Row> {
  return Object.freeze({ name, text })
}

/** A statement whose text is known: what a driver is handed. */
export interface PreparedText {
  readonly text: string
  /** Statement name and eight hex digits of the text: two schemas on one pool must not share it. */
  readonly name: string
}

export function prepareText(given: Statement<never, unknown>, t: Names): PreparedText {
  const text = given.text(t)
  const digits = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return { text, name: `${given.name}_${digits}` }
}
