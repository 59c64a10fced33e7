/**
 * Signals and waits of durable jobs in numbers, with real workers.
 *
 *   npm run chaos:durable -- [--signals 10000] [--jobs 100] [--parked 0] [--plain 20000] [--rounds 3]
 *
 * `--signals`: that many are sent to `--jobs` jobs, a third before a worker runs and the others while workers take them, are
 * stopped and follow; every tenth by a transaction of the sender, every seventh twice with one key. Each job must get
 * each once, in the order of its sender. `--parked`: how fast `--plain` jobs are claimed and run beside that many durable
 * jobs that wait, in turns with none, and what a worker holds in memory.
 */
import { parseArgs } from 'node:util'
import { Chancy, Job, job, Queue, signal, Worker } from 'chancy'
import pg from 'pg'
import { withServer } from '../support/flows/own-server.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'

const { values } = parseArgs({
  options: {
    signals: { type: 'string', default: '10000' },
    jobs: { type: 'string', default: '100' },
    parked: { type: 'string', default: '0' },
    plain: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
  },
})
const schema = 'durable_trials'
const number = signal<{ k: number }, 'number'>('number')
const collect = job({ name: 'collect', durable: true }, async ({ n }: { n: number }, ctx) => {
  const got: number[] = []
  while (got.length < n) {
    const { k } = await ctx.waitForSignal(number)
    got.push(k)
    // Others come in the middle of a step, too.
    if (k % 5 === 0) await ctx.step(`step ${k}`, () => new Promise((end) => setTimeout(end, 2)))
  }
  return got
})
const plain = job({ name: 'plain' }, () => null)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

async function signals(url: string, total: number, count: number): Promise<string[]> {
  const each = Math.ceil(total / count)
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  await using chancy = new Chancy(url, { schema, jobs: [collect], logger: quiet })
  await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 20 }))
  const refs = await chancy.pushMany(
    Array.from({ length: count }, () => collect.job.withArgs({ n: each })),
  )
  let sent = 0
  const send = async (n: number, k: number): Promise<void> => {
    const ref = refs[n]!
    sent++
    if (k % 10 === 0) {
      const client = await pool.connect()
      await client.query('BEGIN')
      await chancy.signal(ref, number, { k }, { session: client })
      await client.query('COMMIT')
      client.release()
    } else if (k % 7 === 0) {
      await chancy.signal(ref, number, { k }, { key: `k${k}` })
      await chancy.signal(ref, number, { k }, { key: `k${k}` })
    } else await chancy.signal(ref, number, { k })
  }
  const before = Math.floor(each / 3)
  const sender = async (n: number, from: number, to: number): Promise<void> => {
    for (let k = from; k < to; k++) await send(n, k)
  }
  const started = performance.now()
  await Promise.all(refs.map((_, n) => sender(n, 0, before)))
  let worker = new Worker(chancy, { signals: false })
  await worker.start()
  const sending = Promise.all(refs.map((_, n) => sender(n, before, each)))
  let isOver = false
  const restarts = (async () => {
    let times = 0
    while (!isOver) {
      await new Promise((end) => setTimeout(end, 1_500))
      const next = new Worker(chancy, { signals: false })
      await Promise.all([worker.stop(), next.start()])
      worker = next
      times++
    }
    return times
  })()
  await sending
  const problems: string[] = []
  for (const done of await chancy.waitForJobs<number[]>(refs, { timeout: '5m' })) {
    const got = done.result ?? []
    const wanted = Array.from({ length: each }, (_, k) => k)
    if (JSON.stringify(got) !== JSON.stringify(wanted))
      problems.push(`job ${done.id} is ${done.state} and got ${JSON.stringify(got).slice(0, 200)}`)
  }
  const ms = performance.now() - started
  isOver = true
  const times = await restarts
  await worker.stop()
  await pool.end()
  const text = `${sent.toLocaleString('en')} signals to ${count} jobs, ${times} workers replaced`
  console.log(`${text}: ${problems.length} jobs wrong, ${Math.round(ms).toLocaleString('en')} ms`)
  return problems
}

async function parked(url: string, count: number, jobs: number, rounds: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const rates: { readonly [kind in 'with' | 'without']: number[] } = { with: [], without: [] }
  const memory: { readonly [kind in 'with' | 'without']: number[] } = { with: [], without: [] }
  await using chancy = new Chancy(url, { schema, jobs: [plain, collect], logger: quiet })
  await chancy.declare(new Queue('default', { executor: 'inline' }))
  for (let round = 0; round <= rounds; round++)
    for (const kind of ['without', 'with'] as const) {
      await client.query(`DELETE FROM ${schema}.jobs`)
      if (kind === 'with')
        await client.query(
          `INSERT INTO ${schema}.jobs (id, queue, name, args, priority, attempts, max_attempts, fence, waits, run_at, extras)
           SELECT ${schema}.new_id(), 'default', 'collect', '{"n": 1}', 0, 0, 3, 1, 'wait', now() + interval '30 days',
                  '{"open": [{"name": "sleep", "kind": "sleep"}]}' FROM generate_series(1, $1)`,
          [count],
        )
      await client.query(`VACUUM ${schema}.jobs`)
      // What the server still writes of the insert is no part of the measurement.
      await client.query('CHECKPOINT')
      await new Promise((end) => setTimeout(end, 1_500))
      const worker = new Worker(chancy, { signals: false })
      let left = jobs
      // By the events of the worker: a query for what is left would read all that wait.
      const drained = new Promise<void>((end) => {
        const stop = chancy.on('job.finished', () => {
          if (--left > 0) return
          stop()
          end()
        })
      })
      await chancy.pushMany(Array.from({ length: jobs }, () => Job.named('plain')))
      const started = performance.now()
      await worker.start()
      await drained
      // The first round warms up.
      if (round > 0) rates[kind].push((jobs * 1_000) / (performance.now() - started))
      memory[kind].push(process.memoryUsage().rss / 1_048_576)
      await worker.stop()
    }
  await client.end()
  const median = (all: readonly number[]): number =>
    [...all].sort((a, b) => a - b)[all.length >> 1]!
  const ratio = (median(rates.with) / median(rates.without)) * 100
  const show = (all: readonly number[], digits: number): string => median(all).toFixed(digits)
  console.log(
    `${jobs} plain jobs beside ${count} that wait: ${show(rates.with, 0)} a second, ${show(rates.without, 0)} without (${ratio.toFixed(1)} %); ${show(memory.with, 0)} and ${show(memory.without, 0)} MiB`,
  )
}

await withServer(async (url) => {
  await freshSchema(url, schema)
  const total = Number(values.signals)
  const problems = total === 0 ? [] : await signals(url, total, Number(values.jobs))
  for (const problem of problems.slice(0, 20)) console.log(`  WRONG ${problem}`)
  if (Number(values.parked) > 0)
    await parked(url, Number(values.parked), Number(values.plain), Number(values.rounds))
  await dropSchema(url, schema)
  process.exitCode = problems.length === 0 ? 0 : 1
})
