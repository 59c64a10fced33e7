// A worker in a process of its own. Its jobs write what they do into a file that outlives the process,
// a line an event, and what happens to it is said on standard output. Plain JavaScript: it is started by
// the dozen, and a loader of TypeScript would take longer than the rest of its start.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, job, Worker } from 'chancy'

// It ends with the process that started it, also when that one was killed.
process.stdin.once('end', () => process.exit(1)).resume()
process.stdin.unref()
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
// { url, schema, file, worker: its options, events: names of events }
const order = JSON.parse(process.argv[2])
const note = (line) =>
  appendFileSync(order.file, `${JSON.stringify({ ...line, pid: process.pid })}\n`)

/** Runs for a while, and writes to the file that it began and that it ended; or fails the first times. */
export const work = job(
  { name: 'work', maxAttempts: 1 },
  async ({ ms, fails = 0 }, { job: { id }, attempt, fence, signal, progress }) => {
    note({ what: 'start', id, attempt, fence, at: Date.now() })
    try {
      if (ms > 0) await sleep(ms, undefined, { signal })
    } catch (error) {
      note({ what: 'abort', id, attempt, fence, at: Date.now() })
      throw error
    }
    progress(fence)
    if (attempt <= fails) throw new Error(`attempt ${attempt}`)
    note({ what: 'end', id, attempt, fence, at: Date.now() })
    return { pid: process.pid }
  },
)

/** Does not listen to its signal. */
export const deaf = job({ name: 'deaf' }, async ({ ms }, { job: { id }, attempt, fence }) => {
  note({ what: 'start', id, attempt, fence, at: Date.now() })
  await sleep(ms)
  note({ what: 'end', id, attempt, fence, at: Date.now() })
})

/** Takes its worker with it. */
export const poison = job({ name: 'poison' }, (_, { job: { id }, attempt, fence }) => {
  note({ what: 'start', id, attempt, fence, at: Date.now() })
  process.kill(process.pid, 'SIGKILL')
})

/** Blocks the event loop. */
export const block = job({ name: 'block' }, ({ ms }, { job: { id }, attempt, fence }) => {
  note({ what: 'start', id, attempt, fence, at: Date.now() })
  const end = performance.now() + ms
  while (performance.now() < end);
  note({ what: 'end', id, attempt, fence, at: Date.now() })
})

const chancy = new Chancy(order.url, { schema: order.schema, jobs: [work, deaf, poison, block] })
const worker = new Worker(chancy, order.worker)
for (const name of order.events) chancy.on(name, (payload) => say({ event: name, ...payload }))
await worker.start()
process.prependListener('SIGTERM', () => say({ event: 'signal', at: Date.now() }))
say({ event: 'ready', workerId: worker.id })
await worker.stopped
await chancy.close()
say({ event: 'closed' })
