import type { JobUpdate } from '../../core/settle.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { getJobs } from '../../database/statements/queued-jobs.ts'

/** Outcomes that were sent twice, since the first answer was lost. */
export interface DoubtfulOutcomes {
  /** The first statement has saved them. */
  readonly saved: readonly JobUpdate[]
  /** Not saved: the job belongs to another attempt by now. */
  readonly lost: readonly JobUpdate[]
  /** Saved or not: nothing in the row shows it. */
  readonly unknown: readonly JobUpdate[]
}

/**
 * Judges outcomes whose second statement found another attempt in the row. A job that went back to waiting
 * may have been claimed again before that statement, and then its row has the next fence: the outcome was
 * saved, and its failure is among the errors of the job. One without an error, such as a release, leaves no
 * trace.
 */
export async function judgeDoubtful(
  database: Database,
  taken: readonly JobUpdate[],
): Promise<DoubtfulOutcomes> {
  const waiting = taken.filter(({ state }) => state === 'pending' || state === 'retrying')
  const lost = taken.filter((update) => !waiting.includes(update))
  if (waiting.length === 0) return { saved: [], lost, unknown: [] }
  const errors = await errorsOf(database, waiting)
  const saved = waiting.filter((update) => hasError(errors.get(update.job.id), update))
  const unknown = waiting.filter((update) => update.error === null)
  const others = waiting.filter((update) => !saved.includes(update) && !unknown.includes(update))
  return { saved, lost: [...lost, ...others], unknown }
}

async function errorsOf(
  database: Database,
  updates: readonly JobUpdate[],
): Promise<ReadonlyMap<string, string | null>> {
  try {
    const rows = await database.run(getJobs, [plainArray(updates.map(({ job }) => job.id))])
    return new Map(rows.map(({ id, errors }) => [id, errors]))
  } catch {
    // Only the log and the events depend on it.
    return new Map()
  }
}

function hasError(errors: string | null | undefined, { error }: JobUpdate): boolean {
  if (error === null || !errors) return false
  const entries: unknown = JSON.parse(errors)
  const isIt = (entry: { attempt?: unknown; kind?: unknown; message?: unknown } | null): boolean =>
    entry?.attempt === error.attempt && entry.kind === error.kind && entry.message === error.message
  return Array.isArray(entries) && entries.some(isIt)
}
