import type { AttemptErrorKind } from './queued-job.ts'

export const FAILURE_STATES = ['open', 'muted', 'resolved'] as const
/** What was decided about a group: a muted one is no longer counted as new, a resolved one is closed until it comes back. */
export type FailureState = (typeof FAILURE_STATES)[number]

/** How many attempts failed in an hour. */
export interface FailureHour {
  /** When the hour begins. */
  readonly at: Date
  readonly failures: number
}

/** Failures of a job that are alike: they have the same fingerprint. */
export interface FailureGroup {
  /** 16 hexadecimal digits. */
  readonly fingerprint: string
  /** The name of the job. */
  readonly name: string
  readonly kind: AttemptErrorKind
  /** The name of the error, such as `TypeError`. */
  readonly error: string
  /** The newest message, whole up to 1,000 characters. */
  readonly message: string
  /** Function and file of the topmost frames of the application. */
  readonly frames: readonly string[]
  readonly firstAt: Date
  readonly lastAt: Date
  /** How many attempts failed so; may be short by what a killed worker had not written, never long. */
  readonly total: number
  /** Ids of the newest jobs that failed so, up to five. */
  readonly samples: readonly string[]
  /** The version of the worker that first had it. */
  readonly firstVersion: string | null
  readonly lastVersion: string | null
  readonly state: FailureState
  /** Who muted, resolved or opened it last. */
  readonly stateBy: string | null
  readonly stateAt: Date | null
  readonly note: string | null
  /** First seen within a day, or by the newest version alone. */
  readonly isNew: boolean
  /** How often it came back after it was resolved. */
  readonly again: number
  /** The last 24 hours in a list, 30 days of one group; hours without a failure are left out. */
  readonly hours: readonly FailureHour[]
}

/** One group with where it fails. */
export interface FailureDetails extends FailureGroup {
  /** By queue, the most first, within 30 days. */
  readonly queues: readonly { readonly queue: string; readonly failures: number }[]
}

/** Which groups `failures.list` returns. */
export interface FailureQuery {
  /** The last failure first, the most failures in 24 hours, or the group that was first seen last. Default: `'last'`. */
  readonly order?: 'last' | 'most' | 'new' | undefined
  readonly state?: FailureState | undefined
  /** The name of the job. */
  readonly name?: string | undefined
  readonly kind?: AttemptErrorKind | undefined
  /** Groups whose first or last version this is. */
  readonly version?: string | undefined
  /** 1 to 200. Default: 50. */
  readonly limit?: number | undefined
  /** `next` of the page before. Default: the first page. */
  readonly cursor?: string | undefined
}

/** A page of groups. */
export interface FailurePage {
  readonly items: readonly FailureGroup[]
  /** The cursor of the next page; null: there is none. */
  readonly next: string | null
}

/** How many groups are in each state, and how many of the open ones are new. */
export interface FailureCounts extends Readonly<Record<FailureState, number>> {
  readonly new: number
}
