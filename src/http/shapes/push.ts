import {
  flag,
  type Infer,
  instant,
  integer,
  json,
  list,
  named,
  nullable,
  object,
  optional,
  text,
} from '../schema.ts'
import { jobShape } from './job.ts'

const fields = {
  name: text({ maxBytes: 200 }),
  args: optional(json()),
  queue: optional(text({ maxBytes: 200 })),
  priority: optional(integer()),
  maxAttempts: optional(integer({ min: 1 })),
  scheduledAt: optional(instant()),
  delayMs: optional(integer({ min: 0 })),
  uniqueKey: optional(text({ maxBytes: 1_000 })),
  meta: optional(json()),
}

/** With `id`, a UUID of version 7 of the last ten minutes, a job is pushed once however often that is tried. */
export const pushShape = named('Push', object({ ...fields, id: optional(text({ maxBytes: 36 })) }))
/** A line of a batch. */
export const pushLineShape = object(fields)
export type PushFields = Infer<typeof pushShape>
/** What a push is sent as: `scheduledAt` is text in ISO 8601. */
export type WirePush = Omit<PushFields, 'scheduledAt'> & { readonly scheduledAt?: string }

/** `created` is false where a job with the unique key, or the id, was there. */
export const pushedShape = named(
  'Pushed',
  object({
    id: text(),
    created: flag(),
    /** As it is at the end of `?wait=`; null: nothing was waited for. */
    job: nullable(jobShape),
  }),
)
export type WirePushed = Infer<typeof pushedShape>

export const pushedBatchShape = named(
  'PushedBatch',
  object({ items: list(object({ id: text(), created: flag() })) }),
)
export type WirePushedBatch = Infer<typeof pushedBatchShape>
