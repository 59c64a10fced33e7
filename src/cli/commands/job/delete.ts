import { actingUser } from '../../program/acting-user.ts'
import { command } from '../../program/command.ts'
import { actOnFound } from '../bulk/act-on-found.ts'
import { type FoundGiven, filterOptions, isByFilter, undoWindowOption } from './filter-options.ts'
import { verdictsOf } from './verdicts.ts'

export const jobDelete = command<FoundGiven>({
  name: 'job delete [id...]',
  summary: 'remove jobs that have finished from the history',
  options: [...filterOptions(['succeeded', 'failed', 'cancelled']), undoWindowOption()],
  examples: [
    {
      text: 'What failed of a job that is gone',
      command: `chancy job delete --where 'state:failed name:old.report' --dry-run`,
    },
  ],
  interruptible: true,
  async run(call, given) {
    if (isByFilter('job delete', given)) return actOnFound(call, { action: 'delete' }, given)
    const chancy = call.chancy()
    const { id: ids, reason } = given
    const what = ids.length === 1 ? `the job ${ids[0]}` : `${ids.length} jobs`
    await call.confirm(`Remove ${what}? It cannot be brought back.`)
    if (ids.length === 1) {
      const [id = ''] = ids
      await chancy.deleteJob(id, actingUser(reason))
      return { value: { id, removed: true }, shown: `The job ${id} is removed.` }
    }
    return verdictsOf(ids, (id) => chancy.deleteJob(id, actingUser(reason)), {
      done: 'removed',
      conflict: 'not finished',
    })
  },
})
