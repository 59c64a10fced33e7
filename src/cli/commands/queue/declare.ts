import { InvalidArgumentError, Option } from 'commander'
import { type Duration, Queue, type QueueOptions } from '../../../index.ts'
import { command } from '../../program/command.ts'
import { listValue, wholeNumber } from '../../program/values.ts'

interface Given {
  readonly name: string
  readonly concurrency?: number
  readonly executor?: NonNullable<QueueOptions['executor']>
  readonly tags?: readonly string[]
  readonly rate?: { readonly max: number; readonly per: Duration }
  readonly pollingInterval?: Duration
  readonly upsert?: boolean
}

export const queueDeclare = command<Given>({
  name: 'queue declare <name>',
  summary: 'make a queue, or with --upsert change one',
  details:
    'A queue that exists stays as it is without --upsert; which options were ignored is printed. With --upsert what is not given becomes the default.',
  options: [
    new Option('--concurrency <number>', 'concurrent jobs per worker').argParser(
      wholeNumber(1, 10_000),
    ),
    new Option('--executor <kind>', 'how its jobs are run; default: process').choices([
      'inline',
      'thread',
      'process',
    ]),
    new Option(
      '--tags <patterns>',
      'regular expressions for the tags of workers, with commas; default: every worker',
    ).argParser(listValue),
    new Option('--rate <max/time>', 'starts in any window of that time, as 10/60s').argParser(
      rateValue,
    ),
    new Option(
      '--polling-interval <time>',
      'how often to poll without a notification; default: 5s',
    ),
    new Option('--upsert', 'change the queue when it exists'),
  ],
  examples: [
    {
      text: 'At most 10 mails a minute, from all workers together',
      command: 'chancy queue declare mail --executor inline --rate 10/60s',
    },
  ],
  async run(call, { name, rate, upsert = false, ...options }) {
    const queue = new Queue(name, rate === undefined ? options : { ...options, rateLimit: rate })
    const declared = await call.chancy().declare(queue, { upsert })
    const { ignored } = declared
    const shown =
      ignored.length === 0
        ? `The queue ${name} is declared.`
        : `The queue ${name} exists and stays as it is, with another ${ignored.join(', ')}. Add --upsert to change it.`
    return { value: declared, shown, isNo: ignored.length > 0 }
  },
})

function rateValue(text: string): { max: number; per: Duration } {
  const [, max, per] = /^(\d+)\/(\d+(?:\.\d+)?(?:ms|s|m|h|d))$/.exec(text) ?? []
  if (max === undefined || per === undefined)
    throw new InvalidArgumentError('It takes a number and a time, as 10/60s.')
  return { max: Number(max), per: per as Duration }
}
