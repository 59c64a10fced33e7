import type { PushRow } from '../core/push-row.ts'
import { plainArray, textArray } from '../database/array-literal.ts'
import { BLOCK } from '../database/places.ts'
import { type ClaimRequest, claimValues } from '../database/statements/jobs.ts'
import type {
  PushAlikeValues,
  PushAndClaimValues,
  PushValues,
} from '../database/statements/push.ts'

export interface PushMode {
  /** An earlier try may have been committed. */
  readonly again: boolean
  /** How long to wait for a unique key that an open transaction holds; 0: as the session says. */
  readonly lockMs: number
  readonly payloads: readonly string[]
  /** Places drawn for these rows in the same transaction (an array literal), or null. */
  readonly bases: string | null
}

/** Rows as the parameters of `push_jobs`. Whole arrays are left out where no row needs them. */
export function pushValues(rows: readonly PushRow[], mode: PushMode): PushValues {
  const some = (has: (row: PushRow) => boolean): boolean => rows.some(has)
  return [
    ...everyRows(rows),
    some((row) => row.scheduledAtMs !== null)
      ? plainArray(rows.map((row) => row.scheduledAtMs))
      : null,
    some((row) => row.delayMs !== null) ? plainArray(rows.map((row) => row.delayMs)) : null,
    some((row) => row.uniqueKey !== null) ? textArray(rows.map((row) => row.uniqueKey)) : null,
    rests(rows),
    mode.again,
    mode.lockMs,
    payloadsOf(mode),
    mode.bases,
  ]
}

/** Rows as the parameters of `push_alike`; null where that is not for them. */
export function alikeValues(rows: readonly PushRow[], mode: PushMode): PushAlikeValues | null {
  const [first] = rows
  if (first === undefined || mode.again || (mode.bases === null && rows.length > BLOCK)) return null
  const isAlike = rows.every(
    (row) =>
      row.queue === first.queue &&
      row.name === first.name &&
      row.priority === first.priority &&
      row.maxAttempts === first.maxAttempts &&
      row.scheduledAtMs === null &&
      row.delayMs === null &&
      row.uniqueKey === null &&
      row.rest === null,
  )
  if (!isAlike) return null
  return [
    plainArray(rows.map((row) => row.id)),
    first.queue,
    first.name,
    textArray(rows.map((row) => row.args)),
    first.priority,
    first.maxAttempts,
    mode.bases,
    payloadsOf(mode),
  ]
}

/** Ordinary rows as the parameters of `push_and_claim`. The claim is as durable as the push. */
export function pushAndClaimValues(
  rows: readonly PushRow[],
  payloads: readonly string[],
  claim: ClaimRequest,
): PushAndClaimValues {
  return [
    ...everyRows(rows),
    rests(rows),
    payloads.length > 0 ? textArray(payloads) : null,
    ...claimValues(claim, true),
  ]
}

/** What every row has. */
function everyRows(rows: readonly PushRow[]) {
  return [
    plainArray(rows.map((row) => row.id)),
    textArray(rows.map((row) => row.queue)),
    textArray(rows.map((row) => row.name)),
    textArray(rows.map((row) => row.args)),
    plainArray(rows.map((row) => row.priority)),
    plainArray(rows.map((row) => row.maxAttempts)),
  ] as const
}

function payloadsOf({ payloads }: PushMode): string | null {
  return payloads.length > 0 ? textArray(payloads) : null
}

function rests(rows: readonly PushRow[]): string | null {
  return rows.some((row) => row.rest !== null) ? textArray(rows.map((row) => row.rest)) : null
}
