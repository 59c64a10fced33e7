import type { Names } from '../names.ts'
import { type Statement, statement } from '../statement.ts'

type Sweep = Statement<readonly [maxRows: number], { readonly removed: number }>

/** A push may lock a row to take its key again: what is locked is left to the next pass. */
const sweep =
  (table: string) =>
  (t: Names): string =>
    `
    WITH gone AS (
      DELETE FROM ${t.own(table)} k
       WHERE k.ctid = ANY (ARRAY(
               SELECT o.ctid
                 FROM ${t.own(table)} o
                WHERE o.until <= ${t.fn('now')}()
                ORDER BY o.until
                LIMIT $1::int
                  FOR UPDATE SKIP LOCKED))
      RETURNING 1
    )
    SELECT pg_catalog.count(*)::int AS removed FROM gone`

/** Throttles that have passed. */
export const sweepThrottles: Sweep = statement('sweep_throttles', sweep('key_throttles'))

/** Pushes that are not sent again any more. */
export const sweepReplacements: Sweep = statement('sweep_replacements', sweep('key_replacements'))
