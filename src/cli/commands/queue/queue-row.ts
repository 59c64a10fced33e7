import type { Chancy, Queue } from '../../../index.ts'
import { pluginsOf } from '../../../plugin/index.ts'
import { getGauges, type QueueGauges } from '../../../plugins/metrics/metrics.ts'
import { durationText } from '../../terminal/duration-text.ts'

/** A queue with its jobs, as far as the leader has counted them: null where the metrics are switched off. */
export interface CountedQueue {
  readonly queue: Queue
  readonly jobs: QueueGauges | null
}

/** All queues, by name. */
export async function countedQueues(chancy: Chancy): Promise<CountedQueue[]> {
  const hasMetrics = pluginsOf(chancy).some(({ name }) => name === 'chancy.metrics')
  const [queues, gauges] = await Promise.all([
    chancy.getQueues(),
    hasMetrics ? getGauges(chancy) : null,
  ])
  return queues.map((queue) => ({
    queue,
    jobs: gauges?.queues.find((one) => one.queue === queue.name) ?? null,
  }))
}

/** What `--json` has of it. */
export function queueValue({ queue, jobs }: CountedQueue): object {
  return { ...queue, jobs }
}

export function rateText({ rateLimit }: Queue): string | null {
  return rateLimit === null ? null : `${rateLimit.max}/${durationText(rateLimit.perMs)}`
}
