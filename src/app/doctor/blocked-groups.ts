import {
  type GroupRow,
  blockedGroups as statement,
} from '../../database/statements/diagnosis-jobs.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { counted, listed, quoted, spanOf } from './phrase.ts'

/** A sweep of every worker looks each second for blocked jobs whose group has room. */
const SWEPT_MS = 60_000
/** A job that holds a slot for longer than this is worth a question. */
const LONG_MS = 3_600_000

export const blockedGroups: Check = {
  id: 'groups',
  title: 'blocked groups',
  needsSchema: true,
  run: async ({ read }) => judgeGroups(await read(statement, [])),
}

export function judgeGroups(groups: readonly GroupRow[]): Finding {
  const free = groups.filter((one) => one.running === 0 && !one.ready && one.oldest_ms >= SWEPT_MS)
  const lost = groups.filter((one) => one.running > 0 && one.holder_alive !== true)
  if (free.length + lost.length > 0) {
    const said = [
      ...free.map((one) => `${textOf(one)}, and nothing of the group runs`),
      ...lost.map(
        (one) => `${textOf(one)}, held by the job ${one.holder} of a worker without a lease`,
      ),
    ]
    return error(
      `Groups that do not move: ${listed(said)}.`,
      'Start a worker, which frees them within seconds; if one runs, look in its log for the recovery and the sweep of groups.',
    )
  }
  const long = groups.filter((one) => (one.holder_ms ?? 0) >= LONG_MS)
  if (long.length > 0) {
    const said = long.map(
      (one) =>
        `${textOf(one)}, held by the job ${one.holder} for ${spanOf(one.holder_ms ?? 0)}, worker ${one.holder_worker}`,
    )
    return warning(
      `Jobs wait behind others that run for long: ${listed(said)}.`,
      `If one of them hangs: ${listed(long.map(({ holder }) => `chancy job cancel ${holder}`))}; and give its function a limit of time.`,
    )
  }
  return ok(
    groups.length === 0
      ? 'No group is full.'
      : `${counted(groups.length, 'group')} with blocked jobs, and all of them move.`,
  )
}

function textOf({ key, blocked }: GroupRow): string {
  return `${quoted(key)} (${counted(blocked, 'blocked job')})`
}
