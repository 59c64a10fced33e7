import { Option } from 'commander'
import { ConfigError, type JobChange } from '../../../index.ts'
import { actingUser } from '../../program/acting-user.ts'
import { command } from '../../program/command.ts'
import { instantValue, jsonValue, wholeNumber } from '../../program/values.ts'
import { actOnFound } from '../bulk/act-on-found.ts'
import { actingOptions, isByFilter, whereOption } from './filter-options.ts'
import { jobFields } from './job-row.ts'

interface Given {
  readonly id?: string
  readonly where?: string
  readonly dryRun?: boolean
  readonly rate?: number
  readonly reason?: string
  readonly priority?: number
  readonly queue?: string
  readonly at?: Date
  readonly maxAttempts?: number
  readonly args?: unknown
  readonly meta?: unknown
}

/** The lowest 32-bit integer. */
const LOWEST = -2_147_483_648

export const jobEdit = command<Given>({
  name: 'job edit [id]',
  summary: 'change a job that waits, or with --where all that fit a filter',
  details:
    'What is not given stays. A job that runs or has finished is refused. With --where it is either --priority or --queue.',
  options: [
    new Option('--priority <number>', 'higher comes first').argParser(wholeNumber(LOWEST)),
    new Option('--queue <name>', 'moves it to this queue'),
    new Option('--at <time>', 'not before this instant, or this long from now').argParser(
      instantValue,
    ),
    new Option('--max-attempts <number>', 'how often it is tried in all').argParser(wholeNumber(1)),
    new Option('--args <json>', 'its arguments, an object').argParser(jsonValue),
    new Option('--meta <json>', 'its metadata, an object').argParser(jsonValue),
    whereOption(),
    ...actingOptions(),
  ],
  examples: [
    {
      text: 'Let a job come first',
      command: 'chancy job edit 0192f3a4-8b1c-7d2e-9f30-123456789abc --priority 10',
    },
    {
      text: 'Move what waits of a customer',
      command: `chancy job edit --where 'queue:mail meta.tenant:7' --queue bulk-mail`,
    },
  ],
  interruptible: true,
  async run(call, { id, at, ...given }) {
    const { priority, queue, maxAttempts, args, meta, where, dryRun, rate, reason } = given
    const all = { priority, queue, maxAttempts, scheduledAt: at, args, meta }
    const change = Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    ) as JobChange
    if (Object.keys(change).length === 0) {
      throw new ConfigError(
        'job edit: give some of --priority, --queue, --at, --max-attempts, --args and --meta.',
      )
    }
    const isWhere = isByFilter(
      'job edit',
      { id: id === undefined ? [] : [id], where, dryRun, rate },
      '--where',
    )
    if (isWhere) return actOnFound(call, requestOf(change), { where, dryRun, rate, reason })
    const job = await call.chancy().editJob(id ?? '', change, actingUser(reason))
    return { value: job, shown: jobFields(job) }
  },
})

/** @throws {ConfigError} for more than one of the two */
function requestOf(change: JobChange): { action: 'move' | 'reprioritise' } & JobChange {
  const { priority, queue } = change
  if (Object.keys(change).length === 1) {
    if (priority !== undefined) return { action: 'reprioritise', priority }
    if (queue !== undefined) return { action: 'move', queue }
  }
  throw new ConfigError('job edit: with --where give either --priority or --queue, and no other.')
}
