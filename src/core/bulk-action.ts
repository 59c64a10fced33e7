import type { ActionOptions, Actor } from './action-options.ts'
import type { Duration } from './duration.ts'
import type { JobState, QueuedJob } from './queued-job.ts'
import type { JobId } from './reference.ts'

export const BULK_VERBS = ['cancel', 'retry', 'delete', 'run-now', 'reprioritise', 'move'] as const
/** What a bulk action does with each of its jobs. */
export type BulkVerb = (typeof BULK_VERBS)[number]

export const BULK_STATES = ['waiting', 'running', 'paused', 'done', 'stopped'] as const
/** `waiting`: its undo window has not passed, so it has not begun. */
/** Where a bulk action is. */
export type BulkState = (typeof BULK_STATES)[number]

/** What to do, with which jobs. */
export interface BulkRequest {
  readonly action: BulkVerb
  /** A filter, such as `state:failed queue:mail`. Either this or `ids`. */
  readonly where?: string | undefined
  /** Up to 1,000 jobs. */
  readonly ids?: Iterable<JobId> | undefined
  /** The new priority of `reprioritise`. */
  readonly priority?: number | undefined
  /** The new queue of `move`. */
  readonly queue?: string | undefined
  /** Allows a filter without state, queue, name, failure and group. Default: false. */
  readonly everything?: boolean | undefined
  /** Only jobs of queues that fit one of these patterns, such as `mail*`. Default: all. */
  readonly queues?: readonly string[] | undefined
}

/** Options of `bulk.start`. */
export interface BulkStartOptions extends ActionOptions {
  /** Jobs a second, 1 to 2,000. Default: 100. */
  readonly ratePerSecond?: number | undefined
  /** How long `delete` waits before it begins: up to an hour. Default: `'30s'`. */
  readonly undoWindow?: Duration | undefined
}

/** What a bulk action would do. */
export interface BulkPreview {
  readonly action: BulkVerb
  /** The filter as understood, with its times as dates; null: of ids. */
  readonly filter: string | null
  readonly jobs: number
  /** Whether there are more than were counted, to 10,000 or for 150 ms. */
  readonly hasMore: boolean
  /** Up to five of them. */
  readonly samples: readonly QueuedJob[]
  /** By state: how many of the counted jobs, and what would become of them. */
  readonly states: readonly {
    readonly state: JobState
    readonly jobs: number
    readonly what: string
    readonly isSkipped: boolean
  }[]
  /** How long it takes at the rate, in milliseconds; of what was counted. */
  readonly takesMs: number
  /** What can be taken back, a sentence. */
  readonly undo: string
  readonly canUndo: boolean
}

/** A bulk action as it is now. */
export interface BulkAction {
  /** UUID of version 7. */
  readonly id: string
  readonly action: BulkVerb | 'undo'
  /** The filter as it was frozen; null: of ids, or an undo. */
  readonly filter: string | null
  /** How many ids it was given; null: a filter. */
  readonly ids: number | null
  readonly priority: number | null
  readonly queue: string | null
  readonly reason: string | null
  readonly actor: Actor | null
  readonly state: BulkState
  readonly ratePerSecond: number
  /** Jobs that were changed. */
  readonly done: number
  /** Jobs that stay as they are: their state did not allow it, or they are so already. */
  readonly skipped: number
  /** Jobs that were refused with an error. */
  readonly failed: number
  /** Why jobs were skipped or refused: how many by each code. */
  readonly reasons: Readonly<Record<string, number>>
  readonly createdAt: Date
  /** When it begins, after its undo window. */
  readonly startsAt: Date
  readonly finishedAt: Date | null
  /** Until when it can be undone; null: it cannot. */
  readonly undoUntil: Date | null
  /** The action that it undoes. */
  readonly undoOf: string | null
  /** The action that undid it. */
  readonly undoneBy: string | null
}

/** Which bulk actions `bulk.list` returns, the newest first. */
export interface BulkQuery {
  readonly state?: BulkState | undefined
  /** 1 to 200. Default: 50. */
  readonly limit?: number | undefined
  /** `next` of the page before. Default: the first page. */
  readonly cursor?: string | undefined
}

/** A page of bulk actions. */
export interface BulkPage {
  readonly items: readonly BulkAction[]
  /** The cursor of the next page; null: there is none. */
  readonly next: string | null
}
