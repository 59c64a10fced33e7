import type { PassContext } from '../../plugin/index.ts'
import type { Settings } from './settings.ts'
import {
  removeLive,
  removePoints,
  removeQueueCounts,
  removeSeries,
  rollUp,
} from './statements/writing.ts'

/** Flushes a statement. */
const BATCH = 200
/** A roll-up takes at most this part of the time, as long as it comes once a minute. */
const SHARE = 0.02
const MOST_MS = 60_000
/** How long one statement may take, in milliseconds. */
const DEADLINE_MS = 30_000

/** Adds the flushes of all processes to the points. Two leaders take different ones. */
export async function rollUpPass(context: PassContext, settings: Settings): Promise<number> {
  const { database, clock, signal } = context
  const startedAt = clock.monotonic()
  let taken = BATCH
  while (taken === BATCH && !signal.aborted) {
    const values = [BATCH, settings.series] as const
    const [row] = await database.run(rollUp, values, { deadlineMs: DEADLINE_MS })
    taken = row?.taken ?? 0
  }
  const tookMs = clock.monotonic() - startedAt
  return Math.min(MOST_MS, Math.max(settings.flushMs, tookMs / SHARE))
}

/** Removes at most `limit` rows of what is kept no longer. */
export async function cleanUp(
  { database }: Pick<PassContext, 'database'>,
  { steps }: Settings,
  limit: number,
): Promise<number> {
  let left = limit
  const count = async (rows: Promise<{ readonly removed: number }[]>): Promise<void> => {
    left -= (await rows)[0]?.removed ?? 0
  }
  const [shortest, ...others] = steps
  await count(database.run(removeLive, [shortest?.keepMs ?? 0, left]))
  for (const { ms, keepMs } of others)
    if (left > 0) await count(database.run(removePoints, [ms / 1_000, keepMs, left]))
  // A series whose last point is gone was used before the longest of these.
  const longestMs = Math.max(...others.map(({ keepMs }) => keepMs))
  if (left > 0) await count(database.run(removeSeries, [longestMs, left]))
  if (left > 0) await count(database.run(removeQueueCounts, [left]))
  return limit - left
}
