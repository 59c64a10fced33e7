/** Half-open ranges of numbers, in order and apart from each other. */
export type Ranges = readonly (readonly [from: number, to: number])[]

const ALL: Ranges = [[Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]]

/** The numbers in any of these. */
export function union(ranges: Ranges): Ranges {
  const sorted = ranges.filter(([from, to]) => from < to).sort(([a], [b]) => a - b)
  const joined: [number, number][] = []
  for (const [from, to] of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

/** The numbers in none of these. */
export function complement(ranges: Ranges): Ranges {
  const apart = union(ranges)
  const froms = [Number.NEGATIVE_INFINITY, ...apart.map(([, to]) => to)]
  const tos = [...apart.map(([from]) => from), Number.POSITIVE_INFINITY]
  return froms.map((from, n) => [from, tos[n]!] as const).filter(([from, to]) => from < to)
}

/** The numbers in both. */
export function intersection(a: Ranges, b: Ranges): Ranges {
  return union(
    a.flatMap(([from, to]) =>
      b.map(([low, high]) => [Math.max(from, low), Math.min(to, high)] as const),
    ),
  )
}

/**
 * The bounds in their order, of which an odd number is at most as great as a number that lies in a range. Null: all
 * numbers do.
 */
export function thresholds(ranges: Ranges): number[] | null {
  if (ranges.length === 1 && ranges[0]![0] === ALL[0]![0] && ranges[0]![1] === ALL[0]![1])
    return null
  // JSON has no infinity. No number is below the first one, and a bound above all is left out.
  return ranges
    .flat()
    .map((bound) => (bound === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : bound))
    .filter((bound) => bound !== Number.POSITIVE_INFINITY)
}

const bits = new DataView(new ArrayBuffer(8))

/** The next greater double. */
export function above(number: number): number {
  if (number === 0) return Number.MIN_VALUE
  bits.setFloat64(0, number)
  bits.setBigInt64(0, bits.getBigInt64(0) + (number > 0 ? 1n : -1n))
  return bits.getFloat64(0)
}
