const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const
/** How many things a finding names. */
const NAMED = 5

/** A length of time as people say it: `12 min`, `3 h`. */
export function spanOf(ms: number): string {
  for (const [unit, size] of UNITS) {
    if (ms >= 2 * size || (unit === 's' && ms >= size)) return `${Math.floor(ms / size)} ${unit}`
  }
  return `${Math.max(0, Math.round(ms))} ms`
}

export function bytesOf(bytes: number): string {
  return bytes >= 2 ** 30
    ? `${(bytes / 2 ** 30).toFixed(1)} GB`
    : `${Math.round(bytes / 2 ** 20)} MB`
}

/** The first five, and how many more there are. */
export function listed(things: readonly string[]): string {
  const more = things.length - NAMED
  return `${things.slice(0, NAMED).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

/** `1 job`, `12 jobs`, `12,345 jobs`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

/** A name of the database in quotes; control characters must not reach a terminal. */
export function quoted(name: string): string {
  return JSON.stringify(name)
}
