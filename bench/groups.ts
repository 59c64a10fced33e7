/**
 * Drains many small groups and checks what is left: every job has succeeded, no more of a group ran at
 * once than may, there was no deadlock, and after the sweeps no row is left in any table beside the
 * history.
 *
 *   npm run bench:groups -- [--groups 100000] [--each 20] [--max 1] [--workers 1] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { Chancy, job, Queue, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import { deadlocksSince } from './support/deadlocks.ts'

const SCHEMA = 'bench_groups'
/** Tables that must be empty in the end. */
const HELPERS = ['jobs', 'claims', 'concurrency_groups', 'rate_starts', 'waiters', 'workers']
const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '100000' },
    each: { type: 'string', default: '20' },
    max: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    database: { type: 'string' },
  },
})
const groups = Number(values.groups)
const count = groups * Number(values.each)
const max = Number(values.max)
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const url = dsn ?? (await server!.url())
const client = new pg.Client({ connectionString: url })
await client.connect()
const deadlocks = await deadlocksSince(client)
const grouped = job({ name: 'grouped' }, (_: { group: number }) => {})

const chancy = new Chancy(url, { schema: SCHEMA, jobs: grouped })
await chancy.migrate({ to: 0 })
await chancy.migrate()
const others = Array.from(
  { length: Number(values.workers) - 1 },
  () => new Chancy(url, { schema: SCHEMA, jobs: grouped }),
)
await chancy.declare(new Queue('default', { executor: 'inline' }))
const pushing = performance.now()
await chancy.pushMany(
  (function* () {
    for (let n = 0; n < count; n++) {
      yield grouped.job.withArgs({ group: n % groups }).withConcurrency(max, 'group')
    }
  })(),
)
say(`pushed ${count.toLocaleString('en')} jobs of ${groups.toLocaleString('en')} groups`, pushing)

let saved = 0
const drained = new Promise<void>((resolve) => {
  const apps = [chancy, ...others]
  for (const each of apps) {
    each.on('outcomes.saved', (batch) => {
      saved += batch.saved
      if (saved >= count) resolve()
    })
  }
})
const draining = performance.now()
const workers = [chancy, ...others].map((each) => new Worker(each))
await Promise.all(workers.map((worker) => worker.start()))
await drained
const seconds = say('drained', draining)
console.log(`${Math.round(count / seconds).toLocaleString('en')} jobs/s`)
await Promise.all(workers.map((worker) => worker.stop()))
await Promise.all(others.map((each) => each.close()))

const sweeping = performance.now()
let removed = 0
let after: string | null = null
do {
  const [row]: { removed: number; last_key: string | null }[] = (
    await client.query(`SELECT removed, last_key FROM ${SCHEMA}.sweep_groups_1($1, 1000)`, [after])
  ).rows
  removed += row!.removed
  after = row!.last_key
} while (after !== null)
say(`swept ${removed.toLocaleString('en')} rows of groups`, sweeping)

const faults: string[] = []
for (const table of HELPERS) {
  const { rows } = await client.query(`SELECT count(*)::int AS n FROM ${SCHEMA}.${table}`)
  if (rows[0].n !== 0) faults.push(`${rows[0].n} rows are left in ${table}`)
}
const { rows: ended } = await client.query(
  `SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM ${SCHEMA}.finished_jobs
    WHERE state = 'succeeded'`,
)
if (ended[0].n !== count || ended[0].ids !== count) faults.push(`${ended[0].ids} have succeeded`)
const { rows: beside } = await client.query(
  `SELECT count(*)::int AS n
     FROM (
       SELECT f.at,
              sum(f.step) OVER (PARTITION BY f.concurrency_key ORDER BY f.at, f.step) AS running
         FROM (
           SELECT concurrency_key, started_at AS at, 1 AS step FROM ${SCHEMA}.finished_jobs
           UNION ALL
           SELECT concurrency_key, finished_at, -1 FROM ${SCHEMA}.finished_jobs) f) r
    WHERE running > ${max}`,
)
if (beside[0].n !== 0) faults.push(`${beside[0].n} started beside ${max} others of their group`)
await chancy.close()
if ((await deadlocks()) > 0) faults.push(`${await deadlocks()} deadlocks`)
console.log(
  faults.length === 0
    ? `all have succeeded, never more of a group concurrently than its limit, no deadlock, no row left in ${HELPERS.join(', ')}`
    : `FAULTS: ${faults.join('; ')}`,
)
process.exitCode = faults.length === 0 ? 0 : 1
await client.query(`DROP SCHEMA ${SCHEMA} CASCADE`)
await client.end()
await server?.close()

/** Prints how long it took, and returns the seconds. */
function say(what: string, begun: number): number {
  const seconds = (performance.now() - begun) / 1_000
  console.log(`${what} in ${seconds.toFixed(1)} s`)
  return seconds
}
