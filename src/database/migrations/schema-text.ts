import { type Names, quoteLiteral } from '../names.ts'

/** In this order: comments stay as they are; what else depends on the schema is a literal, a quote or a name. */
const PLACES = /--[^\n]*|'(?:[^']|'')*'|\$body\$|\bchancy\./g

/**
 * A text of `database/sql`, which is written for the schema `chancy`, for the schema of `t`. Replaced are
 * `chancy.` before a name, in literals too; the literals `'chancy'`, the schema's name as a text, and
 * `'chancy_chancy'`, its channel; and `$body$`, which the name of a schema may hold.
 */
export function forSchema(text: string, t: Names): string {
  return text.replace(PLACES, (found) => {
    if (found === 'chancy.') return `${t.schema}.`
    if (found === '$body$') return t.body
    return found.startsWith("'") ? literalFor(found, t) : found
  })
}

function literalFor(literal: string, t: Names): string {
  if (literal === "'chancy'") return quoteLiteral(t.plainSchema)
  if (literal === "'chancy_chancy'") return quoteLiteral(t.channel)
  if (!literal.includes('chancy.')) return literal
  const content = literal.slice(1, -1).replaceAll("''", "'")
  return quoteLiteral(content.replace(/\bchancy\./g, () => `${t.schema}.`))
}
