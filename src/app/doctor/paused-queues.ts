import type { Names } from '../../database/names.ts'
import * as advice from '../../database/statements/advice.ts'
import { idleQueues, type QueueHealthRow } from '../../database/statements/diagnosis-jobs.ts'
import { type Check, type Finding, ok, warning } from './check.ts'
import { counted, listed, quoted } from './phrase.ts'

export const pausedQueues: Check = {
  id: 'paused',
  title: 'paused queues and workers with a backlog',
  needsSchema: true,
  run: async ({ read, database }) => judgePaused(await read(idleQueues, []), database.names),
}

export function judgePaused(queues: readonly QueueHealthRow[], t: Names): Finding {
  const paused = queues.filter(({ state }) => state === 'paused' || state === 'workers paused')
  const waiting = paused.filter(({ backlog }) => backlog > 0)
  if (waiting.length === 0) {
    return ok(paused.length === 0 ? 'No queue is paused.' : 'Nothing waits in a paused queue.')
  }
  const said = waiting.map(
    (one) => `${quoted(one.name)} (${counted(one.backlog, 'job')}, ${pauseOf(one)})`,
  )
  const own = waiting.filter(({ state }) => state === 'paused')
  const todo = [
    ...(own.length < waiting.length ? ['call resume() of a worker, or start one'] : []),
    ...own.map(({ name }) => advice.resumeQueue(t, name)),
  ]
  return warning(`Paused with a backlog: ${listed(said)}.`, `When they may run: ${listed(todo)}.`)
}

function pauseOf({ state, resume_ms }: QueueHealthRow): string {
  if (state === 'workers paused') return 'all of its workers are paused'
  return `paused ${resume_ms === null ? 'without an end' : `until ${new Date(resume_ms).toISOString()}`}`
}
