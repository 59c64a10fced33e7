import { BULK_STATES, BULK_VERBS } from '../../core/bulk-action.ts'
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
  optional,
  record,
  text,
  time,
} from '../schema.ts'
import { actorShape } from './audit.ts'
import { jobRowShape } from './job.ts'
import { page } from './page.ts'

/** What starts a bulk action, and what a preview takes. */
export const bulkRequestShape = named(
  'BulkRequest',
  object({
    action: oneOf(BULK_VERBS),
    filter: optional(text({ maxBytes: 4_096 })),
    ids: optional(list(text(), { max: 1_000 })),
    /** `{ priority }` of `reprioritise`, `{ queue }` of `move`. */
    args: optional(
      object({ priority: optional(integer()), queue: optional(text({ maxBytes: 200 })) }),
    ),
    reason: optional(text({ maxBytes: 1_000 })),
    ratePerSecond: optional(integer({ min: 1, max: 2_000 })),
    undoWindowMs: optional(integer({ min: 0, max: 3_600_000 })),
    everything: optional(flag()),
  }),
)
export type WireBulkRequest = Infer<typeof bulkRequestShape>

export const bulkPreviewShape = named(
  'BulkPreview',
  object({
    action: oneOf(BULK_VERBS),
    /** The filter as understood: relative times have become dates. */
    filter: nullable(text()),
    jobs: integer(),
    more: flag(),
    samples: list(jobRowShape),
    /** By state, what would become of the counted jobs. */
    states: list(object({ state: text(), jobs: integer(), what: text(), isSkipped: flag() })),
    /** How long it takes at the rate, of what was counted. */
    takesMs: number(),
    /** What can be taken back, a sentence. */
    undo: text(),
    canUndo: flag(),
  }),
)
export type WireBulkPreview = Infer<typeof bulkPreviewShape>

export const bulkShape = named(
  'Bulk',
  object({
    id: text(),
    action: oneOf([...BULK_VERBS, 'undo']),
    /** As it was frozen; null: of ids, or an undo. */
    filter: nullable(text()),
    /** How many ids; null: a filter. */
    ids: nullable(integer()),
    priority: nullable(integer()),
    queue: nullable(text()),
    reason: nullable(text()),
    actor: nullable(actorShape),
    /** `waiting`: its undo window has not passed. */
    state: oneOf(BULK_STATES),
    ratePerSecond: integer(),
    done: integer(),
    skipped: integer(),
    failed: integer(),
    /** Why jobs were skipped or failed: how many by each code. */
    reasons: record(integer()),
    createdAt: time(),
    startsAt: time(),
    finishedAt: nullable(time()),
    undoUntil: nullable(time()),
    undoOf: nullable(text()),
    undoneBy: nullable(text()),
  }),
)
export type WireBulk = Infer<typeof bulkShape>
export const bulkPageShape = named('BulkPage', page(bulkShape))

export const bulkRateShape = named(
  'BulkRate',
  object({
    ratePerSecond: integer({ min: 1, max: 2_000 }),
    reason: optional(text({ maxBytes: 1_000 })),
  }),
)
