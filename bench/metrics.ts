/**
 * What the plugin metrics costs: pushes and drains of empty jobs, `inline`, with it and without it in turns; or, with
 * `--waiting`, how long its readers take while that many jobs wait, and how old their numbers are.
 *
 *   npm run bench:metrics -- [--jobs 50000] [--rounds 5] [--database postgres://…]
 *   npm run bench:metrics -- --waiting 10000000 [--queues 20] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import pg from 'pg'
import { leadership } from '../dist/plugins/leadership/leadership.js'
import { getGauges, getMetrics } from '../dist/plugins/metrics/metrics.js'
import { metricsText } from '../dist/plugins/metrics/prometheus.js'
import { pruner } from '../dist/plugins/pruner/pruner.js'
import { Chancy, embeddedPostgres, Worker } from './support/chancy.ts'
import { shown, spread } from './support/stats.ts'
import { table } from './support/table.ts'
import { compare, empty, newSchema } from './support/with-and-without.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '5' },
    waiting: { type: 'string' },
    queues: { type: 'string', default: '20' },
    database: { type: 'string' },
  },
})
const count = Number(values.jobs)
const rounds = Number(values.rounds)
const waiting = Number(values.waiting ?? 0)
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const database = dsn ?? (await server!.url())
const schema = 'bench_metrics'

await newSchema(database, schema)
if (waiting > 0) await readWhileWaiting()
else
  await compare({
    database,
    schema,
    jobs: count,
    rounds,
    // The other default plugins are there in both.
    optionsOf: (mode) =>
      mode === 'with' ? {} : { defaultPlugins: false, plugins: [leadership(), pruner()] },
    conditions: where(),
  })
await server?.close()

/** Jobs of queues that this worker does not serve, pushed by SQL. */
async function readWhileWaiting(): Promise<void> {
  const queues = Number(values.queues)
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  const BATCH = 50_000
  for (let at = 0; at < waiting; at += BATCH) {
    await client.query(
      `INSERT INTO ${schema}.jobs (id, queue, name, seq, position)
       SELECT ${schema}.new_id(), 'queue-' || (s.n % $1), 'waits', s.n, s.n
         FROM generate_series($2::bigint + 1, $2 + $3) AS s(n)`,
      [queues, at, Math.min(BATCH, waiting - at)],
    )
    if (at % 1_000_000 === 0) console.error(`${shown(at)} of ${shown(waiting)} jobs are there`)
  }
  await client.query(`VACUUM (ANALYZE) ${schema}.jobs`)
  await client.end()

  await using chancy = new Chancy(database, { schema, jobs: empty })
  const passes: number[] = []
  chancy.on('plugin.passed', ({ loop, error }) => {
    if (error !== null) console.error(error)
    if (loop === 'levels') passes.push(performance.now())
  })
  const startedAt = performance.now()
  const worker = new Worker(chancy, { queues: ['default'] })
  await worker.start()
  while (passes.length === 0) await new Promise((resolve) => setTimeout(resolve, 100))
  console.log(`counted to the end ${shown(performance.now() - startedAt)} ms after the start`)
  const before = process.cpuUsage()
  const watchedAt = performance.now()
  const times: Record<string, number[]> = { getGauges: [], metricsText: [], getMetrics: [] }
  for (let n = 0; n < 100; n++) {
    for (const [name, read] of Object.entries({ getGauges, metricsText, getMetrics })) {
      const beganAt = performance.now()
      await read(chancy)
      times[name]?.push(performance.now() - beganAt)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { user, system } = process.cpuUsage(before)
  const gauges = await getGauges(chancy)
  console.log(
    table(
      ['', 'median ms', 'longest ms'],
      Object.entries(times).map(([name, all]) => {
        const { median: middle, max } = spread(all)
        return [name, shown(middle, 1), shown(max, 1)]
      }),
    ),
  )
  const total = gauges.queues.reduce((sum, one) => sum + one.waiting, 0)
  const ages = gauges.queues.map(({ ageMs }) => ageMs ?? Number.NaN)
  console.log(
    `${shown(total)} of ${shown(waiting)} waiting jobs counted, ages ${shown(Math.min(...ages))} to ${shown(Math.max(...ages))} ms, ${shown((user + system) / (performance.now() - watchedAt) / 10, 1)} % of a CPU for worker and readers, ${where()}`,
  )
  await worker.stop()
}

function where(): string {
  return dsn === undefined ? 'embedded PostgreSQL' : 'given server'
}
