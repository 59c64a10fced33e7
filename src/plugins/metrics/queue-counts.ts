import type { AllQueueCounts } from '../../core/queue-counts.ts'
import type { PluginAccess } from '../../plugin/index.ts'
import { readCountsByClass } from './statements/queue-counts.ts'

export async function countsOf({ database, run }: PluginAccess): Promise<AllQueueCounts> {
  const rows = await run(() => database.run(readCountsByClass, []))
  // The first row is of no queue and says when they were counted.
  const [when, ...queues] = rows
  const time = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))
  return {
    countedAt: time(when?.at_ms ?? null),
    ageMs: when?.age_ms ?? null,
    queues: queues.map((row) => ({
      queue: row.queue ?? '',
      ready: row.ready,
      parked: row.parked,
      scheduled: row.scheduled,
      backoff: row.backoff,
      blocked: row.blocked,
      running: row.running,
      isEstimate: row.is_bounded,
      oldestAt: time(row.oldest_ms),
      deepAt: time(row.deep_ms),
    })),
  }
}
