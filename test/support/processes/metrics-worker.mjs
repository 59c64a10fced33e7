// A worker in a process of its own that writes its metrics each second. "task" returns, "long" never ends.
import { Chancy, job, Queue, Worker } from 'chancy'
import { metrics } from 'chancy/plugins/metrics'

const say = (value) => console.log(JSON.stringify(value))
const [url, schema] = process.argv.slice(2)
const task = job({ name: 'task' }, () => 'ok')
const long = job({ name: 'long' }, () => {
  say('long')
  return new Promise((resolve) => setTimeout(resolve, 600_000))
})
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const plugins = [metrics({ flush: '1s' })]
const chancy = new Chancy(url, { schema, jobs: [task, long], logger, plugins })
await chancy.declare(new Queue('default', { executor: 'inline' }))
const worker = new Worker(chancy, { lease: '2s', heartbeat: '300ms' })
await worker.start()
say('ready')
