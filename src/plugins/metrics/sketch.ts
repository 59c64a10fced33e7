/**
 * A distribution of values as counts on a logarithmic scale, with eight buckets to a power of two. A
 * value lies between `2^(i/8)` and `2^((i+1)/8)` of its bucket `i`, and is taken for the geometric mean
 * of the two: a quantile is at most 4.5 % off. Two distributions are merged by adding their counts, so
 * that a sum over workers and over time is as exact as its parts.
 */
const PER_OCTAVE = 8

/** The bucket of a positive value. */
export function bucketOf(value: number): number {
  return Math.floor(Math.log2(value) * PER_OCTAVE)
}

/** What the values of a bucket are taken for. */
export function middleOf(bucket: number): number {
  return 2 ** ((bucket + 0.5) / PER_OCTAVE)
}

/** The bound that all values of the buckets up to `bucket` are below. */
export function upperBoundOf(bucket: number): number {
  return 2 ** ((bucket + 1) / PER_OCTAVE)
}

/** The bucket whose upper bound is this power of two. */
export function bucketBelow(exponent: number): number {
  return exponent * PER_OCTAVE - 1
}

export interface Range {
  readonly lowest: number
  readonly highest: number
}

/** Of times in microseconds: from one to about 100 days. What lies outside is in the outermost bucket. */
export const TIMES: Range = { lowest: 0, highest: 352 }
/** Of anything that an application observes: 2^-40 (10^-12) to 2^64 (10^19), and zero in the lowest. */
export const VALUES: Range = { lowest: -320, highest: 512 }

/** Counts values in memory. Adding one is an addition to an array; nothing is allocated. */
export class Sketch {
  count = 0
  sum = 0
  max = 0
  readonly #lowest: number
  readonly #counts: Float64Array

  constructor({ lowest, highest }: Range) {
    this.#lowest = lowest
    this.#counts = new Float64Array(highest - lowest + 1)
  }

  /** Adds a value of zero or more. `scale` brings it to the unit of the buckets. */
  add(value: number, scale = 1): void {
    this.count++
    this.sum += value
    if (value > this.max) this.max = value
    const at = value > 0 ? bucketOf(value * scale) - this.#lowest : 0
    const last = this.#counts.length - 1
    const index = Math.max(0, Math.min(at, last))
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** Adds what another one of the same range counted. */
  merge(other: Sketch): void {
    this.count += other.count
    this.sum += other.sum
    this.max = Math.max(this.max, other.max)
    for (const [index, count] of other.#counts.entries())
      if (count > 0) this.#counts[index] = (this.#counts[index] ?? 0) + count
  }

  /** The buckets that have counted something, in their order. */
  *buckets(): Generator<readonly [bucket: number, count: number]> {
    if (this.count === 0) return
    for (const [index, count] of this.#counts.entries())
      if (count > 0) yield [index + this.#lowest, count]
  }

  clear(): void {
    if (this.count > 0) this.#counts.fill(0)
    this.count = 0
    this.sum = 0
    this.max = 0
  }
}

/**
 * The value below which a part `q` of the counted values lies, in the unit of the buckets; null of none.
 *
 * @param buckets ascending
 * @param total how many values they have counted
 */
export function quantile(
  buckets: readonly (readonly [bucket: number, count: number])[],
  q: number,
  total = buckets.reduce((sum, [, count]) => sum + count, 0),
): number | null {
  const rank = Math.max(1, Math.ceil(q * total))
  let passed = 0
  for (const [bucket, count] of buckets) {
    passed += count
    if (passed >= rank) return middleOf(bucket)
  }
  return null
}
