import type { AttemptFailure, Chancy, QueuedJob } from 'chancy'
import { type FilePath, keyOf, toBytes } from './file-path.ts'
import { type Facts, readOneFile } from './jobs.ts'

/** What is stored of one file. */
export interface Stored {
  readonly path: Buffer
  readonly state: QueuedJob['state']
  readonly facts: Facts | null
  readonly failure: AttemptFailure | null
  /** The group of its concurrency limit. */
  readonly group: string | null
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

const PAGE = 1_000

/** Reads back every job of a file, a page at a time. */
export async function storedResults(chancy: Chancy): Promise<Map<string, Stored>> {
  const results = new Map<string, Stored>()
  let page: readonly QueuedJob[] = []
  do {
    const last = page.at(-1)
    page = await chancy.listJobs({
      name: readOneFile.job.name,
      limit: PAGE,
      ...(last === undefined ? {} : { after: last.id }),
    })
    for (const job of page) {
      const path = toBytes(job.args as FilePath)
      results.set(keyOf(path), {
        path,
        state: job.state,
        facts: job.result as Facts | null,
        failure: job.errors.at(-1) ?? null,
        group: job.concurrencyKey,
        startedAt: job.startedAt,
        finishedAt: job.finishedAt,
      })
    }
  } while (page.length === PAGE)
  return results
}
