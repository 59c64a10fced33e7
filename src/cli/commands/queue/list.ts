import { command } from '../../program/command.ts'
import { durationText } from '../../terminal/duration-text.ts'
import { type CountedQueue, countedQueues, queueValue, rateText } from './queue-row.ts'

export const queueList = command({
  name: 'queue list',
  summary: 'list the queues with their jobs',
  details:
    'The jobs are counted by the worker that leads, every ten seconds; without a worker the numbers are the last ones, and "-" where there are none.',
  watch: true,
  async run(call) {
    const queues = await countedQueues(call.chancy())
    return { value: queues.map(queueValue), shown: queues.map(row) }
  },
})

function row({ queue, jobs }: CountedQueue): object {
  const { name, state, executor, concurrency, tags } = queue
  return {
    name,
    state,
    waiting: jobs?.waiting,
    running: jobs?.running,
    scheduled: jobs?.scheduled,
    blocked: jobs?.blocked,
    oldest: jobs?.oldestMs == null ? null : durationText(jobs.oldestMs),
    executor,
    slots: concurrency,
    rate: rateText(queue),
    tags: tags.join() === '.*' ? null : tags,
  }
}
