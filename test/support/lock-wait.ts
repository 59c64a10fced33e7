import type pg from 'pg'
import { withClient } from './database.ts'
import { until } from './until.ts'

/** A statement may have to wait for a processor before it waits for a lock. */
const PATIENCE_MS = 40_000

/** Resolves when a statement of the client has ended or waits for a lock, whichever comes first. */
export async function endedOrWaiting(client: pg.Client, running: Promise<unknown>): Promise<void> {
  const { processID } = client as unknown as { processID: number }
  let isEnded = false
  const end = (): void => {
    isEnded = true
  }
  void running.then(end, end)
  await withClient((own) =>
    until(
      async () => {
        if (isEnded) return true
        const { rows } = await own.query('SELECT 1 FROM pg_locks WHERE pid = $1 AND NOT granted', [
          processID,
        ])
        return rows.length > 0
      },
      { timeoutMs: PATIENCE_MS, everyMs: 10, what: 'an end or a lock' },
    ),
  )
}
