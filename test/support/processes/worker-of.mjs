// A worker in a process of its own, for the jobs "task" (returns its argument n) and "boom" (throws).
import { createInterface } from 'node:readline'
import { Chancy, job, Worker } from 'chancy'

const say = (value) => console.log(JSON.stringify(value))
const [url, schema] = process.argv.slice(2)
const task = job({ name: 'task' }, ({ n }) => n)
const boom = job({ name: 'boom' }, () => {
  throw new TypeError('boom')
})
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const chancy = new Chancy(url, { schema, jobs: [task, boom], logger })
const worker = new Worker(chancy)
await worker.start()
say('ready')
createInterface({ input: process.stdin }).once('line', async () => {
  await worker.stop()
  await chancy.close()
  process.exit(0)
})
