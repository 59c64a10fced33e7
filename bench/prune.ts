/**
 * Drains empty jobs, `inline`, beside a history of many rows: in turns, alone and while the plugin pruner removes all of
 * those rows by a rule on their name, which no index has. Prints jobs per second of each turn, the medians and their
 * ratio. Exit status 1: the drain slows by more than a tenth.
 *
 *   npm run bench:prune -- [--rows 1000000] [--jobs 200000] [--rounds 3] [--database postgres://…]
 */
import { parseArgs } from 'node:util'
import { Chancy, job, Queue, rule, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { pruner } from 'chancy/plugins/pruner'
import pg from 'pg'
import { median, noteOfLength, perSecond, shown } from './support/stats.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    jobs: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    database: { type: 'string' },
  },
})
const rows = Number(values.rows)
const count = Number(values.jobs)
const rounds = Number(values.rounds)
const SCHEMA = 'bench_prune'
const MOST_SLOWER = 0.1

const dsn = values.database ?? process.env.DATABASE_URL
const server = dsn === undefined ? embeddedPostgres({ settings: { shared_buffers: '1GB' } }) : null
const url = dsn ?? (await server!.url())
const client = new pg.Client({ connectionString: url })
await client.connect()

const quiet = { debug: () => {}, info: () => {}, warn: console.warn, error: console.error }
const empty = job({ name: 'empty' }, () => {})

const rates: Record<'alone' | 'beside', number[]> = { alone: [], beside: [] }
// The first round is to warm up.
for (let round = 0; round <= rounds; round++) {
  const alone = await turn(false)
  const beside = await turn(true)
  console.log(
    `round ${round}: alone ${shown(alone.perSecond)} jobs/s, beside the pruner ${shown(beside.perSecond)} jobs/s; ` +
      `${shown(beside.removedBeside)} rows removed by the end of the drain, all ${shown(rows)} in ${shown(beside.prunedMs)} ms`,
  )
  if (round === 0 && rounds > 0) continue
  rates.alone.push(alone.perSecond)
  rates.beside.push(beside.perSecond)
}
const ratio = median(rates.beside) / median(rates.alone)
console.log(
  `median: alone ${shown(median(rates.alone))}, beside ${shown(median(rates.beside))} jobs/s, ratio ${ratio.toFixed(3)}`,
)
const note = noteOfLength(count)
if (note !== null) console.log(note)
if (ratio < 1 - MOST_SLOWER) console.log('FAULT: the drain slows by more than a tenth')
process.exitCode = ratio < 1 - MOST_SLOWER ? 1 : 0
await client.query(`DROP SCHEMA ${SCHEMA} CASCADE`)
await client.end()
await server?.close()

interface Turn {
  readonly perSecond: number
  /** How long the pruner took for all rows, begun with the drain, in milliseconds. 0: there was none. */
  readonly prunedMs: number
  /** Rows that were removed by the time the drain had ended. */
  readonly removedBeside: number
}

async function turn(isPruned: boolean): Promise<Turn> {
  const plugins = isPruned ? [pruner({ rules: [rule.name.eq('old')], every: '1s' })] : []
  await using chancy = new Chancy(url, { schema: SCHEMA, jobs: empty, plugins, logger: quiet })
  await chancy.migrate({ to: 0 })
  await chancy.migrate()
  await chancy.declare(new Queue('default', { executor: 'inline' }))
  await fill()
  await client.query(`VACUUM (ANALYZE) ${SCHEMA}.finished_jobs`)
  await warmUp()
  await chancy.pushMany(Array.from({ length: count }, () => empty))
  const worker = new Worker(chancy)
  let removed = 0
  const pruned = new Promise<number>((resolve) => {
    if (!isPruned) return resolve(0)
    chancy.on('pruner.pruned', (pass) => {
      removed += pass.removed
      if (removed >= rows) resolve(pass.elapsedMs)
    })
  })
  const done = saved(chancy, count)
  const begunAt = performance.now()
  await worker.start()
  await done
  const drainedMs = performance.now() - begunAt
  const removedBeside = isPruned ? rows - (await left()) : 0
  const prunedMs = await pruned
  await worker.stop()
  return { perSecond: perSecond(count, drainedMs), prunedMs, removedBeside }
}

async function left(): Promise<number> {
  const { rows: found } = await client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${SCHEMA}.finished_jobs WHERE name = 'old'`,
  )
  return found[0]!.n
}

/** Rows of the history that finished yesterday. */
async function fill(): Promise<void> {
  await client.query(
    `DO $do$
     DECLARE
       day date := (now() AT TIME ZONE 'UTC')::date - 1;
     BEGIN
       EXECUTE format('CREATE TABLE IF NOT EXISTS ${SCHEMA}.finished_jobs_%s PARTITION OF
                       ${SCHEMA}.finished_jobs FOR VALUES FROM (%L) TO (%L)', to_char(day, 'YYYYMMDD'),
                      day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
     END $do$`,
  )
  await client.query(
    `INSERT INTO ${SCHEMA}.finished_jobs (id, fence, created_at, started_at, finished_at, priority, attempts,
            max_attempts, crashes, format, args, name, queue, state)
     SELECT ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, t.at, t.at, t.at, 0, 1, 1, 0, 1,
            '{"n": 1}', 'old', 'default', 'succeeded'
       FROM generate_series(1, $1) AS n,
            (SELECT ((now() AT TIME ZONE 'UTC')::date - 1)::timestamp AT TIME ZONE 'UTC' AS at) t`,
    [rows],
  )
}

function saved(chancy: Chancy, jobs: number): Promise<void> {
  let left = jobs
  return new Promise((resolve) => {
    const stop = chancy.on('outcomes.saved', (batch) => {
      left -= batch.saved
      if (left > 0) return
      stop()
      resolve()
    })
  })
}

/** By a worker without the pruner. */
async function warmUp(): Promise<void> {
  await using plain = new Chancy(url, { schema: SCHEMA, jobs: empty, logger: quiet })
  const jobs = Math.min(count, 20_000)
  await plain.pushMany(Array.from({ length: jobs }, () => empty))
  const worker = new Worker(plain)
  const done = saved(plain, jobs)
  await worker.start()
  await done
  await worker.stop()
}
