import type { ActionOptions } from '../../core/action-options.ts'
import type { JobFilter } from '../../core/filter/job-filter.ts'
import type { FilterMistake } from '../../core/filter/mistake.ts'
import type { QueuedJob } from '../../core/queued-job.ts'

/** A filter as a text, such as `'state:failed queue:mail'`, or as a value. */
export type FilterGiven = string | JobFilter

/** The order of found jobs. */
export type FindOrder = 'newest' | 'ended' | 'line' | 'due'

/** The parts of a job that are JSON. */
export type JobPart = 'args' | 'result' | 'meta' | 'progress' | 'errors'

/** What a caller may see. */
export interface JobScope {
  /** Patterns of the queues whose jobs are seen: `mail`, `mail*`. Default: all. */
  readonly queues?: readonly string[] | undefined
  /**
   * Paths in args and meta that no filter may name: `args.customer.*.email`, `**.password`. `*` is any one field, `**`
   * any number of them. Default: none.
   */
  readonly masked?: readonly string[] | undefined
}

/** How a filter is understood. */
export interface FilterOptions {
  /** The zone of days and of times without an offset. Default: `'UTC'`. */
  readonly timeZone?: string | undefined
  /** Default: everything. */
  readonly scope?: JobScope | undefined
  /** How long a search may take, in milliseconds: 1 to 10,000. Default: 150. */
  readonly searchMs?: number | undefined
}

/** Options of `findJobs`. */
export interface FindOptions extends FilterOptions {
  /**
   * `newest`: by creation. `ended`: failed and cancelled jobs, the last one to end first. `line`: the ready jobs of one
   * queue, as they will start. `due`: jobs that wait for their time, the next one first. Default: `ended` for a filter
   * that lets only failed or cancelled jobs through, else `newest`.
   */
  readonly order?: FindOrder | undefined
  /** 1 to 1,000. Default: 50. */
  readonly limit?: number | undefined
  /** `next` of the page before. Default: the first page. */
  readonly cursor?: string | null | undefined
  /** Parts of a job that are larger, in bytes, are left out: null, with their sizes in `omitted`. Default: none is. */
  readonly maxPartBytes?: number | undefined
}

/** A found job. */
export type FoundJob = QueuedJob & {
  /** The sizes in bytes of the parts that were left out as too large; absent where none was. */
  readonly omitted?: Readonly<Partial<Record<JobPart, number>>>
}

/** A page of `findJobs`. */
export interface FoundJobs {
  readonly items: readonly FoundJob[]
  /** The cursor of the next page, or null at the end. */
  readonly next: string | null
  /** False: the search stopped after its time, with fewer jobs than there may be; `next` continues it. */
  readonly complete: boolean
  /** The time back to which it has searched, by creation; null where all was read. */
  readonly reached: Date | null
}

/** What `countJobs` returns. */
export interface JobCount {
  /** At most 10,000. */
  readonly jobs: number
  /** Whether there are or may be more. */
  readonly more: boolean
  /** The time back to which it has counted, by creation; null where all was read. */
  readonly reached: Date | null
}

/** One suggestion for a place in the text of a filter. */
export interface FilterSuggestion {
  /** What replaces the text from `at` to `end`. */
  readonly text: string
  readonly at: number
  readonly end: number
  readonly kind: 'key' | 'value'
  /** What it is, for the eye, or null. */
  readonly about: string | null
}

/** What `suggestFilter` returns. */
export interface FilterSuggestions {
  readonly suggestions: readonly FilterSuggestion[]
  readonly mistakes: readonly FilterMistake[]
}

/** What `editJob` changes in a job that waits. What is not named stays. */
export interface JobChange {
  readonly priority?: number | undefined
  readonly queue?: string | undefined
  /** Null: it waits for no time any longer. */
  readonly scheduledAt?: Date | null | undefined
  /** At least the attempts begun. */
  readonly maxAttempts?: number | undefined
  readonly args?: Readonly<Record<string, unknown>> | undefined
  readonly meta?: Readonly<Record<string, unknown>> | undefined
}

/** Options of `editJob`. */
export interface EditOptions extends ActionOptions {
  /** `jobVersion` of the job as it was read: it is changed only if it still is so. Default: whatever it is. */
  readonly ifMatch?: string | undefined
}
