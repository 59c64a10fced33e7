/**
 * Holds many jobs blocked on one group of max 1, pushes unlimited ones behind them at the same priority,
 * and compares how soon those start with an empty table, in turns; once with the entries of the claims'
 * index that the blocked ones left behind, and once after a vacuum.
 *
 *   npm run bench:blocked -- [--blocked 1000000] [--jobs 1000] [--rounds 10] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { Chancy, job, Queue, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'

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
const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '2GB' } }) : null
const url = dsn ?? (await server!.url())
const client = new pg.Client({ connectionString: url })
await client.connect()

interface Side {
  /** Pushes so many jobs, and gives the time from the push to the start of each, in milliseconds. */
  latencies(jobs: number, howMany: 'one by one' | 'at once'): Promise<number[]>
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
  await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1_000 }))
  const worker = new Worker(chancy, { shutdownTimeout: '1s' })
  if (behind > 0) {
    const limited = held.job.withConcurrency(1)
    let looked = 0
    const all = new Promise<void>((resolve) => {
      chancy.on('queue.polled', (poll) => {
        looked += poll.looked
        if (looked >= behind + 1) resolve()
      })
    })
    await chancy.pushMany(
      (function* () {
        for (let n = 0; n <= behind; n++) yield limited
      })(),
    )
    const begun = performance.now()
    await worker.start()
    await all
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${schema}.jobs WHERE blocked`,
    )
    console.log(
      `${rows[0]!.n.toLocaleString('en')} jobs are blocked on one group of max 1; ${seconds} s, ${looked.toLocaleString('en')} rows looked at`,
    )
  } else {
    await worker.start()
  }
  return {
    async latencies(jobs, howMany) {
      const times: number[] = []
      const each = howMany === 'at once' ? jobs : 1
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

const behind = await side('bench_blocked', blocked)
const empty = await side('bench_empty', 0)
for (const state of ['as they are', 'after a vacuum']) {
  if (state !== 'as they are') await client.query('VACUUM bench_blocked.jobs')
  console.log(state)
  await compare('one by one')
  await compare('at once')
}
await behind.stop()
await empty.stop()
await client.end()
await server?.close()

async function compare(howMany: 'one by one' | 'at once'): Promise<void> {
  const found = { behind: [] as number[], empty: [] as number[] }
  // The first round is to warm up.
  for (let round = 0; round <= rounds; round++) {
    const jobs = howMany === 'at once' ? count : Math.ceil(count / rounds)
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
