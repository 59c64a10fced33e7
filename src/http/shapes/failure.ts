import {
  flag,
  type Infer,
  integer,
  list,
  named,
  nullable,
  object,
  oneOf,
  optional,
  text,
  time,
} from '../schema.ts'
import { page } from './page.ts'

const fields = {
  fingerprint: text(),
  /** The name of the jobs. */
  name: text(),
  kind: text(),
  error: text({ allowEmpty: true }),
  message: text({ allowEmpty: true }),
  state: oneOf(['open', 'muted', 'resolved']),
  /** First seen within a day, or since the newest version. */
  isNew: flag(),
  /** How often it came again after it was resolved. */
  again: integer(),
  total: integer(),
  firstAt: time(),
  lastAt: time(),
  firstVersion: nullable(text()),
  lastVersion: nullable(text()),
  /** Failures an hour, the oldest first; an hour without one is left out. */
  hours: list(object({ at: time(), count: integer() })),
}

/** Failures that are alike. */
export const failureShape = named('Failure', object(fields))
export type WireFailure = Infer<typeof failureShape>
export const failurePageShape = named('FailurePage', page(failureShape))

export const failureDetailShape = named(
  'FailureDetail',
  object({
    ...fields,
    frames: list(text({ allowEmpty: true })),
    /** Ids of jobs that failed so, the newest first. */
    samples: list(text()),
    queues: list(object({ queue: text(), count: integer() })),
    note: nullable(text()),
    stateBy: nullable(text()),
    stateAt: nullable(time()),
  }),
)
export type WireFailureDetail = Infer<typeof failureDetailShape>

export const failureActionShape = named(
  'FailureAction',
  object({
    note: optional(text({ maxBytes: 1_000 })),
    reason: optional(text({ maxBytes: 1_000 })),
  }),
)
