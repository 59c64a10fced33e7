import { actingUser } from '../../program/acting-user.ts'
import { command } from '../../program/command.ts'
import { actOnFound } from '../bulk/act-on-found.ts'
import { type FoundGiven, filterOptions, isByFilter } from './filter-options.ts'
import { jobFields } from './job-row.ts'
import { verdictsOf } from './verdicts.ts'

export const jobRunNow = command<FoundGiven>({
  name: 'job run-now [id...]',
  summary: 'let jobs that wait for their time wait no longer',
  options: filterOptions(['pending', 'retrying']),
  examples: [
    {
      text: 'What backs off after a failure',
      command: 'chancy job run-now --state retrying --queue mail',
    },
  ],
  interruptible: true,
  async run(call, given) {
    if (isByFilter('job run-now', given)) return actOnFound(call, { action: 'run-now' }, given)
    const chancy = call.chancy()
    const { id: ids, reason } = given
    if (ids.length === 1) {
      const job = await chancy.runNow(ids[0] ?? '', actingUser(reason))
      return { value: job, shown: jobFields(job) }
    }
    return verdictsOf(ids, (id) => chancy.runNow(id, actingUser(reason)), {
      done: 'due',
      conflict: 'not waiting',
    })
  },
})
