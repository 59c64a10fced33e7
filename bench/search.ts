/**
 * How long each question of a dashboard takes, with a history of many jobs and as many that wait: the filter, how many
 * jobs a page had, how many calls it took to get there, and the time of the first and of all of them.
 *
 *   npm run bench:search -- [--jobs 1000000] [--calls 20] [--keep] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { Chancy, type FindOptions } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import { fillHistory } from './support/filled-history.ts'

const SCHEMA = 'bench_search'
const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000000' },
    calls: { type: 'string', default: '20' },
    /** Leaves the rows there, and fills nothing where there are some. */
    keep: { type: 'boolean', default: false },
    database: { type: 'string' },
  },
})
const count = Number(values.jobs)
const calls = Number(values.calls)
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const url = dsn ?? (await server!.url())

/** As often as a page is continued that was not complete. */
const MAX_STEPS = 100
const QUESTIONS: readonly (readonly [string, string, FindOptions?])[] = [
  ['newest page of all', ''],
  ['newest page of a queue', 'queue:queue-7'],
  ['page of failed, by their ends', 'state:failed'],
  ['failed of a queue', 'state:failed queue:queue-7'],
  ['failed of a name that never failed', 'state:failed name:never'],
  ['a rare name, every state', 'name:rare.name'],
  ['a rare name, succeeded', 'state:succeeded name:rare.name'],
  ['a name that there is not', 'name:never state:finished'],
  ['names that begin so', 'rare.'],
  ['an argument', 'args.user.id:4711'],
  ['an argument that there is not', 'args.user.id:999999'],
  ['retrying among those that wait', 'state:retrying'],
  ['a queue without a job', 'queue:none'],
  ['a queue in its order', 'queue:queue-7', { order: 'line' }],
  ['what is due next', '', { order: 'due' }],
  ['a unique key', 'unique:none state:waiting'],
  ['finished of one day', 'finished:25h..49h state:failed'],
  ['pushed in an hour', 'created:24h..25h state:finished'],
  ['slow attempts', 'wall:>=999ms'],
]

const client = new pg.Client({ connectionString: url })
await client.connect()
const chancy = new Chancy(url, { schema: SCHEMA })
await chancy.migrate()
const { rows } = await client.query(`SELECT 1 FROM ${SCHEMA}.finished_jobs LIMIT 1`)
if (rows.length === 0) {
  const begun = performance.now()
  await fillHistory(client, SCHEMA, count, count, (line) => console.log(line))
  console.log(`filled in ${Math.round((performance.now() - begun) / 1_000)} s`)
}
console.log(
  `${count.toLocaleString('en')} finished jobs of 8 days and as many that wait; ${calls} calls each; Node ${process.version}, ${dsn === undefined ? 'embedded PostgreSQL, shared_buffers 2GB' : 'given server'}`,
)
for (const [what, text, options] of QUESTIONS) await measure(what, text, options)
for (const text of ['', 'state:failed', 'name:rare.name', 'args.user.id:4711']) {
  const begun = performance.now()
  const { jobs, more } = await chancy.countJobs(text)
  const ms = (performance.now() - begun).toFixed(1)
  console.log(`  count ${JSON.stringify(text).padEnd(46)} ${jobs}${more ? '+' : ''} in ${ms} ms`)
}
const { rows: days } = await client.query<{ partition: string }>(
  `SELECT c.relname AS partition FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
    WHERE h.inhparent = '${SCHEMA}.finished_jobs'::regclass ORDER BY 1`,
)
for (const kind of ['name', 'args']) {
  const begun = performance.now()
  for (const { partition } of days)
    await client.query(`SELECT ${SCHEMA}.index_day_1($1, $2)`, [partition, kind])
  console.log(
    `days that are over have their index of ${kind} in ${Math.round(performance.now() - begun)} ms`,
  )
}
for (const [what, text, options] of QUESTIONS)
  if (/rare\.name|name:never|args/.test(text)) await measure(what, text, options)
if (!values.keep) await chancy.migrate({ to: 0 })
await chancy.close()
await client.end()
await server?.close()

async function measure(what: string, text: string, options: FindOptions = {}): Promise<void> {
  const firsts: number[] = []
  for (let n = 0; n < calls; n++) {
    const begun = performance.now()
    await chancy.findJobs(text, options)
    firsts.push(performance.now() - begun)
  }
  firsts.sort((a, b) => a - b)
  const begun = performance.now()
  let found = 0
  let steps = 0
  for (let cursor: string | null = null; steps < MAX_STEPS; ) {
    const page = await chancy.findJobs(text, { ...options, cursor })
    steps += 1
    found += page.items.length
    cursor = page.next
    if (page.complete || cursor === null) break
  }
  const all = performance.now() - begun
  const at = (part: number) =>
    firsts[Math.min(calls - 1, Math.floor(calls * part))]!.toFixed(1).padStart(7)
  console.log(
    `  ${what.padEnd(36)} ${String(found).padStart(3)} jobs  p50 ${at(0.5)} ms  most ${at(1)} ms  to the page ${all.toFixed(0).padStart(6)} ms in ${steps}`,
  )
}
