import { command } from '../../program/command.ts'

export const queueResume = command<{ readonly name: string }>({
  name: 'queue resume <name>',
  summary: 'start jobs of a paused queue again',
  async run(call, { name }) {
    await call.chancy().resumeQueue(name)
    return { value: { queue: name, state: 'active' }, shown: `The queue ${name} is active.` }
  },
})
