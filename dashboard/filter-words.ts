/** A word of a filter, in quotes where it would be read otherwise. */
export function quoted(text: string): string {
  return /^[\p{L}\p{N}_./@-]+$/u.test(text) && !text.startsWith('-') ? text : JSON.stringify(text)
}

/** The terms of a filter, apart by spaces outside of quotes. Whether they mean something is the server's matter. */
export function filterTerms(text: string): string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"?|[^\s"])+/g) ?? []
}

/** The filter of an action on many jobs, without the last bound that froze it: nothing later was touched. */
export const withoutFrozenBound = (filter: string): string =>
  filter.replace(/ created:<=\d{4}-[-\d:.T]+Z$/, '')

/** The filter with a term added, or without it where it is there. */
export function toggleTerm(text: string, term: string): string {
  const terms = filterTerms(text)
  return (terms.includes(term) ? terms.filter((one) => one !== term) : [...terms, term]).join(' ')
}
