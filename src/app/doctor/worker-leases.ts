import { type WorkerHealthRow, workerHealth } from '../../database/statements/diagnosis-jobs.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { nameOf } from './living-worker.ts'
import { counted, listed, spanOf } from './phrase.ts'

export const workerLeases: Check = {
  id: 'workers',
  title: 'workers without a lease',
  needsSchema: true,
  run: async ({ read }) => judgeLeases(await read(workerHealth, [])),
}

export function judgeLeases(workers: readonly WorkerHealthRow[]): Finding {
  const living = workers.filter(({ alive }) => alive).length
  const without = workers.filter(({ alive, revoked, jobs }) => !alive && (!revoked || jobs > 0))
  if (without.length === 0) {
    return ok(living === 0 ? 'No worker runs.' : `${counted(living, 'worker')} with a lease.`)
  }
  const said = without.map(
    (worker) =>
      `${nameOf(worker)}, for ${spanOf(worker.over_ms)}${worker.jobs > 0 ? `, holds ${counted(worker.jobs, 'job')}` : ''}`,
  )
  const found = `Without a lease: ${listed(said)}. They died, or do not reach the database.`
  return living > 0
    ? warning(
        found,
        'The other workers recover their jobs within seconds. If the finding stays, look at their logs.',
      )
    : error(
        `${found} No other worker recovers their jobs.`,
        'Start a worker: it recovers the jobs of those that died.',
      )
}
