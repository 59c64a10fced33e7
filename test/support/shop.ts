import { job, Queue, workflow } from 'chancy'
import { cron, schedule } from 'chancy/plugins/cron'
import { failures } from 'chancy/plugins/failures'
import { startApp, type TestApp } from './app.ts'

/** Names that break a page which takes them for markup, for a path or for one line. */
export const HOSTILE = '<img src=x onerror=alert(1)>'
const RIGHT_TO_LEFT = '\u202Egnp.exe'

export const greet = job(
  { name: 'greet', queue: 'mail' },
  ({ user }: { user: string }) => `hi ${user}`,
)
export const breaks = job({ name: 'breaks', queue: 'mail', maxAttempts: 1 }, () => {
  throw new TypeError(`${HOSTILE} is not a function ${RIGHT_TO_LEFT}`)
})
const add = job({ name: 'add', queue: 'mail' }, ({ n }: { n: number }) => n + 1)
const sums = workflow({ name: 'sums' }, (flow, { n }: { n: number }) => {
  const first = flow.step('first', add, { args: { n } })
  const broken = flow.step('broken', breaks, { after: [first] })
  flow.step('last', add, { args: { n: 1 }, after: [broken] })
})

export interface Shop {
  readonly app: TestApp
  readonly succeeded: string
  readonly failed: string
  readonly waiting: string
  readonly workflow: string
}

/** An application with a job in each state that a page shows, and names that no page may trust. */
export async function openShop(schema: string): Promise<Shop> {
  const app = await startApp({
    schema,
    jobs: [greet, breaks, add],
    plugins: [cron(), failures()],
  })
  const { chancy } = app
  for (const name of ['mail', 'sms', HOSTILE])
    await chancy.declare(new Queue(name, { executor: 'inline' }))
  await chancy.pauseQueue('sms')
  const succeeded = await chancy.push(greet.job.withArgs({ user: `${HOSTILE} ${'😀'.repeat(50)}` }))
  const failed = await chancy.push(breaks.job.withMeta({ note: RIGHT_TO_LEFT }))
  const waiting = await chancy.push(greet.job.withArgs({ user: 'eve' }).withQueue('sms'))
  await chancy.push(greet.job.withArgs({ user: 'bob' }).withQueue(HOSTILE).withDelay('1h'))
  const flow = await chancy.push(sums({ n: 1 }))
  await schedule(chancy, {
    key: 'nightly',
    cron: '30 2 * * *',
    timeZone: 'Europe/Berlin',
    job: greet.job.withArgs({ user: 'all' }),
  })
  await app.start({ version: 'v1' })
  await chancy.waitForJobs([succeeded, failed], { timeout: '20s' })
  await chancy.waitForWorkflow(flow, { timeout: '20s' })
  return { app, succeeded: succeeded.id, failed: failed.id, waiting: waiting.id, workflow: flow.id }
}
