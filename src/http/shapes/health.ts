import { type Infer, named, nullable, object, oneOf, text } from '../schema.ts'

const checkShape = object({
  status: oneOf(['ok', 'degraded', 'down']),
  /** Null: it is not shown to who may not view. */
  detail: nullable(text()),
})

export const healthShape = named(
  'Health',
  object({
    status: oneOf(['ok', 'degraded', 'down']),
    checks: object({
      database: checkShape,
      schema: checkShape,
      workers: checkShape,
      listener: checkShape,
    }),
  }),
)
export type WireHealth = Infer<typeof healthShape>
