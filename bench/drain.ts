/**
 * Drains empty jobs through one worker process, `inline`, and prints jobs per second.
 *
 *   npm run bench:drain -- [--jobs 100000] [--runs 3] [--database postgres://…] [--fast-claims]
 *       [--groups 0] [--max 1]
 */
import { parseArgs } from 'node:util'
import { Chancy, embeddedPostgres, job, Queue, Worker } from './support/chancy.ts'
import { median, noteOfLength, perSecond, shown } from './support/stats.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '3' },
    database: { type: 'string' },
    groups: { type: 'string', default: '0' },
    max: { type: 'string', default: '1' },
    'fast-claims': { type: 'boolean', default: false },
  },
})
const count = Number(values.jobs)
const runs = Number(values.runs)
const dsn = values.database ?? process.env.DATABASE_URL
const durableClaims = !values['fast-claims']

const empty = job({ name: 'empty' }, () => {})
const grouped = job({ name: 'grouped' }, (_args: { group: number }) => {})
const database = dsn ?? embeddedPostgres({ settings: { shared_buffers: '2GB' } })

await using chancy = new Chancy(database, { schema: 'bench_lim', jobs: [empty, grouped] })
await chancy.migrate({ to: 0 })
await chancy.migrate()
await chancy.declare(new Queue('default', { executor: 'inline' }))

const groups = Number(values.groups)
const max = Number(values.max)
function jobOf(n: number) {
  return groups === 0
    ? empty.job
    : grouped.job.withArgs({ group: n % groups }).withConcurrency(max, 'group')
}

const rates: number[] = []
for (let run = 1; run <= runs; run++) {
  const pushedAt = performance.now()
  await chancy.pushMany(Array.from({ length: count }, (_, n) => jobOf(n)))
  const pushMs = performance.now() - pushedAt

  let saved = 0
  const done = new Promise<void>((resolve) => {
    const stop = chancy.on('outcomes.saved', (batch) => {
      saved += batch.saved
      if (saved < count) return
      stop()
      resolve()
    })
  })
  const startedAt = performance.now()
  const worker = new Worker(chancy, { durableClaims })
  await worker.start()
  await done
  const drainMs = performance.now() - startedAt
  await worker.stop()
  rates.push(perSecond(count, drainMs))
  console.log(
    `run ${run}: pushed ${shown(perSecond(count, pushMs))}/s, drained ${shown(perSecond(count, drainMs))}/s (start included)`,
  )
}
console.log(
  `${count} empty jobs, ${groups === 0 ? 'no groups' : `${groups} groups of max ${max}`}, inline, one process, Node ${process.version}, durableClaims ${durableClaims}, history and results kept, ${dsn === undefined ? 'embedded PostgreSQL, shared_buffers 2GB' : 'given server'}`,
)
console.log(`median ${shown(median(rates))} jobs/s`)
const note = noteOfLength(count)
if (note !== null) console.log(note)
console.log(`rss ${shown(process.memoryUsage().rss / 1024 ** 2)} MiB`)
