import { inspect } from '../../core/check.ts'
import { ChancyError, ConfigError } from '../../core/errors.ts'
import { isId } from '../../core/reference.ts'
import { getLeader } from '../../plugins/leadership/leadership.ts'
import type { Call } from '../call.ts'
import type { QueueScope } from '../queue-scope.ts'
import { type Route, route } from '../route.ts'
import { type WireWorker, workerListShape, workerShape } from '../shapes/worker.ts'
import { iso } from './cut-json.ts'
import { unlessMissing } from './queue-state.ts'

export const workerRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/workers',
    verb: 'workers.view',
    summary: 'workers that live, and for a day those that were lost',
    answer: workerListShape,
    work: async (call) => ({ items: await readWorkers(call) }),
  }),
  route({
    method: 'GET',
    path: '/workers/:id',
    verb: 'workers.view',
    summary: 'one worker',
    answer: workerShape,
    work: async (call) => {
      const { id } = call.params
      if (!isId(id))
        throw new ConfigError(`expected the id of a worker, a UUID, got ${inspect(id)}.`)
      const found = (await readWorkers(call)).find((worker) => worker.id === id.toLowerCase())
      if (found !== undefined) return found
      throw new ChancyError(
        'WORKER_NOT_FOUND',
        'No worker has this id. Those that were lost are kept for a day.',
      )
    },
  }),
]

type WorkerInfo = Awaited<ReturnType<Call['reads']['getWorkers']>>[number]

/** Those of one that was lost are of the past. */
function figuresJson(
  { figures, alive }: WorkerInfo,
  scope: QueueScope,
): Pick<WireWorker, 'slots' | 'endedPerSecond' | 'cpu' | 'memoryBytes'> {
  if (figures === null || !alive)
    return { slots: null, endedPerSecond: null, cpu: null, memoryBytes: null }
  const { slots, endedPerSecond, cpu, memoryBytes } = figures
  const seen = slots.filter(({ queue }) => scope.sees(queue))
  return { slots: seen, endedPerSecond, cpu, memoryBytes }
}

/** Those of the queues that the access sees, with those queues alone. */
export async function readWorkers({ reads, permit }: Call): Promise<WireWorker[]> {
  const { scope } = permit
  const workers = await reads.getWorkers()
  const leader = await unlessMissing(() => getLeader(reads))
  return workers.flatMap((worker) => {
    const queues = worker.queues.filter((queue) => scope.sees(queue))
    if (!scope.isWhole && queues.length === 0) return []
    return [
      {
        id: worker.id,
        label: worker.label,
        tags: worker.tags,
        queues,
        startedAt: iso(worker.startedAt),
        renewedAt: iso(worker.renewedAt),
        expiresAt: iso(worker.expiresAt),
        alive: worker.alive,
        paused: worker.paused,
        isLeader: leader?.workerId === worker.id,
        version: worker.version,
        ...figuresJson(worker, scope),
      },
    ]
  })
}
