import {
  type Infer,
  integer,
  list,
  named,
  nullable,
  number,
  object,
  text,
  time,
} from '../schema.ts'
import { countShape, page } from './page.ts'

/** Jobs that share a concurrency limit. */
export const groupShape = named(
  'Group',
  object({
    key: text(),
    running: integer(),
    /** The limit in use; null: no job of it says one. */
    max: nullable(integer()),
    blocked: countShape,
    /** How long the holder that started first has been running; null: none does. */
    heldLongestMs: nullable(number()),
    /** The first that started first: up to 3 in a list, up to 100 of one group. */
    holders: list(
      object({
        id: text(),
        name: text(),
        queue: text(),
        workerId: nullable(text()),
        startedAt: nullable(time()),
      }),
    ),
  }),
)
export type WireGroup = Infer<typeof groupShape>
export const groupPageShape = named('GroupPage', page(groupShape))
