import { Option } from 'commander'
import { systemClock } from '../../../core/clock.ts'
import { JOB_STATES, type JobState } from '../../../core/queued-job.ts'
import type { FindOrder } from '../../../index.ts'
import { command } from '../../program/command.ts'
import { wholeNumber } from '../../program/values.ts'
import { jobRow } from './job-row.ts'
import { filterOfOptions, filterOption, restInWords, searchedJobs } from './searched-jobs.ts'

interface Given {
  readonly queue?: string
  readonly state?: JobState
  readonly name?: string
  readonly where?: string
  readonly order?: FindOrder
  readonly cursor?: string
  readonly limit: number
  readonly after?: string
}

const ORDERS: readonly FindOrder[] = ['newest', 'ended', 'line', 'due']

export const jobList = command<Given>({
  name: 'job list',
  summary: 'list jobs, the newest first',
  details:
    'With --where, --order or --cursor it searches; a filter that no index answers is searched for five seconds, and what is left is named on the standard error. Days are those of this machine.',
  options: [
    filterOption(),
    new Option('--queue <name>', 'of this queue'),
    new Option('--state <state>', 'in this state').choices(JOB_STATES),
    new Option('--name <name>', 'of this name'),
    new Option(
      '--order <order>',
      'by creation, by their ends (failed and cancelled ones), as a queue starts them, or by when they are due',
    ).choices(ORDERS),
    new Option('--limit <number>', 'how many, up to 1,000')
      .argParser(wholeNumber(1, 1_000))
      .default(20),
    new Option('--after <id>', 'those behind this one: the last id of the page before'),
    new Option('--cursor <cursor>', 'the next page of a search').conflicts('after'),
  ],
  examples: [
    { text: 'What failed last', command: 'chancy job list --state failed --limit 5' },
    {
      text: 'Jobs of a customer that took long',
      command: `chancy job list --where 'args.customer:7 wall:>10s created:<2d'`,
    },
  ],
  watch: true,
  async run(call, { limit, after, ...given }) {
    const { where, order, cursor, queue, state, name } = given
    const chancy = call.chancy()
    const isSearch = where !== undefined || order !== undefined || cursor !== undefined
    const now = systemClock.now()
    if (!isSearch) {
      const jobs = await chancy.listJobs({ queue, state, name, limit, after })
      return { value: jobs, shown: jobs.map((job) => jobRow(job, now)) }
    }
    const filter = filterOfOptions(given)
    const options = { limit, ...(order && { order }), ...(cursor && { cursor }) }
    const page = await searchedJobs(chancy, filter, options)
    const rest = restInWords(page)
    if (rest !== null) call.note(rest)
    return { value: page.items, shown: page.items.map((job) => jobRow(job, now)) }
  },
})
