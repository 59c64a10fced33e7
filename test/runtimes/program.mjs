// Runs one job by the executor of the first argument, and stops. For other runtimes than Node.
import { Chancy, Queue, Worker } from 'chancy'
import { greet } from './jobs.mjs'

const [executor] = process.argv.slice(2)
const chancy = new Chancy(process.env.DATABASE_URL, {
  schema: `runtimes_${executor}`,
  jobs: new URL('./jobs.mjs', import.meta.url),
})
await chancy.migrate()
await chancy.declare(new Queue('default', { executor }))
const worker = new Worker(chancy)
await worker.start()
const reference = await chancy.push(greet.job.withArgs({ name: 'Ada' }))
const done = await chancy.waitForJob(reference, { timeout: '30s' })
console.log(done.state, done.result)
await worker.stop()
await chancy.close()
