/** Ids from `low` to `high`, both included. */
export interface IdRange {
  readonly low: string
  readonly high: string
}

const LOWEST = '00000000-0000-0000-0000-000000000000'
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

export const ALL_IDS: readonly IdRange[] = [{ low: LOWEST, high: HIGHEST }]

/** The ids that begin with this; a whole id is one. */
export function idRange(prefix: string): IdRange {
  return { low: prefix + LOWEST.slice(prefix.length), high: prefix + HIGHEST.slice(prefix.length) }
}

/** Ranges of the ids that are in both lists. */
export function sharedIds(a: readonly IdRange[], b: readonly IdRange[]): readonly IdRange[] {
  return a.flatMap((one) =>
    b.flatMap((other) => {
      const [, low = one.low] = [one.low, other.low].sort()
      const [high = one.high] = [one.high, other.high].sort()
      return low <= high ? [{ low, high }] : []
    }),
  )
}

/** Version 7 begins with the time in milliseconds. */
export function lowestIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0').slice(-12)
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

/** When the id was made, in milliseconds since the epoch. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
