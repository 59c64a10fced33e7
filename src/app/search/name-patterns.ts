import type { NameMatch } from '../../core/filter/job-filter.ts'

/** A pattern of LIKE. */
export function likeOf(match: NameMatch): string {
  if (typeof match === 'string') return escaped(match)
  return `${escaped(match.prefix)}%`
}

/** A pattern of queues, in which `*` is any text, as one of LIKE. */
export function likeOfGlob(pattern: string): string {
  return pattern.split('*').map(escaped).join('%')
}

/** Patterns of what both fit. */
export function sharedPatterns(
  a: readonly NameMatch[],
  b: readonly NameMatch[],
): readonly NameMatch[] {
  const shared = a.flatMap((one) => b.flatMap((other) => both(one, other) ?? []))
  return [...new Map(shared.map((one) => [JSON.stringify(one), one])).values()]
}

function both(a: NameMatch, b: NameMatch): NameMatch | null {
  if (typeof a === 'string') return fits(a, b) ? a : null
  if (typeof b === 'string') return fits(b, a) ? b : null
  if (a.prefix.startsWith(b.prefix)) return a
  return b.prefix.startsWith(a.prefix) ? b : null
}

function fits(name: string, match: NameMatch): boolean {
  return typeof match === 'string' ? name === match : name.startsWith(match.prefix)
}

function escaped(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

/** Whether a name fits a pattern in which `*` is any text. */
export function globFits(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length >= at + last.length && name.endsWith(last)
}
