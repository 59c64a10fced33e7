import { unservedJobs } from '../../database/statements/diagnosis-jobs.ts'
import { type Check, error, ok } from './check.ts'
import { counted, listed, quoted } from './phrase.ts'

/** Jobs are counted to this. */
const BOUND = 10_000

export const jobNames: Check = {
  id: 'names',
  title: 'jobs whose name no worker knows',
  needsSchema: true,
  async run({ read }) {
    const rows = await read(unservedJobs, [BOUND])
    const unknown = rows.filter(({ kind }) => kind === 'function-unknown')
    if (unknown.length === 0) return ok('Every name is known to a worker of its queue.')
    const said = unknown.map(
      ({ name, queue, jobs }) =>
        `${quoted(name ?? '')} in ${quoted(queue)} (${counted(jobs, 'job')})`,
    )
    return error(
      `No worker of the queue knows ${listed(said)}.`,
      'Add the module of the function to jobs of the workers, run the release that has it, or cancel these jobs.',
    )
  },
}
