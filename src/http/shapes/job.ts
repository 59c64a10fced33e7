import { JOB_STATES } from '../../core/queued-job.ts'
import {
  flag,
  type Infer,
  integer,
  list,
  literal,
  named,
  nullable,
  number,
  object,
  oneOf,
  text,
  time,
  variants,
} from '../schema.ts'
import { cutShape, page } from './page.ts'

export const stateShape = oneOf(JOB_STATES)

export const usageShape = object({
  wallMs: number(),
  cpuMs: nullable(number()),
  peakBytes: nullable(number()),
})
export type WireUsage = Infer<typeof usageShape>

const limitShape = variants([
  object({ kind: literal('memory'), bytes: number() }),
  object({ kind: literal('time'), ms: number() }),
])

const fields = {
  id: text({ format: 'uuid' }),
  name: text(),
  queue: text(),
  state: stateShape,
  priority: integer(),
  attempts: integer(),
  maxAttempts: nullable(integer()),
  createdAt: time(),
  /** What the push asked for. */
  scheduledAt: nullable(time()),
  startedAt: nullable(time()),
  finishedAt: nullable(time()),
  uniqueKey: nullable(text()),
  /** The group of the concurrency limit. */
  group: nullable(text()),
  workerId: nullable(text()),
  /** The fingerprint of its last failure, by which failures are grouped. */
  fingerprint: nullable(text()),
  /** The key of the schedule that pushed it. */
  schedule: nullable(text()),
  usage: nullable(usageShape),
}

/** A job of a list. */
export const jobRowShape = named(
  'JobRow',
  object({
    ...fields,
    args: cutShape,
    meta: cutShape,
    /** How its last failed attempt ended, without a stack. */
    lastError: nullable(
      object({
        kind: text(),
        name: text({ allowEmpty: true }),
        message: text({ allowEmpty: true }),
      }),
    ),
  }),
)
export type WireJobRow = Infer<typeof jobRowShape>
export const jobPageShape = named('JobPage', page(jobRowShape))

export const attemptErrorShape = named(
  'AttemptError',
  object({
    attempt: integer(),
    at: time(),
    kind: text(),
    name: text({ allowEmpty: true }),
    message: text({ allowEmpty: true }),
    stack: nullable(text({ allowEmpty: true })),
    usage: nullable(usageShape),
  }),
)
export type WireAttemptError = Infer<typeof attemptErrorShape>

/** One job, each of its parts cut to 16 KiB. */
export const jobShape = named(
  'Job',
  object({
    ...fields,
    args: cutShape,
    meta: cutShape,
    result: nullable(cutShape),
    progress: nullable(cutShape),
    /** What a durable job has set; null where it is none. */
    values: nullable(cutShape),
    /** The newest failed attempts, in their order, of `total`. */
    errors: object({
      items: list(attemptErrorShape),
      total: integer(),
      bytes: integer(),
      isCut: flag(),
    }),
    limits: nullable(list(limitShape)),
    waitsFor: nullable(
      list(
        object({
          kind: oneOf(['sleep', 'signal', 'job']),
          name: text({ allowEmpty: true }),
          signals: list(text()),
          until: nullable(time()),
        }),
      ),
    ),
    /** From the option `links`, with the values of this job. */
    links: list(object({ label: text(), href: text() })),
  }),
)
export type WireJob = Infer<typeof jobShape>

export const verdictShape = named(
  'JobVerdict',
  object({
    /** `requested`: it runs, and is asked to stop. */
    verdict: oneOf(['cancelled', 'requested', 'finished', 'retried', 'edited', 'deleted', 'moved']),
    /** As it is now; null: it is gone. */
    job: nullable(jobShape),
  }),
)
export type WireJobVerdict = Infer<typeof verdictShape>

export const jobCountShape = named(
  'JobCount',
  object({ jobs: integer(), more: flag(), reached: nullable(time()) }),
)
export type WireJobCount = Infer<typeof jobCountShape>

export const suggestionsShape = named(
  'Suggestions',
  object({
    /** What may stand at the place. */
    items: list(
      object({
        /** It takes the place of the characters from `at` to `end`. */
        text: text(),
        at: integer(),
        end: integer(),
        kind: oneOf(['key', 'value']),
        about: nullable(text()),
      }),
    ),
    mistakes: list(object({ at: integer(), end: integer(), message: text() })),
  }),
)
export type WireSuggestions = Infer<typeof suggestionsShape>
