import type { BulkAction, BulkState, BulkVerb } from '../../core/bulk-action.ts'
import type { BulkRow } from '../../database/statements/bulk.ts'

/** What users see of a row. */
export function bulkActionOf(row: BulkRow): BulkAction {
  const { priority = null, queue = null } = JSON.parse(row.change) as {
    readonly priority?: number
    readonly queue?: string
  }
  const startsAt = new Date(row.starts_ms)
  return {
    id: row.id,
    action: row.action as BulkVerb | 'undo',
    filter: row.filter,
    ids: row.ids,
    priority,
    queue,
    reason: row.reason,
    actor: row.actor === null ? null : JSON.parse(row.actor),
    state: row.state as BulkState,
    ratePerSecond: row.rate,
    done: row.done,
    skipped: row.skipped,
    failed: row.failed,
    reasons: JSON.parse(row.reasons),
    createdAt: new Date(row.created_ms),
    startsAt,
    finishedAt: row.finished_ms === null ? null : new Date(row.finished_ms),
    undoUntil: undoUntil(row),
    undoOf: row.undo_of,
    undoneBy: row.undone_by,
  }
}

/** Until it begins, or as long as what it changed is noted. */
function undoUntil(row: BulkRow): Date | null {
  const isOpen = row.finished_ms === null && row.starts_ms > row.now_ms && row.done === 0
  if (isOpen) return new Date(row.starts_ms)
  const { action, undo_ms: undoMs, undone_by: undoneBy, done } = row
  if (action === 'delete' || action === 'undo' || undoMs === null || undoneBy !== null) return null
  return done > 0 && undoMs > row.now_ms ? new Date(undoMs) : null
}
