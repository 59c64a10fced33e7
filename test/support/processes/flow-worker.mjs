// A worker of the steps of workflows in a process of its own. Plain JavaScript, as in fleet-worker.mjs.
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, job, Worker } from 'chancy'

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
// { url, schema, worker: its options }
const order = JSON.parse(process.argv[2])
/** What a failed start shows; of a worker that runs nothing is printed, since faults are what it is here for. */
let hasStarted = false
const note = (fields, message) => {
  if (!hasStarted) console.error(message ?? fields, fields?.err ?? '')
}
const quiet = { debug() {}, info() {}, warn: note, error: note }

/** Takes `ms`, throws in its first `fails` attempts, and gives what other steps use. The fourth item of a map fails once. */
export const task = job(
  { name: 'task', queue: 'flows', backoff: { base: '50ms', factor: 1 } },
  async ({ n, ms = 0, fails = 0, items = 0, item }, { attempt, signal }) => {
    if (ms > 0) await sleep(ms, undefined, { signal })
    if (attempt <= fails || (item === 3 && attempt === 1)) throw new Error('failed on purpose')
    return { n, yes: n % 3 !== 0, list: Array.from({ length: items }, (_, k) => k) }
  },
)

const chancy = new Chancy(order.url, { schema: order.schema, jobs: [task], logger: quiet })
const worker = new Worker(chancy, order.worker)
await worker.start()
hasStarted = true
say({ event: 'ready', workerId: worker.id })
await worker.stopped
await chancy.close()
