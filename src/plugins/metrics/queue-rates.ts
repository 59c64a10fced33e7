import type { PluginAccess } from '../../plugin/index.ts'
import { OUTCOMES, type OutcomeName } from './series.ts'
import type { Settings } from './settings.ts'
import { readRates } from './statements/reading.ts'

/** Attempts that ended in a queue within a minute, each by one of its outcomes; `started` is their sum. */
export interface QueueRate extends Readonly<Record<OutcomeName | 'started', number>> {
  readonly queue: string
  /** `started` by second. */
  readonly perSecond: number
}

const SECONDS = 60

export async function ratesOf(
  { database, run }: PluginAccess,
  { flushMs }: Settings,
): Promise<QueueRate[]> {
  // A point is whole when each process has written once after its end.
  const rows = await run(() => database.run(readRates, [flushMs / 1_000]))
  return rows.map(({ queue, counts }) => {
    const numbers = JSON.parse(counts) as number[]
    const outcomes = Object.fromEntries(OUTCOMES.map((name, at) => [name, numbers[at] ?? 0]))
    const started = numbers.reduce((sum, one) => sum + one, 0)
    return {
      ...(outcomes as Record<OutcomeName, number>),
      queue,
      started,
      perSecond: started / SECONDS,
    }
  })
}
