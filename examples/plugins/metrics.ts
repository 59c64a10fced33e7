// What became of jobs, what waits, and a figure of the application's own.
import { Chancy, job, Queue, Worker } from 'chancy'
import { metricsText } from 'chancy/metrics/prometheus'
import { getGauges, getMeasurements, getMetrics, increment, metrics } from 'chancy/plugins/metrics'

const mail = job({ name: 'mail', queue: 'mail' }, async ({ to }: { to: string }) => {
  if (!to.includes('@')) throw new Error(`${to} is no address`)
})
const chancy = new Chancy(process.env.DATABASE_URL ?? 'postgresql://localhost/postgres', {
  jobs: mail,
  plugins: [metrics({ flush: '1s' })],
})
await chancy.migrate()
await chancy.declare(new Queue('mail', { executor: 'inline' }))

const addresses = ['ada@example.org', 'grace@example.org', 'nowhere']
const jobs = await chancy.pushMany(addresses.map((to) => mail.job.withArgs({ to })))
await chancy.push(mail.job.withArgs({ to: 'late@example.org' }).withDelay('1d'))
await increment(chancy, 'newsletters')
const worker = new Worker(chancy)
await worker.start()
await chancy.waitForJobs(jobs)

// The worker writes what it counted, and the one that leads adds it up.
const read = () => getMetrics(chancy, { queue: 'mail', step: '1d' })
let points = await read()
while (points.reduce((sum, { started }) => sum + started, 0) < addresses.length) {
  await new Promise((resolve) => setTimeout(resolve, 200))
  points = await read()
}
for (const { started, succeeded, failed, waitMs } of points)
  console.log({ started, succeeded, failed, waits: waitMs.count })
const [newsletters] = await getMeasurements(chancy, 'newsletters', { step: '1d' })
console.log('newsletters:', newsletters?.sum)

let gauges = await getGauges(chancy)
while (gauges.queues.find(({ queue }) => queue === 'mail')?.scheduled !== 1) {
  await new Promise((resolve) => setTimeout(resolve, 200))
  gauges = await getGauges(chancy)
}
console.log('workers:', gauges.workers, 'leads:', gauges.leader === worker.id)
const text = await metricsText(chancy)
for (const line of text.split('\n'))
  if (line.startsWith('chancy_attempts_total') && !line.endsWith(' 0')) console.log(line)
await worker.stop()
await chancy.close()
