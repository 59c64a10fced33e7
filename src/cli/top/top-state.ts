import { systemClock } from '../../core/clock.ts'
import type { Chancy, Queue, QueuedJob, WorkerInfo } from '../../index.ts'
import { pluginsOf } from '../../plugin/index.ts'
import {
  type Gauges,
  getGauges,
  getQueueRates,
  type QueueGauges,
  type QueueRate,
} from '../../plugins/metrics/metrics.ts'

/** Running jobs that are read: as many as the tallest terminal shows. */
const RUNNING = 100

/** What the view shows; null where no metrics are kept. */
export interface TopState {
  readonly at: Date
  readonly workers: readonly TopWorker[]
  readonly queues: readonly TopQueue[]
  readonly running: readonly TopJob[]
  /** Whether more jobs run than `running` has. */
  readonly hasMore: boolean
  /** How old the counts of queues are. */
  readonly countsAgeMs: number | null
  readonly hasMetrics: boolean
}

export interface TopWorker extends WorkerInfo {
  readonly leads: boolean
  /** Its jobs that run; null where not all running jobs were read. */
  readonly running: number | null
}

export interface TopQueue {
  readonly name: string
  readonly state: 'active' | 'paused' | 'undeclared'
  readonly jobs: QueueGauges | null
  /** Of the last minute that all workers have written. Null: none ended. */
  readonly rate: QueueRate | null
}

export interface TopJob
  extends Pick<QueuedJob, 'id' | 'name' | 'queue' | 'attempts' | 'maxAttempts' | 'progress'> {
  readonly workerId: string | null
  readonly startedAt: Date | null
}

export async function readTop(chancy: Chancy): Promise<TopState> {
  const hasMetrics = pluginsOf(chancy).some(({ name }) => name === 'chancy.metrics')
  const [workers, queues, jobs, gauges, rates] = await Promise.all([
    chancy.getWorkers(),
    chancy.getQueues(),
    chancy.listJobs({ state: 'running', limit: RUNNING }),
    hasMetrics ? getGauges(chancy) : null,
    hasMetrics ? getQueueRates(chancy) : [],
  ])
  const hasMore = jobs.length === RUNNING
  return {
    at: new Date(systemClock.now()),
    workers: workers.map((one) => ({
      ...one,
      leads: gauges?.leader === one.id,
      running: hasMore ? null : jobs.filter(({ workerId }) => workerId === one.id).length,
    })),
    queues: topQueues(queues, gauges, rates),
    running: jobs.map(topJob),
    hasMore,
    countsAgeMs: gauges?.queuesAgeMs ?? null,
    hasMetrics,
  }
}

/** Those that are declared, and those that have jobs and are not, by name. */
export function topQueues(
  queues: readonly Queue[],
  gauges: Pick<Gauges, 'queues'> | null,
  rates: readonly QueueRate[],
): TopQueue[] {
  const counted = gauges?.queues ?? []
  const declared = new Map(queues.map((one) => [one.name, one.state]))
  const names = new Set([...declared.keys(), ...counted.filter(hasJobs).map(({ queue }) => queue)])
  return [...names].sort().map((name) => ({
    name,
    state: declared.get(name) ?? 'undeclared',
    jobs: counted.find(({ queue }) => queue === name) ?? null,
    rate: rates.find(({ queue }) => queue === name) ?? null,
  }))
}

function hasJobs({ waiting, running, scheduled, blocked }: QueueGauges): boolean {
  return waiting + running + scheduled + blocked > 0
}

/** Without what may be large: arguments, results and errors. */
function topJob(job: QueuedJob): TopJob {
  const { id, name, queue, attempts, maxAttempts, progress, workerId, startedAt } = job
  return { id, name, queue, attempts, maxAttempts, progress, workerId, startedAt }
}
