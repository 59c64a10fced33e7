// A worker in a process of its own. Its jobs write what they do into a file that outlives everybody,
// a line an event, and what happens to it is said on standard output.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, type EventName, job, Worker, type WorkerOptions } from 'chancy'

interface Order {
  readonly url: string
  readonly schema: string
  readonly file: string
  readonly worker: WorkerOptions
  readonly tell: readonly EventName[]
}

const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)
const order = JSON.parse(process.argv[2]!) as Order
const note = (line: object) =>
  appendFileSync(order.file, `${JSON.stringify({ ...line, pid: process.pid })}\n`)

/** Runs for a while, and says in the file that it began and that it ended. */
export const work = job(
  { name: 'work', maxAttempts: 1 },
  async ({ ms }: { ms: number }, { job: { id }, attempt, fence, signal }) => {
    note({ what: 'start', id, attempt, fence, at: Date.now() })
    if (ms > 0) await sleep(ms, undefined, { signal })
    note({ what: 'end', id, attempt, fence, at: Date.now() })
    return { pid: process.pid }
  },
)

/** Does not listen to its signal. */
export const deaf = job(
  { name: 'deaf' },
  async ({ ms }: { ms: number }, { job: { id }, attempt, fence }) => {
    note({ what: 'start', id, attempt, fence, at: Date.now() })
    await sleep(ms)
    note({ what: 'end', id, attempt, fence, at: Date.now() })
  },
)

/** Takes its worker with it. */
export const poison = job({ name: 'poison' }, (_: object, { job: { id }, attempt, fence }) => {
  note({ what: 'start', id, attempt, fence, at: Date.now() })
  process.kill(process.pid, 'SIGKILL')
})

/** Blocks the event loop. */
export const block = job(
  { name: 'block' },
  ({ ms }: { ms: number }, { job: { id }, attempt, fence }) => {
    note({ what: 'start', id, attempt, fence, at: Date.now() })
    const end = performance.now() + ms
    while (performance.now() < end);
    note({ what: 'end', id, attempt, fence, at: Date.now() })
  },
)

const chancy = new Chancy(order.url, { schema: order.schema, jobs: [work, deaf, poison, block] })
const worker = new Worker(chancy, order.worker)
for (const name of order.tell) chancy.on(name, (payload) => say({ event: name, ...payload }))
await worker.start()
say({ event: 'ready', workerId: worker.id })
await worker.stopped
await chancy.close()
say({ event: 'closed' })
