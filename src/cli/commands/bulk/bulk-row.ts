import type { BulkAction } from '../../../index.ts'

/** A line of an action. */
export function bulkRow(action: BulkAction): object {
  const { id, state, done, skipped, failed, ratePerSecond, filter, ids, createdAt } = action
  return {
    id,
    action: action.action,
    state,
    ...{ done, skipped, failed },
    rate: `${ratePerSecond}/s`,
    jobs: filter ?? (action.undoOf === null ? `${ids ?? 0} ids` : `of ${action.undoOf}`),
    created: createdAt,
  }
}

/** All of an action, for one alone. */
export function bulkFields(action: BulkAction): object {
  const { reason, actor, reasons, priority, queue, startsAt, finishedAt } = action
  const { undoUntil, undoOf, undoneBy } = action
  const why = Object.entries(reasons).map(([code, jobs]) => `${jobs} ${code}`)
  const more = {
    ...{ priority, 'to queue': queue, by: actor?.name ?? actor?.id ?? null, reason },
    'not changed': why.length === 0 ? null : why.join(', '),
    ...{ starts: startsAt, finished: finishedAt, 'undo until': undoUntil },
    ...{ 'undo of': undoOf, 'undone by': undoneBy },
  }
  const known = Object.entries(more).filter(([, value]) => value !== null)
  return { ...bulkRow(action), ...Object.fromEntries(known) }
}
