import { actingUser } from '../../program/acting-user.ts'
import { command } from '../../program/command.ts'
import { actOnFound } from '../bulk/act-on-found.ts'
import { type FoundGiven, filterOptions, isByFilter } from './filter-options.ts'

export const jobCancel = command<FoundGiven>({
  name: 'job cancel [id...]',
  summary: 'cancel jobs: waiting ones immediately, running ones by their signal',
  options: filterOptions(['pending', 'running', 'retrying']),
  examples: [
    {
      text: 'How many wait for a week',
      command: `chancy job cancel --where 'state:waiting created:>7d' --dry-run`,
    },
    { text: 'Cancel all jobs of a queue', command: 'chancy job cancel --queue mail' },
  ],
  interruptible: true,
  async run(call, given) {
    if (isByFilter('job cancel', given)) return actOnFound(call, { action: 'cancel' }, given)
    const chancy = call.chancy()
    const { id: ids, reason } = given
    if (ids.length > 1) await call.confirm(`Cancel ${ids.length} jobs?`)
    const rows: { id: string; verdict: string }[] = []
    for (const id of ids) rows.push({ id, verdict: await chancy.cancel(id, actingUser(reason)) })
    const isNo = rows.some(({ verdict }) => verdict === 'unknown' || verdict === 'finished')
    return { value: rows, isNo }
  },
})
