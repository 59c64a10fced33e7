import {
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

const spreadShape = object({
  count: integer(),
  sum: number(),
  max: number(),
  p50: nullable(number()),
  p95: nullable(number()),
  p99: nullable(number()),
  p999: nullable(number()),
})
export type WireSpread = Infer<typeof spreadShape>

const pointShape = named(
  'MetricsPoint',
  object({
    started: integer(),
    succeeded: integer(),
    failed: integer(),
    retried: integer(),
    crashed: integer(),
    cancelled: integer(),
    snoozed: integer(),
    released: integer(),
    waitMs: spreadShape,
    runMs: spreadShape,
    cpuMs: spreadShape,
  }),
)
export type WireMetricsPoint = Infer<typeof pointShape>

/** At most 8 series of at most 400 points. */
export const seriesListShape = named(
  'SeriesList',
  object({
    /** When the first point begins. */
    from: time(),
    to: time(),
    /** The length of a point. */
    stepMs: integer(),
    series: list(
      object({
        /** As it was asked for: `all`, `queue:mail`, `name:digest`. */
        key: text(),
        kind: oneOf(['all', 'queue', 'name']),
        name: nullable(text()),
        /** One a step from `from` on; null: no attempt ended in it, or no worker wrote. */
        points: list(nullable(pointShape)),
      }),
    ),
  }),
)
export type WireSeriesList = Infer<typeof seriesListShape>
