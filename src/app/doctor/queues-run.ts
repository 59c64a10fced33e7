import * as sql from '../../database/statements/diagnosis-jobs.ts'
import type { UnservedRow } from '../../database/statements/unserved.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { counted, listed, quoted } from './phrase.ts'

/** Jobs are counted to this. */
const BOUND = 10_000

export const queuesRun: Check = {
  id: 'queues',
  title: 'queues that no worker runs',
  needsSchema: true,
  run: async ({ read }) =>
    judgeQueuesRun(await read(sql.idleQueues, []), await read(sql.unservedJobs, [BOUND])),
}

export function judgeQueuesRun(
  queues: readonly sql.QueueHealthRow[],
  unserved: readonly UnservedRow[],
): Finding {
  const undeclared = unserved.filter(({ kind }) => kind === 'queue-undeclared')
  const notRun = queues.filter(({ state }) => state === 'not run')
  if (undeclared.length + notRun.length === 0) return ok('Every queue is run by a worker.')
  const said = [
    ...notRun.map(
      ({ name, backlog, refusal }) =>
        `${quoted(name)} (${counted(backlog, 'job')}${refusal === null ? '' : `; a worker refuses it: ${refusal}`})`,
    ),
    ...undeclared.map(
      ({ queue, jobs }) => `${quoted(queue)} (${counted(jobs, 'job')}, not declared)`,
    ),
  ]
  const todo = [
    ...(notRun.length > 0
      ? [
          'start a worker whose tags match the queue and that names it in its queues, or delete the queue',
        ]
      : []),
    ...(undeclared.length > 0 ? ['declare the queue'] : []),
  ].join('; ')
  const isWaiting = undeclared.length > 0 || notRun.some(({ backlog }) => backlog > 0)
  const level = isWaiting ? error : warning
  return level(`No worker runs ${listed(said)}.`, `${todo[0]?.toUpperCase()}${todo.slice(1)}.`)
}
