/** Pushes a job, waits for it, and reads what it returned. */
import { Chancy, job, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'

const greet = job(
  { name: 'greet', priority: 1, maxAttempts: 3, args: { name: 'World' } },
  ({ name }: { name: string }) => `Hello, ${name}!`,
)

console.log('called directly:', greet({ name: 'Ada' }))

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), { jobs: greet })
await chancy.migrate()
await using worker = new Worker(chancy)
await worker.start()

const reference = await chancy.push(greet.job.withArgs({ name: 'Alice' }))
const done = await chancy.waitForJob(reference)
if (done.state === 'succeeded') console.log('run by the worker:', done.result)

const references = await chancy.pushMany(
  ['Bob', 'Carol'].map((name) => greet.job.withArgs({ name })),
)
for (const each of await chancy.waitForJobs(references)) console.log(each.state, each.result)
