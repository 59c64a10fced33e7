import { FILTER_KEY_NAMES, hasPath } from '../../core/filter/filter-key.ts'
import type { Call } from '../call.ts'
import { type Schema, text } from '../schema.ts'

const WORDS = FILTER_KEY_NAMES.filter((key) => !hasPath(key))
type Key = (typeof WORDS)[number]

/** A filter as one text, or each of its keys as a parameter, whose value is written as in the text. */
export const filterQuery = {
  q: text({ maxBytes: 6_000, allowEmpty: true }),
  ...(Object.fromEntries(WORDS.map((key) => [key, text({ maxBytes: 6_000 })])) as {
    readonly [K in Key]: Schema<string>
  }),
} as const

/** The text of a filter that was given as parameters. */
export function filterText(query: { readonly [K in Key | 'q']?: string }): string {
  const terms = WORDS.flatMap((key) => {
    const value = query[key]
    if (value === undefined) return []
    // A text with a space is one value.
    return [`${key}:${/[\s"]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value}`]
  })
  return [...(query.q === undefined || query.q === '' ? [] : [query.q]), ...terms].join(' ')
}

/** What the access sees, for what takes a filter. */
export function filterOptions({ permit, settings }: Call) {
  const queues = permit.scope.patterns
  const masked = permit.masks.filterPaths()
  return {
    ...(settings.timeZone !== null && { timeZone: settings.timeZone }),
    scope: { ...(queues !== null && { queues }), ...(masked.length > 0 && { masked }) },
  }
}
