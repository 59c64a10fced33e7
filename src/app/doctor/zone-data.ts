import { type WorkerHealthRow, workerHealth } from '../../database/statements/diagnosis-jobs.ts'
import { type Check, type Finding, ok, warning } from './check.ts'
import { nameOf, zoneDataOf } from './living-worker.ts'
import { listed } from './phrase.ts'

/** Schedules in a zone go by the zone data of the worker that computes the tick. */
export const zoneData: Check = {
  id: 'zone-data',
  title: 'zone data of workers',
  needsSchema: true,
  run: async ({ read }) => judgeZoneData(await read(workerHealth, [])),
}

export function judgeZoneData(workers: readonly WorkerHealthRow[]): Finding {
  const byVersion = new Map<string, string[]>()
  for (const worker of workers.filter(({ alive }) => alive)) {
    const version = zoneDataOf(worker.environment)
    if (version === null) continue
    byVersion.set(version, [...(byVersion.get(version) ?? []), nameOf(worker)])
  }
  const versions = [...byVersion.keys()].sort()
  if (versions.length === 0) return ok('No worker says which it has.')
  if (versions.length === 1) return ok(`All workers have ${versions[0]}.`)
  const said = versions.map((version) => `${version} on ${listed(byVersion.get(version) ?? [])}`)
  return warning(
    `It differs: ${said.join('; ')}. A tick of a schedule may fall on another hour, by the worker that computes it.`,
    'Run all workers on the same release of Node.',
  )
}
