import * as advice from '../../database/statements/advice.ts'
import * as sql from '../../database/statements/diagnosis-jobs.ts'
import { type Check, error, type Finding, ok } from './check.ts'
import { listed, quoted, spanOf } from './phrase.ts'

/** For how long the first job of a queue waits, while none runs and none finishes, in milliseconds. */
const STILL_MS = 300_000

export const stalledQueues: Check = {
  id: 'stalled',
  title: 'queues that stand still',
  needsSchema: true,
  async run({ read }) {
    const [due] = await read(sql.firstDue, [])
    return judgeStalled(await read(sql.waitingQueues, [STILL_MS]), due ?? null)
  },
}

export function judgeStalled(
  queues: readonly sql.StalledRow[],
  due: { readonly queue: string; readonly due_ms: number } | null,
): Finding {
  const still = queues.filter(
    ({ running, finished_ms, start_ms }) =>
      running === 0 && (finished_ms ?? STILL_MS) >= STILL_MS && (start_ms ?? 0) <= 0,
  )
  const said = still.map(
    ({ queue, waits_ms }) =>
      `${quoted(queue)}: its first job has waited for ${spanOf(waits_ms)}, and none runs`,
  )
  if (due !== null && due.due_ms >= STILL_MS) {
    said.push(
      `${quoted(due.queue)}: a job has been due for ${spanOf(due.due_ms)} and is not in the order`,
    )
  }
  if (said.length === 0) return ok('Every queue that has work moves.')
  return error(
    `${listed(said)}.`,
    `Look at the logs of the workers that run the queue, at chancy explain with its name, and at locks: ${advice.LOCK_WAITS}.`,
  )
}
