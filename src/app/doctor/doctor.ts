import { aboutServer } from '../../database/statements/diagnosis-server.ts'
import type { PluginCheck } from '../../plugin/parts/plugin-check.ts'
import { autovacuum } from './autovacuum.ts'
import { blockedGroups } from './blocked-groups.ts'
import type { Check, DoctorOptions, Finding } from './check.ts'
import { inReading, runCheck } from './check-run.ts'
import { clockSkew } from './clock-skew.ts'
import { connections } from './connections.ts'
import { deadRows } from './dead-rows.ts'
import { durability } from './durability.ts'
import { history } from './history.ts'
import { horizon } from './horizon.ts'
import { isolation } from './isolation.ts'
import { jobNames } from './job-names.ts'
import { notifications } from './notifications.ts'
import { pausedQueues } from './paused-queues.ts'
import { pooler } from './pooler.ts'
import { queuesRun } from './queues-run.ts'
import { roleRights } from './role-rights.ts'
import { schemaVersions } from './schema-versions.ts'
import { server } from './server.ts'
import { stalledQueues } from './stalled-queues.ts'
import { timeZone } from './time-zone.ts'
import { waiters } from './waiters.ts'
import { workerLeases } from './worker-leases.ts'
import { wraparound } from './wraparound.ts'
import { zoneData } from './zone-data.ts'

/** A check and what it has found. */
export interface Diagnosis extends Finding {
  readonly id: string
  readonly title: string
}

/** In this order: what the server is, how it is set, what is in it, and then workers and jobs. */
const CHECKS: readonly Check[] = [
  ...[server, schemaVersions, roleRights, durability, isolation, timeZone, pooler, notifications],
  ...[connections, clockSkew, horizon, autovacuum, wraparound, deadRows, history],
  ...[workerLeases, zoneData, queuesRun, pausedQueues, stalledQueues, jobNames, blockedGroups],
  waiters,
]
/** How many checks run concurrently, so that a server on which some time out is not asked for a minute. */
const AT_A_TIME = 4

/**
 * Runs all checks, those of the plugins too. Nothing is written but one notification.
 *
 * @throws when the server cannot be reached
 */
export async function diagnose(options: DoctorOptions): Promise<readonly Diagnosis[]> {
  const { database, plugins } = options
  await database.run(aboutServer, [], { prepare: false })
  const [isCoreThere, areAllThere] = await tablesThere(options)
  const checks = [
    ...CHECKS.filter(({ needsSchema }) => isCoreThere || !needsSchema),
    ...(areAllThere ? plugins.flatMap(({ checks: own = [] }) => own.map(ofPlugin)) : []),
  ]
  const found = new Map<Check, Diagnosis>()
  const take = async (check: Check): Promise<void> => {
    const { id, title } = check
    const { level, found: text, todo } = await runCheck(options, check)
    found.set(check, { id, title, level, found: text, todo: todo ?? null })
  }
  for (const check of checks) if (check.connects) await take(check)
  const left = checks.filter(({ connects }) => !connects).values()
  const next = async (): Promise<void> => {
    for (const check of left) await take(check)
  }
  const count = Math.max(1, Math.min(AT_A_TIME, database.driver.sessions - 1))
  await Promise.all(Array.from({ length: count }, next))
  return checks.flatMap((check) => found.get(check) ?? [])
}

/**
 * Whether the tables of the core, and those of all, are as this release has them. The check of the schema says what is
 * wrong where they are not, and the checks that need them would only repeat it.
 */
async function tablesThere({
  database,
  versions,
}: DoctorOptions): Promise<readonly [core: boolean, all: boolean]> {
  try {
    const found = await inReading(database, versions)
    const isThere = found.map(({ have, want }) => have >= want)
    return [isThere[0] === true, isThere.every(Boolean)]
  } catch {
    return [true, true]
  }
}

function ofPlugin({ id, title, run }: PluginCheck): Check {
  return { id, title, needsSchema: true, run: ({ read, clock }) => run({ read, clock }) }
}
