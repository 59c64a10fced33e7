import type { Chancy } from '../../app/chancy.ts'
import { ChancyError, isChancyError } from '../../core/errors.ts'
import { checkQueueName } from '../../core/job-name.ts'
import type { Queue } from '../../core/queue.ts'
import {
  type Gauges,
  getGauges,
  getQueueRates,
  type QueueGauges,
  type QueueRate,
} from '../../plugins/metrics/metrics.ts'
import type { QueueScope } from '../queue-scope.ts'
import type { WireQueue } from '../shapes/queue.ts'
import { iso } from './cut-json.ts'
import { trendsOf } from './queue-trends.ts'

/** What is known of all queues, read once. */
export interface QueueState {
  readonly queues: readonly WireQueue[]
  /** Null: the plugin of metrics is not there. */
  readonly gauges: Gauges | null
}

/** Queues that are declared, and those that only jobs name, by name. */
export async function readQueues(chancy: Chancy, scope: QueueScope): Promise<QueueState> {
  const [declared, workers, gauges, rates] = [
    await chancy.getQueues(),
    await chancy.getWorkers(),
    await unlessMissing(() => getGauges(chancy)),
    await unlessMissing(() => getQueueRates(chancy)),
  ]
  const forecasts = trendsOf(chancy).forecasts(gauges?.queues ?? [], chancy.internals.clock.now())
  const alive = workers.filter((worker) => worker.alive)
  const names = new Set([
    ...declared.map(({ name }) => name),
    ...(gauges?.queues ?? []).map(({ queue }) => queue),
  ])
  const queues = [...names]
    .filter((name) => scope.sees(name))
    .sort()
    .map((name) =>
      queueJson(name, {
        queue: declared.find((one) => one.name === name),
        counts: gauges?.queues.find((one) => one.queue === name),
        rate: rates?.find((one) => one.queue === name),
        isCounted: gauges !== null && gauges.queuesAgeMs !== null,
        countedAgeMs: gauges?.queuesAgeMs ?? null,
        hasRates: rates !== null,
        forecast: forecasts.get(name) ?? null,
        workers: alive.filter((worker) => worker.queues.includes(name)).length,
      }),
    )
  return { queues, gauges }
}

/** Null where the plugin is not there. */
export async function unlessMissing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (isChancyError(error) && error.code === 'PLUGIN_MISSING') return null
    throw error
  }
}

interface Known {
  readonly queue: Queue | undefined
  readonly counts: QueueGauges | undefined
  readonly rate: QueueRate | undefined
  readonly isCounted: boolean
  readonly countedAgeMs: number | null
  readonly hasRates: boolean
  readonly forecast: WireQueue['forecast']
  readonly workers: number
}

function queueJson(name: string, known: Known): WireQueue {
  const { queue, counts, rate, workers } = known
  return {
    name,
    state: queue?.state ?? 'undeclared',
    resumeAt: iso(queue?.resumeAt ?? null),
    concurrency: queue?.concurrency ?? null,
    executor: queue?.executor ?? null,
    executorOptions: {
      maximumJobsPerChild: queue?.executorOptions.maximumJobsPerChild ?? null,
      killAfterMs: queue?.executorOptions.killAfterMs ?? null,
    },
    tags: queue?.tags ?? [],
    pollingIntervalMs: queue?.pollingIntervalMs ?? null,
    rateLimit: queue?.rateLimit ?? null,
    counts: countsJson(known),
    oldestMs: counts?.oldestMs ?? null,
    rates: known.hasRates ? ratesJson(rate) : null,
    workers,
    forecast: known.forecast,
  }
}

/** A queue that was not met by a count of all has no jobs. */
function countsJson({ counts, isCounted, countedAgeMs }: Known): WireQueue['counts'] {
  if (counts === undefined && !isCounted) return null
  return {
    waiting: counts?.waiting ?? 0,
    running: counts?.running ?? 0,
    scheduled: counts?.scheduled ?? 0,
    blocked: counts?.blocked ?? 0,
    isEstimate: counts?.isEstimate ?? false,
    ageMs: counts === undefined ? countedAgeMs : counts.ageMs,
  }
}

function ratesJson(rate: QueueRate | undefined): WireQueue['rates'] {
  return {
    startedPerSecond: rate?.perSecond ?? 0,
    succeeded: rate?.succeeded ?? 0,
    failed: rate?.failed ?? 0,
    retried: rate?.retried ?? 0,
    crashed: rate?.crashed ?? 0,
    cancelled: rate?.cancelled ?? 0,
    snoozed: rate?.snoozed ?? 0,
    released: rate?.released ?? 0,
  }
}

/** @throws {ChancyError} `QUEUE_NOT_FOUND` @throws {ConfigError} for what cannot be a name */
export async function readQueue(
  chancy: Chancy,
  scope: QueueScope,
  name: string,
): Promise<WireQueue> {
  checkQueueName(name, 'The name of a queue')
  const { queues } = await readQueues(chancy, scope)
  const found = queues.find((one) => one.name === name)
  if (found !== undefined) return found
  throw new ChancyError('QUEUE_NOT_FOUND', 'No queue of this name is declared or has jobs.', {
    details: { queue: name },
  })
}
