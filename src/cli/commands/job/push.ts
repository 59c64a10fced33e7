import { Option } from 'commander'
import { ConfigError, type Duration, type Job, type Reference } from '../../../index.ts'
import { type Answer, type Call, command } from '../../program/command.ts'
import { unlessAborted } from '../../program/ending.ts'
import { durationValue, instantValue, wholeNumber } from '../../program/values.ts'
import { argumentsGiven, recordValue } from './job-arguments.ts'
import { type JobOptions, jobOf, namedJob } from './named-job.ts'
import { pushFrom } from './push-from.ts'

interface Given extends JobOptions {
  readonly name: string
  readonly args?: string
  readonly from?: string
  readonly wait?: boolean
  readonly timeout?: number
}

const [MIN_PRIORITY, MAX_PRIORITY] = [-(2 ** 31), 2 ** 31 - 1]

export const jobPush = command<Given>({
  name: 'job push <name>',
  summary: 'push a job, or with --from one a line of a file',
  details:
    'With --app the job is as the application defines it, except for what is given. Otherwise it is pushed by its name: attempts, backoff and limits that are not given are those of the definition that the worker has, the queue is "default" and the priority 0.',
  options: [
    new Option('--args <json>', 'its arguments: a JSON object, @FILE or - for the standard input')
      .default('{}', '{}')
      .conflicts('from'),
    new Option('--from <file>', 'a job a line: its arguments as JSON; - for the standard input'),
    new Option('--queue <name>', 'default: that of the definition, else default'),
    new Option(
      '--priority <number>',
      'higher runs sooner; default: that of the definition, else 0',
    ).argParser(wholeNumber(MIN_PRIORITY, MAX_PRIORITY)),
    new Option('--max-attempts <number>', 'how often it is tried').argParser(
      wholeNumber(1, 1_000_000),
    ),
    new Option('--unique-key <key>', 'at most one job with this key waits or runs').conflicts(
      'from',
    ),
    new Option('--at <instant>', 'not before this instant')
      .argParser(instantValue)
      .conflicts('delay'),
    new Option('--delay <time>', 'not before this long from now').argParser(durationValue),
    new Option('--meta <json>', 'data that travels with it: a JSON object').argParser(recordValue),
    new Option(
      '--wait',
      'wait for its end and print the result; exits with 1 unless it succeeds',
    ).conflicts('from'),
    new Option('--timeout <time>', 'how long to wait; default: without end').argParser(
      durationValue,
    ),
  ],
  examples: [
    { text: 'Push a job', command: `chancy job push greet --args '{"who":"Ada"}'` },
    { text: 'Wait for its result', command: 'chancy job push report --wait --timeout 5m' },
    {
      text: 'A job a line of a file',
      command: 'chancy job push mail --from mails.jsonl --queue mail',
    },
  ],
  interruptible: true,
  isPatient: true,
  async run(call, given) {
    const { args: text = '{}', from, wait = false, timeout } = given
    if (timeout !== undefined && !wait)
      throw new ConfigError('job push: --timeout goes with --wait.')
    const defined = await jobOf(call.chancy(), given.name)
    if (from !== undefined) return pushFrom(call, from, (args) => namedJob(defined, given, args))
    const args = await argumentsGiven(call, text)
    const ref = await pushed(call, namedJob(defined, given, args))
    if (wait) return waited(call, ref.id, timeout)
    const { id, created } = ref
    if (!created) call.note(`A job with this unique key waits or runs already.`)
    return { value: { id, created }, shown: id }
  },
})

/** A database that is away is waited for, unless a signal comes. */
async function pushed(call: Call, job: Job<unknown, object, object>): Promise<Reference<unknown>> {
  const { signal } = call
  try {
    return await unlessAborted(signal, call.chancy().push(job))
  } catch (error) {
    if (signal.aborted) call.note('The database has not answered: the job may be pushed or not.')
    throw error
  }
}

async function waited(call: Call, id: string, timeout?: Duration): Promise<Answer> {
  const { signal } = call
  const wait = { signal, ...(timeout === undefined ? {} : { timeout }) }
  const job = await call
    .chancy()
    .waitForJob(id, wait)
    .catch((error: unknown) => {
      if (signal.aborted)
        call.note(`The wait is over, the job is not. What becomes of it: chancy job show ${id}`)
      throw error
    })
  const isNo = job.state !== 'succeeded'
  if (isNo)
    call.note(`The job ${id} ${job.state}: ${job.errors.at(-1)?.message ?? 'no attempt was made'}`)
  return { value: job, shown: isNo ? '' : JSON.stringify(job.result, null, 2), isNo }
}
