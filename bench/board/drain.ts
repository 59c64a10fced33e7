/** The rate at which plain jobs are drained, in a process that does nothing else. */
import { Chancy, job, Queue, Worker } from 'chancy'
import { failures } from 'chancy/plugins/failures'
import { leadership } from 'chancy/plugins/leadership'
import { metrics } from 'chancy/plugins/metrics'
import { perSecond } from '../support/stats.ts'

const QUEUE = 'drain'
const plain = job({ name: 'plain', queue: QUEUE }, () => {})

export async function declareDrain(database: string, schema: string): Promise<void> {
  await using chancy = new Chancy(database, { schema })
  await chancy.declare(new Queue(QUEUE, { executor: 'inline', tags: ['drain'] }))
}

/** Jobs a second, from the start of a worker until all of them are saved. */
export async function drainRate(database: string, schema: string, count: number): Promise<number> {
  await using chancy = new Chancy(database, {
    schema,
    jobs: plain,
    defaultPlugins: false,
    plugins: [leadership(), metrics(), failures()],
  })
  for (let left = count; left > 0; left -= 10_000)
    await chancy.pushMany(Array.from({ length: Math.min(left, 10_000) }, () => plain.job))
  const worker = new Worker(chancy, { tags: ['drain'], signals: false })
  const begun = performance.now()
  let saved = 0
  const done = new Promise<void>((resolve) => {
    chancy.on('outcomes.saved', (batch) => {
      saved += batch.saved
      if (saved >= count) resolve()
    })
  })
  await worker.start()
  await done
  const rate = perSecond(count, performance.now() - begun)
  await worker.stop()
  return rate
}
