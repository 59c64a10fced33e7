// What becomes of a failed job, by what went wrong.
import { Chancy, job, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { retries } from 'chancy/plugins/retries'

class AddressUnknown extends Error {
  override name = 'AddressUnknown'
}

const send = job(
  { name: 'send', maxAttempts: 5, backoff: { base: '1h' } },
  ({ to }: { to: string }, { attempt }) => {
    if (to === 'nowhere')
      throw new Error('The mail was refused.', { cause: new AddressUnknown('no such user') })
    if (attempt < 3) throw new TypeError('The server is busy.')
    return `sent to ${to}`
  },
)

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  jobs: send,
  plugins: [
    retries([
      { when: { error: 'AddressUnknown' }, then: 'never' },
      { when: { name: 'send', kind: 'error' }, then: { after: '50ms' } },
      { when: (error) => error.code === 'ECONNREFUSED', then: { backoff: { base: '1m' } } },
    ]),
  ],
})
await chancy.migrate()
await using worker = new Worker(chancy)
await worker.start()
for (const to of ['nowhere', 'ada@example.org']) {
  const ref = await chancy.push(send.job.withArgs({ to }))
  const { state, attempts, errors } = await chancy.waitForJob(ref)
  console.log(`${to}: ${state} after ${attempts}, the first time: ${errors[0]?.message}`)
}
