import { command } from '../../program/command.ts'
import { durationText } from '../../terminal/duration-text.ts'
import { rateText } from './queue-row.ts'

export const queueShow = command<{ readonly name: string }>({
  name: 'queue show <name>',
  summary: 'show a queue, and what its jobs wait for',
  async run(call, { name }) {
    const chancy = call.chancy()
    const queue = await chancy.getQueue(name)
    const { counts } = await chancy.explainQueue(name)
    const shown = {
      name: queue.name,
      state: queue.state,
      resumeAt: queue.resumeAt,
      executor: queue.executor,
      executorOptions: Object.keys(queue.executorOptions).length > 0 ? queue.executorOptions : null,
      concurrency: queue.concurrency ?? "the executor's",
      rate: rateText(queue),
      tags: queue.tags,
      pollingInterval: durationText(queue.pollingIntervalMs),
      jobs: Object.entries(counts)
        .filter(([kind, { jobs }]) => jobs > 0 || kind === 'ready' || kind === 'running')
        .map(([kind, { jobs, hasMore }]) => ({
          what: kind.replaceAll('-', ' '),
          jobs: hasMore ? `${jobs} or more` : String(jobs),
        })),
    }
    return { value: { ...queue, counts }, shown }
  },
})
