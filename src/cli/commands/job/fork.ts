import { Option } from 'commander'
import { command } from '../../program/command.ts'
import { recordValue } from './job-arguments.ts'

interface Given {
  readonly id: string
  readonly before: string
  readonly args?: Readonly<Record<string, unknown>>
}

export const jobFork = command<Given>({
  name: 'job fork <id>',
  summary: 'push a durable job that has the steps of another one, up to a step',
  options: [
    new Option(
      '--before <step>',
      'it has all that were recorded before this one',
    ).makeOptionMandatory(),
    new Option('--args <json>', 'its arguments; those of the other one without it').argParser(
      recordValue,
    ),
  ],
  examples: [{ text: 'Run it again from a step on', command: 'chancy job fork ID --before book' }],
  async run(call, { id, before, args }) {
    const options = args === undefined ? { before } : { before, args }
    const ref = await call.chancy().fork(id, options)
    return { value: { id: ref.id }, shown: ref.id }
  },
})
