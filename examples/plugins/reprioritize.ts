// A job of low priority that has waited long enough runs before one of a higher priority.
import { Chancy, job, Queue, rule, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { reprioritize } from 'chancy/plugins/reprioritize'

const send = job({ name: 'send', queue: 'mail' }, ({ to }: { to: string }) => {
  console.log('to', to)
})
const ofMail = rule.queue.eq('mail')

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  jobs: send,
  plugins: [reprioritize([{ where: ofMail, by: 5, per: '1s', to: 20 }], { every: '1s' })],
})
await chancy.migrate()
await chancy.declare(new Queue('mail', { executor: 'inline', concurrency: 1, state: 'paused' }))
const raised = new Promise((resolve) => chancy.on('reprioritize.raised', resolve))
await using worker = new Worker(chancy)
const waits = await chancy.push(send.job.withArgs({ to: 'Ada, who waits' }))
await worker.start()
await raised
const urgent = await chancy.push(send.job.withArgs({ to: 'Bob, at priority 3' }).withPriority(3))
await chancy.resumeQueue('mail')
await chancy.waitForJobs([waits, urgent])
