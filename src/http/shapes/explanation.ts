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
import { stateShape } from './job.ts'
import { countShape } from './page.ts'

const reasonShape = variants([
  object({ kind: literal('scheduled'), at: time() }),
  object({ kind: literal('backoff'), until: time() }),
  object({ kind: literal('queue-paused'), queue: text(), resumeAt: nullable(time()) }),
  object({ kind: literal('queue-undeclared'), queue: text() }),
  object({
    kind: literal('no-worker'),
    queue: text(),
    tags: list(text()),
    refusals: list(text()),
  }),
  object({
    kind: literal('workers-paused'),
    queue: text(),
    workers: list(object({ id: text(), label: nullable(text()) })),
    hasMore: flag(),
  }),
  object({ kind: literal('function-unknown'), name: text() }),
  object({
    kind: literal('concurrency'),
    group: text(),
    max: integer(),
    running: integer(),
    holders: list(text()),
  }),
  object({ kind: literal('rate-limit'), max: integer(), perMs: number(), nextStart: time() }),
  object({
    kind: literal('dependency'),
    workflow: text(),
    waitsFor: list(object({ step: text(), job: nullable(text()), state: text() })),
    hasMore: flag(),
  }),
  object({
    kind: literal('batch'),
    batch: text(),
    total: integer(),
    open: integer(),
    isPushing: flag(),
  }),
  object({ kind: literal('signal'), signals: list(text()), until: nullable(time()) }),
  object({ kind: literal('job'), step: text({ allowEmpty: true }) }),
  object({ kind: literal('behind'), ahead: integer(), hasMore: flag() }),
])
export type WireWaitReason = Infer<typeof reasonShape>

/** Why a job is not running. */
export const explanationShape = named(
  'Explanation',
  object({
    state: stateShape,
    runnable: flag(),
    reasons: list(reasonShape),
    earliestStart: nullable(time()),
  }),
)
export type WireExplanation = Infer<typeof explanationShape>

/** The waiting jobs of a queue by what keeps them. */
export const queueExplanationShape = named(
  'QueueExplanation',
  object({
    queue: text(),
    state: oneOf(['active', 'paused', 'undeclared']),
    counts: object({
      ready: countShape,
      'queue-paused': countShape,
      'queue-undeclared': countShape,
      'no-worker': countShape,
      'workers-paused': countShape,
      'rate-limit': countShape,
      scheduled: countShape,
      backoff: countShape,
      dependency: countShape,
      durable: countShape,
      concurrency: countShape,
      'function-unknown': countShape,
      running: countShape,
    }),
  }),
)
export type WireQueueExplanation = Infer<typeof queueExplanationShape>
