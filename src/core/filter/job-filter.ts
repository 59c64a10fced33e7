import type { AttemptErrorKind, JobState } from '../queued-job.ts'

/** `waiting` is pending and retrying, `finished` is succeeded, failed and cancelled. */
export type StateWord = JobState | 'waiting' | 'finished'

/** A name of a job, exact, or all that begin with `prefix`. */
export type NameMatch = string | { readonly prefix: string }

/** A JSON value; a number that JavaScript cannot hold exactly is given by its digits. */
export type ScalarMatch = string | number | boolean | null | { readonly number: string }

/**
 * Bounds, all of which hold. Of a time: an ISO time, a day (`2026-03-01`), or a duration (`2h`), which counts back from
 * now, and for `scheduled` forward. A day as `gte` is its begin and as `lte` its end.
 */
export interface Bounds<T> {
  readonly gt?: T
  readonly gte?: T
  readonly lt?: T
  readonly lte?: T
}

/** One condition of a filter: any of its values fits, or none of them with `not`. */
export type FilterTerm = { readonly not?: boolean } & (
  | {
      readonly key: 'id'
      /** Whole ids, or their beginnings of at least 8 digits. */
      readonly values: readonly string[]
    }
  | { readonly key: 'state'; readonly values: readonly StateWord[] }
  | { readonly key: 'name'; readonly values: readonly NameMatch[] }
  | {
      readonly key: 'queue' | 'group' | 'unique' | 'worker' | 'workflow' | 'schedule' | 'failure'
      readonly values: readonly string[]
    }
  | { readonly key: 'kind'; readonly values: readonly AttemptErrorKind[] }
  | {
      readonly key: 'created' | 'scheduled' | 'started' | 'finished'
      readonly values: readonly Bounds<string>[]
    }
  | {
      /** `wait`, `wall` and `cpu` in milliseconds, `memory` in bytes. */
      readonly key: 'wait' | 'wall' | 'cpu' | 'memory' | 'attempts' | 'priority'
      readonly values: readonly Bounds<number>[]
    }
  | {
      readonly key: 'args' | 'meta'
      /** The names of the fields, from the outermost. */
      readonly path: readonly string[]
      readonly values: readonly ScalarMatch[]
    }
)

/** Which jobs: those that fit all terms. Plain JSON. Without a term: all jobs. */
export interface JobFilter {
  readonly terms: readonly FilterTerm[]
}

/** The most terms of a filter. */
export const MAX_TERMS = 20
/** The most values of a term. */
export const MAX_VALUES = 1_000
/** The longest text of a filter, in characters. */
export const MAX_FILTER_LENGTH = 65_536
