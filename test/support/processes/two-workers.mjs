// Two workers in one process, both with signal handlers: one with nothing to do, and one whose only job
// runs until a line arrives on the standard input, and a while longer.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, job, Queue, Worker } from 'chancy'

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
// { url, schema, lingerMs }
const order = JSON.parse(process.argv[2])
const ordered = new Promise((resolve) => {
  createInterface({ input: process.stdin }).once('line', resolve)
})

const linger = job({ name: 'linger' }, async () => {
  say({ event: 'job' })
  await ordered
  await sleep(order.lingerMs)
  return 'whole'
})

const chancy = new Chancy(order.url, { schema: order.schema, jobs: linger })
chancy.on('worker.stopped', () => say({ event: 'stopped' }))
await chancy.declare(new Queue('idle', { executor: 'inline' }))
await chancy.declare(new Queue('busy', { executor: 'inline' }))
for (const queue of ['idle', 'busy']) await new Worker(chancy, { queues: [queue] }).start()
await chancy.push(linger.job.withQueue('busy'))
