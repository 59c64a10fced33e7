import { command } from '../../program/command.ts'

export const queueDelete = command<{ readonly name: string }>({
  name: 'queue delete <name>',
  summary: 'remove a queue; its jobs stay and wait until it is declared again',
  async run(call, { name }) {
    const chancy = call.chancy()
    await chancy.deleteQueue(name)
    const { ready } = (await chancy.explainQueue(name)).counts
    const left = `${ready.jobs}${ready.hasMore ? ' or more' : ''} of its jobs wait.`
    return {
      value: { queue: name, removed: true, waiting: ready },
      shown: `The queue ${name} is removed.${ready.jobs === 0 ? '' : ` ${left}`}`,
    }
  },
})
