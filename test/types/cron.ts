// What must compile of schedules, and what must not.
import { type Chancy, Job, job } from 'chancy'
import { cron, schedule, tickOf } from 'chancy/plugins/cron'

declare const chancy: Chancy
const mail = job({ name: 'mail' }, ({ to }: { to: string }) => to.length)
const beat = job({ name: 'beat' }, (_, context) => tickOf(context)?.getTime())

export const declared = cron({
  schedules: [
    {
      key: 'mail',
      cron: '0 7 * * *',
      timeZone: 'Europe/Berlin',
      job: mail.job.withArgs({ to: 'a' }),
    },
    { key: 'beat', every: '5s', job: beat, catchUp: { all: 3 }, overlap: 'queue' },
    { key: 'named', cron: '@daily', job: Job.named('other', { args: { n: 1 } }) },
  ],
  set: 'app',
})
export const none = cron()

// @ts-expect-error the job lacks its arguments
cron({ schedules: [{ key: 'mail', cron: '0 7 * * *', job: mail }], set: 'app' })
// @ts-expect-error no such policy
cron({ schedules: [{ key: 'beat', cron: '0 7 * * *', job: beat, overlap: 'merge' }], set: 'app' })

export async function calls(): Promise<void> {
  await schedule(chancy, { key: 'mail', cron: '0 7 * * *', job: mail.job.withArgs({ to: 'a' }) })
  // @ts-expect-error the job lacks its arguments
  await schedule(chancy, { key: 'mail', cron: '0 7 * * *', job: mail })
  // @ts-expect-error a duration has a unit
  await schedule(chancy, { key: 'beat', every: '5 minutes', job: beat })
  chancy.on('cron.fired', ({ key, at, job: id }) => [key.length, at.getTime(), id.length])
  // @ts-expect-error there is no such field
  chancy.on('cron.broken', ({ why }) => why)
}
