import type { PassContext } from '../../plugin/access/plugin-access.ts'
import { FIRE_LOOP } from './access.ts'
import { planTick } from './catch-up.ts'
import { readPolicy } from './policy.ts'
import { type FutureRow, findFuture, moveNext } from './statements/firing.ts'
import { readTiming } from './stored-timing.ts'

const PAGE = 1_000

/**
 * Computes the next ticks that are to come once more. The zone data of this worker may be newer than that of the one
 * that computed them. What is due already stays.
 */
export async function recompute({ database, signal, wake }: PassContext): Promise<number> {
  let count = 0
  let after = ''
  for (;;) {
    const rows = await database.run(findFuture, [after, PAGE])
    const moves = rows.flatMap(moveOf)
    if (moves.length > 0) count += (await database.run(moveNext, [JSON.stringify(moves)])).length
    after = rows.at(-1)?.key ?? ''
    if (rows.length < PAGE || signal.aborted) break
  }
  // The loop that fires sleeps as a worker that does not lead, until now.
  await wake(FIRE_LOOP)
  return count
}

interface Move {
  readonly key: string
  readonly version: number
  readonly next_ms: number | null
  readonly due_ms: number | null
}

function moveOf(row: FutureRow): Move[] {
  try {
    const timing = readTiming(JSON.parse(row.timing))
    const { jitter } = readPolicy(JSON.parse(row.policy))
    const { key, version, now_ms, passed_ms, resume_ms } = row
    const from = Math.max(now_ms, passed_ms ?? 0, (resume_ms ?? 0) - 1)
    const next = planTick({ key, timing, jitterMs: jitter }, timing.next(new Date(from)))
    if (next?.at.getTime() === row.next_ms) return []
    return [
      { key, version, next_ms: next?.at.getTime() ?? null, due_ms: next?.dueAt.getTime() ?? null },
    ]
  } catch {
    // It becomes broken when it is due.
    return []
  }
}
