import { Option } from 'commander'
import { systemClock } from '../../../core/clock.ts'
import { command } from '../../program/command.ts'
import { durationValue, instantValue } from '../../program/values.ts'

interface Given {
  readonly name: string
  readonly for?: number
  readonly resumeAt?: Date
}

export const queuePause = command<Given>({
  name: 'queue pause <name>',
  summary: 'start nothing more of a queue, anywhere; what runs continues',
  options: [
    new Option('--for <time>', 'for this long; default: until "queue resume"')
      .argParser(durationValue)
      .conflicts('resumeAt'),
    new Option('--resume-at <instant>', 'until this instant').argParser(instantValue),
  ],
  examples: [
    { text: 'Pause the queue mail for an hour', command: 'chancy queue pause mail --for 1h' },
  ],
  async run(call, { name, for: ms, resumeAt: given }) {
    const resumeAt = ms === undefined ? given : new Date(systemClock.now() + ms)
    await call.chancy().pauseQueue(name, resumeAt === undefined ? {} : { resumeAt })
    const until = resumeAt === undefined ? '' : ` until ${resumeAt.toISOString()}`
    return {
      value: { queue: name, state: 'paused', resumeAt: resumeAt ?? null },
      shown: `The queue ${name} is paused${until}.`,
    }
  },
})
