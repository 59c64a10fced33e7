import { actingUser } from '../../program/acting-user.ts'
import { command } from '../../program/command.ts'
import { actOnFound } from '../bulk/act-on-found.ts'
import { type FoundGiven, filterOptions, isByFilter } from './filter-options.ts'
import { verdictsOf } from './verdicts.ts'

export const jobRetry = command<FoundGiven>({
  name: 'job retry [id...]',
  summary: 'put failed and cancelled jobs back to waiting, with one more attempt',
  options: filterOptions(['failed', 'cancelled']),
  examples: [
    {
      text: 'Retry what failed in the last hour, slowly',
      command: `chancy job retry --where 'state:failed finished:<1h' --rate 10`,
    },
  ],
  interruptible: true,
  async run(call, given) {
    if (isByFilter('job retry', given)) return actOnFound(call, { action: 'retry' }, given)
    const chancy = call.chancy()
    return verdictsOf(given.id, (id) => chancy.retry(id, actingUser(given.reason)), {
      done: 'retried',
      conflict: 'not failed or cancelled',
    })
  },
})
