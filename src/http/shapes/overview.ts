import {
  flag,
  type Infer,
  integer,
  list,
  named,
  nullable,
  number,
  object,
  oneOf,
  text,
  time,
} from '../schema.ts'
import { auditEntryShape } from './audit.ts'
import { failureShape } from './failure.ts'
import { queueShape } from './queue.ts'

/** What needs a hand, with the page that it is about. */
export const findingShape = named(
  'Finding',
  object({
    kind: oneOf([
      'queue-without-worker',
      'queue-paused',
      'queue-undeclared',
      'queue-failing',
      'queue-waiting-long',
      'lease-doubted',
      'old-transaction',
      'no-worker',
      'versions-mixed',
      'failure-new',
    ]),
    level: oneOf(['warning', 'error']),
    /** The queue, the worker or the fingerprint that it is about; null: the whole. */
    subject: nullable(text()),
    text: text(),
    /** Since when; null: it is not known. */
    since: nullable(time()),
  }),
)
export type WireFinding = Infer<typeof findingShape>

/** The state of the topic `overview`. */
export const overviewShape = named(
  'Overview',
  object({
    serverTime: time(),
    totals: object({
      waiting: integer(),
      running: integer(),
      /** Of all living workers; null: they say none. */
      slots: nullable(integer()),
      scheduled: integer(),
      blocked: integer(),
      isEstimate: flag(),
      /** How old the counts are; null: nothing was counted. */
      ageMs: nullable(number()),
      donePerSecond: nullable(number()),
      /** Of the attempts of the last minute, from 0 to 1; null: none ended. */
      failingRatio: nullable(number()),
      oldestMs: nullable(number()),
      oldestQueue: nullable(text()),
      workers: integer(),
      leader: nullable(text()),
    }),
    findings: list(findingShape),
    queues: list(queueShape),
    /** The newest ones; null: the plugin is not there. */
    failures: nullable(list(failureShape)),
    /** The last ones; null: they may not be viewed. */
    actions: nullable(list(auditEntryShape)),
    /** Whether the plugin of metrics is there, without which there are no counts and no rates. */
    hasMetrics: flag(),
  }),
)
export type WireOverview = Infer<typeof overviewShape>
