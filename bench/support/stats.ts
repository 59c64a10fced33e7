/** What is said of a series of measurements. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** The smallest value that this share of the series does not exceed; NaN for an empty series. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))
  return sorted[index] as number
}

/** The middle one, or the mean of the two in the middle; NaN for an empty series. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

export function spread(values: readonly number[]): Spread {
  return { min: quantile(values, 0), median: median(values), max: quantile(values, 1) }
}

/** A figure for people: `12,345`, or `–` where there is none. */
export function shown(value: number, digits = 0): string {
  if (!Number.isFinite(value)) return '–'
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** Jobs per second of `jobs` jobs in `ms` milliseconds. */
export function perSecond(jobs: number, ms: number): number {
  return (jobs / ms) * 1_000
}

/** Jobs of a run from which its figures may be compared. */
const LONG_ENOUGH = 50_000

/** What to say of a run that is too short, or null. */
export function noteOfLength(jobs: number): string | null {
  if (jobs >= LONG_ENOUGH) return null
  return `A run of ${shown(jobs)} jobs says whether it works, not how fast: its start, with code that is not compiled yet, is most of it. Compare runs of ${shown(LONG_ENOUGH)} jobs or more, and medians of several in turns.`
}
