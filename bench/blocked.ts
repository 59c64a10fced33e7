/**
 * Pushes many jobs of one group of max 1, and unlimited ones behind them at the same priority, and compares
 * how soon those start with an empty table: one that was pushed before the worker started, and then
 * many, in turns; once with the entries of the claims' index that the blocked ones left behind, and once
 * after a vacuum. Exit status 1: the first one took more than twice as long, or there was a deadlock.
 *
 *   npm run bench:blocked -- [--blocked 1000000] [--jobs 1000] [--rounds 10] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { Chancy, job, Queue, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import { deadlocksSince } from './support/deadlocks.ts'

const { values } = parseArgs({
  options: {
    blocked: { type: 'string', default: '1000000' },
    jobs: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '10' },
    database: { type: 'string' },
  },
})
const blocked = Number(values.blocked)
const count = Number(values.jobs)
const rounds = Number(values.rounds)
/** While the first job starts, and from then on. */
const [FEW_SLOTS, SLOTS] = [10, 1_000]
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const url = dsn ?? (await server!.url())
const client = new pg.Client({ connectionString: url })
await client.connect()
const deadlocks = await deadlocksSince(client)

interface Side {
  /** From the start of the worker to that of a job that was pushed before, in milliseconds. */
  readonly firstMs: number
  /** Pushes that many jobs, and returns the time from the push to the start of each, in milliseconds. */
  latencies(jobs: number, howMany: 'one by one' | 'together'): Promise<number[]>
  stop(): Promise<void>
}

async function side(schema: string, behind: number): Promise<Side> {
  let open: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const held = job({ name: 'held' }, () => gate)
  const startedAt: number[] = []
  let onStart: () => void = () => {}
  const free = job({ name: 'free' }, () => {
    startedAt.push(performance.now())
    onStart()
  })
  const chancy = new Chancy(url, { schema, jobs: [held, free] })
  await chancy.migrate({ to: 0 })
  await chancy.migrate()
  await chancy.declare(new Queue('default', { executor: 'inline', concurrency: FEW_SLOTS }))
  const worker = new Worker(chancy, { shutdownTimeout: '1s' })
  let scanned = 0
  chancy.on('queue.polled', (poll) => {
    scanned += poll.scanned
  })
  if (behind > 0) {
    const limited = held.job.withConcurrency(1)
    const pushing = performance.now()
    await chancy.pushMany(
      (function* () {
        for (let n = 0; n <= behind; n++) yield limited
      })(),
    )
    const seconds = ((performance.now() - pushing) / 1_000).toFixed(1)
    console.log(`pushed ${behind.toLocaleString('en')} jobs of one group of max 1 in ${seconds} s`)
  }
  await chancy.push(free)
  const started = new Promise<void>((resolve) => {
    onStart = resolve
  })
  const begun = performance.now()
  await worker.start()
  await started
  const firstMs = startedAt[0]! - begun
  console.log(
    `behind ${behind.toLocaleString('en')}: a job that waits starts ${firstMs.toFixed(1)} ms after its worker, ${scanned} rows scanned`,
  )
  const more = new Queue('default', { executor: 'inline', concurrency: SLOTS })
  await chancy.declare(more, { upsert: true })
  return {
    firstMs,
    async latencies(jobs, howMany) {
      const times: number[] = []
      const each = howMany === 'together' ? jobs : 1
      for (let left = jobs; left > 0; left -= each) {
        startedAt.length = 0
        const started = new Promise<void>((resolve) => {
          onStart = () => startedAt.length === each && resolve()
        })
        const pushedAt = performance.now()
        await chancy.pushMany(Array(each).fill(free.job))
        await started
        for (const at of startedAt) times.push(at - pushedAt)
      }
      return times
    },
    async stop() {
      await client.query(`TRUNCATE ${schema}.jobs`)
      open()
      await worker.stop()
      await chancy.migrate({ to: 0 })
      await chancy.close()
    },
  }
}

// The first is to warm up.
await (await side('bench_empty', 0)).stop()
const behind = await side('bench_blocked', blocked)
const empty = await side('bench_empty', 0)
const ratio = behind.firstMs / empty.firstMs
console.log(`ratio ${ratio.toFixed(2)}`)
for (const state of ['as they are', 'after a vacuum']) {
  if (state !== 'as they are') await client.query('VACUUM bench_blocked.jobs')
  console.log(state)
  await compare('one by one')
  await compare('together')
}
await behind.stop()
await empty.stop()
const found = await deadlocks()
if (found > 0) console.log(`FAULT: ${found} deadlocks`)
if (ratio > 2) console.log('FAULT: the first one took more than twice as long')
process.exitCode = found > 0 || ratio > 2 ? 1 : 0
await client.end()
await server?.close()

async function compare(howMany: 'one by one' | 'together'): Promise<void> {
  const found = { behind: [] as number[], empty: [] as number[] }
  // The first round is to warm up.
  for (let round = 0; round <= rounds; round++) {
    const jobs = howMany === 'together' ? count : Math.ceil(count / rounds)
    const times = await empty.latencies(jobs, howMany)
    const others = await behind.latencies(jobs, howMany)
    if (round === 0) continue
    found.empty.push(...times)
    found.behind.push(...others)
  }
  const [with_, without] = [median(found.behind), median(found.empty)]
  console.log(
    `  ${count} unlimited jobs ${howMany}, median from push to start: ${without.toFixed(2)} ms on an empty table, ${with_.toFixed(2)} ms behind ${blocked.toLocaleString('en')} blocked jobs, ratio ${(with_ / without).toFixed(2)}`,
  )
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1] ?? 0
}
