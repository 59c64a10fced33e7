// A worker in a process of its own that fires schedules, and says when it leads and what it fires.
import { createInterface } from 'node:readline'
import { Chancy, job, Worker } from 'chancy'
import { cron } from 'chancy/plugins/cron'
import { leadership } from 'chancy/plugins/leadership'

const say = (value) => console.log(JSON.stringify(value))
const [url, schema] = process.argv.slice(2)
const beat = job({ name: 'beat' }, () => 'done')
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const plugins = [leadership({ lease: '4s', renew: '1s' }), cron()]
const chancy = new Chancy(url, { schema, jobs: beat, plugins, logger })
chancy.on('leadership.gained', () => say({ leads: true }))
chancy.on('leadership.lost', () => say({ leads: false }))
chancy.on('cron.fired', ({ at }) => say({ fired: at.toISOString() }))
const worker = new Worker(chancy, { signals: false })
await worker.start()
say({ started: worker.id })
createInterface({ input: process.stdin }).once('line', async () => {
  await worker.stop()
  await chancy.close()
  process.exit(0)
})
