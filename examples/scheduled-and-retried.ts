/** Jobs that start later, that fail at first, that give up, and that are only needed once. */
import { Chancy, DiscardJob, job, SnoozeJob, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'

const remind = job({ name: 'remind' }, (_: object, { job }) => {
  return job.scheduledAt !== null && new Date() >= job.scheduledAt
})

const flaky = job(
  { name: 'flaky', maxAttempts: 3, backoff: { base: '100ms', factor: 2, jitter: 0 } },
  (_: object, { attempt }) => {
    if (attempt < 3) throw new Error(`no luck in attempt ${attempt}`)
    return `worked in attempt ${attempt}`
  },
)

const charge = job({ name: 'charge', maxAttempts: 5 }, () => {
  throw new DiscardJob('the card has expired')
})

let isOpen = false
const visit = job({ name: 'visit' }, (_: object, { attempt }) => {
  if (isOpen) return `in attempt ${attempt}`
  isOpen = true
  throw new SnoozeJob('100ms')
})

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  jobs: [remind, flaky, charge, visit],
})
await chancy.migrate()
await using worker = new Worker(chancy)
await worker.start()

const reminded = await chancy.waitForJob(await chancy.push(remind.job.withDelay('500ms')))
console.log('scheduled:', reminded.state, 'on time:', reminded.result)

const retried = await chancy.waitForJob(await chancy.push(flaky))
for (const { attempt, kind, message } of retried.errors) console.log(attempt, kind, message)
console.log('retried:', retried.state, retried.result)

const discarded = await chancy.waitForJob(await chancy.push(charge))
console.log(
  'discarded:',
  discarded.state,
  'attempts:',
  discarded.attempts,
  discarded.errors[0]?.message,
)

const snoozed = await chancy.waitForJob(await chancy.push(visit))
console.log('snoozed:', snoozed.state, snoozed.result)

const nightly = remind.job.withUniqueKey('nightly').withDelay('1h')
const first = await chancy.push(nightly)
const second = await chancy.push(nightly)
console.log('unique:', second.equals(first), 'created:', first.created, second.created)
console.log('cancel:', await chancy.cancel(first))
