// A schedule in code, one that the program declares, and what became of their ticks.
import { Chancy, job, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import {
  cron,
  diffSchedules,
  getTicks,
  pauseSchedule,
  preview,
  runNow,
  schedule,
  tickOf,
} from 'chancy/plugins/cron'

const report = job({ name: 'report' }, ({ to }: { to: string }, context) => {
  return `to ${to}, ${tickOf(context) === null ? 'by hand' : 'by its schedule'}`
})
const beat = job({ name: 'beat' }, (_, context) => tickOf(context)?.getUTCMilliseconds())

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  jobs: [report, beat],
  plugins: [cron({ schedules: [{ key: 'beat', every: '1s', job: beat }], set: 'example' })],
})
await chancy.migrate()
console.log('to be added:', (await diffSchedules(chancy)).added)

const weekdays = { cron: '30 2 * * MON-FRI,SUN', timeZone: 'Europe/Berlin' }
for (const { local, offset, note } of preview(weekdays, {
  count: 2,
  from: new Date('2026-03-27T12:00:00Z'),
})) {
  console.log(local, offset, note ?? '')
}

const fired = new Promise<string>((resolve) => chancy.on('cron.fired', ({ job }) => resolve(job)))
const worker = new Worker(chancy)
await worker.start()
await chancy.waitForJob(await fired)
console.log('what became of it:', (await getTicks(chancy, 'beat')).at(-1)?.what)

await schedule(chancy, { key: 'report', ...weekdays, job: report.job.withArgs({ to: 'Ada' }) })
const { state } = await pauseSchedule(chancy, 'report', { reason: 'holidays' })
const { result } = await chancy.waitForJob(await runNow(chancy, 'report'))
console.log(`${state}, and still: ${result}`)
await worker.stop()
