import type { PluginAccess } from '../../plugin/index.ts'
import { readFleet, readQueueCounts } from './statements/reading.ts'

/** Jobs of a queue, as the worker that leads last counted them. */
export interface QueueGauges {
  readonly queue: string
  /** Jobs that could run, those whose function no worker knows included. */
  readonly waiting: number
  readonly running: number
  /** Jobs whose time has not come, and those that wait for another attempt. */
  readonly scheduled: number
  /** Jobs that wait for their concurrency group. */
  readonly blocked: number
  /** How long the first ready job in the order of each priority could have run, the longest; null: none waits. */
  readonly oldestMs: number | null
  /**
   * Whether a number is over 10,000. It is counted to its end every 30 seconds to some minutes, and is 10,000 until
   * that was done once. Jobs that are scheduled or blocked are counted to a million.
   */
  readonly isEstimate: boolean
  /** How old the oldest of these numbers is; null: nothing was counted. */
  readonly ageMs: number | null
}

/** The size of a table and its dead rows. */
export interface TableGauges {
  readonly table: string
  /** With indexes and partitions. */
  readonly bytes: number
  /** Rows that wait for VACUUM, as PostgreSQL estimates them. */
  readonly deadRows: number
}

/** What `getGauges` returns. */
export interface Gauges {
  readonly queues: readonly QueueGauges[]
  /** How old the counts of all queues are; null: none was made. */
  readonly queuesAgeMs: number | null
  /** Workers with a lease, now. */
  readonly workers: number
  /** The id of the worker that leads, now. */
  readonly leader: string | null
  readonly tables: readonly TableGauges[]
  /**
   * How long the oldest transaction of the database has been open, as far as the role of the worker sees it; null:
   * there is none.
   */
  readonly oldestTransactionMs: number | null
  /** How old the numbers of tables and transactions are; null: none were made. */
  readonly serverAgeMs: number | null
}

interface ServerSample {
  readonly tables?: readonly TableGauges[]
  readonly oldestTransactionMs?: number | null
}

export async function gaugesOf({ database, run }: PluginAccess): Promise<Gauges> {
  const [queues, [fleet]] = await run(() =>
    Promise.all([database.run(readQueueCounts, []), database.run(readFleet, [])]),
  )
  const server = JSON.parse(fleet?.server ?? '{}') as ServerSample
  return {
    queues: queues.map((row) => ({
      queue: row.queue,
      waiting: row.waiting,
      running: row.running,
      scheduled: row.scheduled,
      blocked: row.blocked,
      oldestMs: row.oldest_ms,
      isEstimate: row.is_bounded,
      ageMs: row.age_ms,
    })),
    queuesAgeMs: fleet?.queues_age_ms ?? null,
    workers: fleet?.workers ?? 0,
    leader: fleet?.leader ?? null,
    tables: server.tables ?? [],
    oldestTransactionMs: server.oldestTransactionMs ?? null,
    serverAgeMs: fleet?.server_age_ms ?? null,
  }
}
