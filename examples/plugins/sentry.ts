// Reports the failed attempts of a job, here to a transport that prints them.
import * as Sentry from '@sentry/node'
import { Chancy, job, Worker } from 'chancy'
import { sentry } from 'chancy/plugins/sentry'

Sentry.init({
  dsn: 'https://key@sentry.invalid/1',
  skipOpenTelemetrySetup: true,
  transport: () => ({ send: async () => ({}), flush: async () => true }),
  beforeSend: (event) => {
    const [error] = event.exception?.values ?? []
    console.log(`attempt ${String(event.tags?.['job.attempt'])}: ${error?.type}: ${error?.value}`)
    return event
  },
})
const flaky = job({ name: 'flaky', maxAttempts: 3, backoff: { base: 1 } }, (_, { attempt }) => {
  if (attempt < 3) throw new RangeError('not yet')
  return 'done'
})
const chancy = new Chancy(process.env.DATABASE_URL ?? 'postgresql://localhost/postgres', {
  jobs: flaky,
  plugins: [sentry()],
})
await chancy.migrate()
const worker = new Worker(chancy)
await worker.start()
const { result } = await chancy.waitForJob(await chancy.push(flaky))
await worker.stop()
await chancy.close()
await Sentry.close()
console.log(result)
