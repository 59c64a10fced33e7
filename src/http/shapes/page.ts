import {
  flag,
  type Infer,
  integer,
  list,
  nullable,
  object,
  type Schema,
  text,
  time,
} from '../schema.ts'

/** A page of a list: `next` is the cursor of the following one, or null at the end. */
export interface WirePage<T> {
  readonly items: readonly T[]
  readonly next: string | null
  /** Whether everything that fits was looked through as far as `next`. */
  readonly complete: boolean
  /** How far back a search has come; null where nothing had to be searched. */
  readonly reached: string | null
}

export function page<T>(of: Schema<T>): Schema<WirePage<T>> {
  return object({
    items: list(of),
    next: nullable(text()),
    complete: flag(),
    reached: nullable(time()),
  })
}

/** A number of jobs, counted to a bound: `more` when there are further ones. */
export const countShape = object({ jobs: integer({ min: 0 }), more: flag() })
export type WireCount = Infer<typeof countShape>

/** JSON of the database as text, cut to a size: numbers keep their digits. `bytes` is the size of the whole. */
export const cutShape = object({
  json: text({ allowEmpty: true }),
  bytes: integer({ min: 0 }),
  isCut: flag(),
})
export type WireCut = Infer<typeof cutShape>
