import { Option } from 'commander'
import { JOB_STATES, type JobState } from '../../../core/queued-job.ts'
import { command } from '../../program/command.ts'
import { filterOfOptions, filterOption, ownZone } from './searched-jobs.ts'

interface Given {
  readonly where?: string
  readonly queue?: string
  readonly state?: JobState
  readonly name?: string
}

export const jobCount = command<Given>({
  name: 'job count',
  summary: 'count jobs, to 10,000 or for 150 ms',
  options: [
    filterOption(),
    new Option('--queue <name>', 'of this queue'),
    new Option('--state <state>', 'in this state').choices(JOB_STATES),
    new Option('--name <name>', 'of this name'),
  ],
  examples: [
    {
      text: 'How many failed since yesterday',
      command: `chancy job count --where 'state:failed finished:<1d'`,
    },
  ],
  watch: true,
  async run(call, given) {
    const filter = filterOfOptions(given)
    const count = await call.chancy().countJobs(filter, { timeZone: ownZone() })
    const { jobs, more, reached } = count
    const from = more && reached !== null ? `, counted back to ${reached.toISOString()}` : ''
    return { value: count, shown: `${jobs.toLocaleString('en')}${more ? ' or more' : ''}${from}` }
  },
})
