/**
 * How long `explain` and `explainQueue` take while many jobs wait, on tables that were never analyzed
 * and on the same ones analyzed.
 *
 *   npm run bench:explain -- [--jobs 1000000] [--calls 200] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { Chancy, job, Queue, type Reference, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'

const SCHEMA = 'bench_explain'
const SLOTS = 4
const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000000' },
    calls: { type: 'string', default: '200' },
    database: { type: 'string' },
  },
})
const count = Number(values.jobs)
const calls = Number(values.calls)
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const url = dsn ?? (await server!.url())

const plain = job({ name: 'plain' }, () => {})
let open: () => void = () => {}
const gate = new Promise<void>((resolve) => {
  open = resolve
})
const holds = job({ name: 'holds' }, () => gate)

const client = new pg.Client({ connectionString: url })
await client.connect()
const chancy = new Chancy(url, { schema: SCHEMA, jobs: [plain, holds] })
await chancy.migrate({ to: 0 })
await chancy.migrate()
await client.query(`ALTER TABLE ${SCHEMA}.jobs SET (autovacuum_enabled = false)`)

// All slots are taken for as long as it is measured, so that the line stays as it is.
await chancy.declare(new Queue('default', { executor: 'inline', concurrency: SLOTS }))
const worker = new Worker(chancy, { shutdownTimeout: '1s' })
await worker.start()
const limited = holds.job.withConcurrency(SLOTS)
const holders = await chancy.pushMany(Array(SLOTS).fill(limited))
await chancy.waitForJobs(holders, { states: ['running'] })

const refs = await chancy.pushMany(
  (function* () {
    for (let n = 0; n < count; n++) yield plain.job
  })(),
)
const asked: readonly (readonly [string, Reference])[] = [
  ['the first in the line', refs[0]!],
  ['in the middle of it', refs[count >> 1]!],
  ['the last', refs[count - 1]!],
  ['of the lowest priority', await chancy.push(plain.job.withPriority(-1))],
  ['of a full group', await chancy.push(limited)],
  ['scheduled', await chancy.push(plain.job.withDelay('1d'))],
]
console.log(
  `${count.toLocaleString('en')} jobs wait; ${calls} calls each; Node ${process.version}, ${dsn === undefined ? 'embedded PostgreSQL, shared_buffers 2GB' : 'given server'}`,
)
for (const state of ['never analyzed', 'analyzed']) {
  if (state === 'analyzed') await client.query(`ANALYZE ${SCHEMA}.jobs`)
  console.log(state)
  for (const [what, ref] of asked) await measure(`explain, ${what}`, () => chancy.explain(ref))
  await measure('explainQueue', () => chancy.explainQueue('default'))
}

open()
await worker.stop()
await chancy.migrate({ to: 0 })
await chancy.close()
await client.end()
await server?.close()

async function measure(what: string, call: () => Promise<unknown>): Promise<void> {
  const times: number[] = []
  for (let n = 0; n < calls; n++) {
    const begun = performance.now()
    await call()
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  const at = (part: number) => times[Math.min(calls - 1, Math.floor(calls * part))]!.toFixed(2)
  console.log(
    `  ${what.padEnd(34)} p50 ${at(0.5).padStart(6)} ms   p99 ${at(0.99).padStart(6)} ms   most ${at(1).padStart(6)} ms`,
  )
}
