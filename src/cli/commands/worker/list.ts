import { systemClock } from '../../../core/clock.ts'
import { command } from '../../program/command.ts'
import { relativeText } from '../../terminal/duration-text.ts'

export const workerList = command({
  name: 'worker list',
  summary: 'list the workers that live, and those that were lost in the last day',
  watch: true,
  async run(call) {
    const workers = await call.chancy().getWorkers()
    const now = systemClock.now()
    const shown = workers.map(
      ({ id, label, alive, paused, queues, startedAt, renewedAt, tags }) => ({
        id,
        label,
        state: alive ? (paused ? 'paused' : 'alive') : 'lost',
        started: relativeText(startedAt, now),
        renewed: relativeText(renewedAt, now),
        queues,
        // A worker has some of its own, such as its id.
        tags: call.global.verbose === true ? tags : null,
      }),
    )
    return { value: workers, shown }
  },
})
