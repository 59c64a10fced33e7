import {
  flag,
  type Infer,
  instant,
  integer,
  list,
  named,
  nullable,
  number,
  object,
  oneOf,
  optional,
  text,
  time,
} from '../schema.ts'

/** A queue, declared or only used by jobs. */
export const queueShape = named(
  'Queue',
  object({
    name: text(),
    /** `undeclared`: it has jobs and no row. */
    state: oneOf(['active', 'paused', 'undeclared']),
    resumeAt: nullable(time()),
    /** Null: the default of its executor. */
    concurrency: nullable(integer()),
    executor: nullable(oneOf(['inline', 'process', 'thread'])),
    executorOptions: object({
      maximumJobsPerChild: nullable(integer()),
      killAfterMs: nullable(number()),
    }),
    tags: list(text()),
    pollingIntervalMs: nullable(number()),
    rateLimit: nullable(object({ max: integer(), perMs: number() })),
    /** As they were last counted; null: they were not. */
    counts: nullable(
      object({
        waiting: integer(),
        running: integer(),
        scheduled: integer(),
        blocked: integer(),
        /** Whether one is over what is counted every few seconds. */
        isEstimate: flag(),
        ageMs: nullable(number()),
      }),
    ),
    /** How long the oldest job that could run waits; null: none does. */
    oldestMs: nullable(number()),
    /** Attempts that ended in the last minute that all processes have written; null: it is not known. */
    rates: nullable(
      object({
        startedPerSecond: number(),
        succeeded: integer(),
        failed: integer(),
        retried: integer(),
        crashed: integer(),
        cancelled: integer(),
        snoozed: integer(),
        released: integer(),
      }),
    ),
    /** Living workers that run it. */
    workers: integer(),
    /**
     * When it is empty, or how it grows, by the counts of the last minutes that this process has read; both null: it
     * stays as it is. Null: it is not known yet.
     */
    forecast: nullable(object({ drainMs: nullable(number()), growsPerSecond: nullable(number()) })),
  }),
)
export type WireQueue = Infer<typeof queueShape>

export const queueListShape = named('QueueList', object({ items: list(queueShape) }))
export type WireQueueList = Infer<typeof queueListShape>

const optionFields = {
  concurrency: optional(nullable(integer({ min: 1, max: 10_000 }))),
  executor: optional(oneOf(['inline', 'process', 'thread'])),
  executorOptions: optional(
    object({
      maximumJobsPerChild: optional(integer({ min: 0 })),
      killAfterMs: optional(integer({ min: 0 })),
    }),
  ),
  tags: optional(list(text({ maxBytes: 200 }), { max: 100 })),
  pollingIntervalMs: optional(integer({ min: 10, max: 86_400_000 })),
  rateLimit: optional(nullable(object({ max: integer({ min: 1 }), perMs: integer({ min: 1 }) }))),
  reason: optional(text({ maxBytes: 1_000 })),
}

/** Of `PUT`: the whole declaration, what is left out has its default. Of `PATCH`: what changes. */
export const queueOptionsShape = named('QueueOptions', object(optionFields))
export type WireQueueOptions = Infer<typeof queueOptionsShape>

export const pauseShape = named(
  'Pause',
  object({ resumeAt: optional(instant()), reason: optional(text({ maxBytes: 1_000 })) }),
)
/** What a pause is sent as: `resumeAt` is text in ISO 8601. */
export interface WirePause {
  readonly resumeAt?: string
  readonly reason?: string
}
