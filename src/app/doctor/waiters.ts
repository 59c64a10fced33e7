import { countOldWaiters } from '../../database/statements/diagnosis-jobs.ts'
import { type Check, ok, warning } from './check.ts'
import { counted } from './phrase.ts'

/** They are removed each hour: what has been over for longer than this, in milliseconds, was left. */
const LEFT_MS = 7_200_000

/** Rows of waits for the end of a job, which a process that died leaves behind. */
export const waiters: Check = {
  id: 'waiters',
  title: 'old waiters',
  needsSchema: true,
  async run({ read }) {
    const [row] = await read(countOldWaiters, [LEFT_MS])
    const count = row?.waiters ?? 0
    if (count === 0) return ok('None is left behind.')
    return warning(
      `${counted(count, 'row')} of waits that are over for more than two hours.`,
      'A worker removes them each hour: see that one runs.',
    )
  },
}
