// A worker of durable jobs in a process of its own, which holds their attempts where the test says. Plain JavaScript, as in
// fleet-worker.mjs.
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, job, Worker } from 'chancy'
import pg from 'pg'

// { url, schema, file, worker: its options, events }
const order = JSON.parse(process.argv[2])
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const note = (value) =>
  appendFileSync(order.file, `${JSON.stringify({ pid: process.pid, ...value })}\n`)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const pool = new pg.Pool({ connectionString: order.url, max: 8 })

/** In the first process that comes here: until the file `go` is there. */
async function held(id, at) {
  note({ what: 'at', id, at })
  if (existsSync(`${order.file}.taken-over`)) return
  while (!existsSync(`${order.file}.go`)) await sleep(20)
}

/** Is held in a step, in a transaction before or after its write, or between steps. */
export const story = job(
  { name: 'story', durable: true, maxAttempts: 5 },
  async ({ where }, ctx) => {
    const { id } = ctx.job
    const saw = (step, value) => note({ what: 'saw', id, step, value })
    const at = (point) => (point === where ? held(id, point) : undefined)
    const first = await ctx.step('first', async () => {
      note({ what: 'ran', id, step: 'first' })
      await at('step')
      return process.pid
    })
    saw('first', first)
    const book = await ctx.transaction('book', pool, async (tx) => {
      note({ what: 'ran', id, step: 'book' })
      await at('before')
      await tx.query(`INSERT INTO "${order.schema}".bookings VALUES ($1, $2)`, [id, process.pid])
      await at('written')
      return process.pid
    })
    saw('book', book)
    await at('between')
    const pushed = await ctx.push(child.job.withArgs({ of: id }))
    saw('push', pushed.id)
    const last = await ctx.step('last', async () => {
      note({ what: 'last', id })
      // The job is still its own when stale attempts continue.
      while (!existsSync(`${order.file}.over`)) await sleep(20)
      return process.pid
    })
    saw('last', last)
    return last
  },
)
export const child = job({ name: 'child', queue: 'children' }, () => null)

const chancy = new Chancy(order.url, { schema: order.schema, jobs: [story, child], logger: quiet })
for (const name of order.events)
  chancy.on(name, (payload) => say({ event: name, at: Date.now(), payload }))
const worker = new Worker(chancy, { ...order.worker, queues: ['default'] })
await worker.start()
say({ event: 'ready', workerId: worker.id })
await worker.stopped
await chancy.close()
await pool.end()
