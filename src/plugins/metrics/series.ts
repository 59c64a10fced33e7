import { type Range, TIMES, VALUES } from './sketch.ts'

/** What takes the place of a queue and a name that are over the limit of series. */
export const OTHER = '(other)'

/** What an attempt came to, in the order of the stored counts. Each attempt is one of them. */
export const OUTCOMES = [
  'succeeded',
  'failed',
  'retried',
  'crashed',
  'cancelled',
  'snoozed',
  'released',
] as const
export type OutcomeName = (typeof OUTCOMES)[number]

/** A distribution of a series: where its buckets stand among the stored ones, and how many make its unit. */
export interface Distribution {
  readonly range: Range
  /** The stored number of the bucket 0. */
  readonly offset: number
  /** The values of the buckets are this much of the values that are added. */
  readonly scale: number
}

/** Of jobs, in the order of the stored sums: milliseconds, in buckets of microseconds. */
export const TIME_NAMES = ['wait', 'run', 'cpu'] as const
export type TimeName = (typeof TIME_NAMES)[number]
export const DISTRIBUTIONS: Readonly<Record<TimeName | 'custom', Distribution>> = {
  wait: { range: TIMES, offset: 0, scale: 1_000 },
  run: { range: TIMES, offset: 1_000, scale: 1_000 },
  cpu: { range: TIMES, offset: 2_000, scale: 1_000 },
  custom: { range: VALUES, offset: 5_000, scale: 1 },
}

/** One series of one flush, as it is stored. */
export interface Entry {
  /** `job` or `custom`. */
  readonly k: 'job' | 'custom'
  /** The queue; empty of a measurement. */
  readonly q: string
  /** The name of the jobs, or of the measurement. */
  readonly n: string
  /** By outcome; of a measurement how many. */
  readonly c: readonly number[]
  readonly s: readonly number[]
  readonly m: readonly number[]
  readonly b: readonly number[]
  readonly a: readonly number[]
}
