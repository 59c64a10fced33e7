import { Option } from 'commander'
import { signal } from '../../../index.ts'
import { command } from '../../program/command.ts'
import { jsonValue } from '../../program/values.ts'

interface Given {
  readonly id: string
  readonly name: string
  readonly value?: unknown
  readonly key?: string
}

export const jobSignal = command<Given>({
  name: 'job signal <id> <name>',
  summary: 'send a signal to a durable job',
  details:
    'It is kept, in order, until the job asks for it. Exits with 1 when the job has finished.',
  options: [
    new Option('--value <json>', 'what it carries; null without it').argParser(jsonValue),
    new Option('--key <key>', 'the same key for the same job counts once'),
  ],
  examples: [
    { text: 'Approve it', command: `chancy job signal ID approved --value '{"by":"ada"}'` },
  ],
  async run(call, { id, name, value = null, key }) {
    const options = key === undefined ? {} : { key }
    const verdict = await call.chancy().signal(id, signal<unknown>(name), value, options)
    return { value: { id, name, verdict }, shown: verdict, isNo: verdict === 'finished' }
  },
})
