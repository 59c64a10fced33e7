/**
 * What the dashboard costs, and how fast it is, beside many rows: with 20 pages open, each `GET` route of the API is
 * measured, and plain jobs are drained with and without the pages, in turns.
 *
 *   npm run bench:board -- [--rows 10000000] [--samples 200] [--jobs 50000] [--rounds 5] [--sessions 2]
 *       [--only reads|drain] [--keep] [--database postgres://…]
 *
 * The rows are jobs: four fifths have finished within eight days, and the rest waits, runs or is to be tried again. Beside
 * them stand failure groups, workflows, series, bulk actions and an audit log. The list of routes is that of the server's
 * `/openapi.json`, and one without a question fails. With `--keep` the rows stay, and are not filled again where there are
 * some. Ten million take about 9 GiB on disk.
 */
import { parseArgs } from 'node:util'
import { Chancy } from 'chancy'
import { cron } from 'chancy/plugins/cron'
import { benchServer, settingLine } from '../support/server.ts'
import { median, noteOfLength, quantile, shown } from '../support/stats.ts'
import { table } from '../support/table.ts'
import { startChild } from './children.ts'
import { declareDrain, drainRate } from './drain.ts'
import { readFacts } from './facts.ts'
import { Client } from './http.ts'
import { pagesOf } from './pages.ts'
import { questionsOf } from './questions.ts'
import { amountsOf, fillTasks, runAll } from './rows.ts'
import { copyFlows, pushFlows, surroundings } from './surroundings.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    samples: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '5' },
    /** That fill it. */
    sessions: { type: 'string', default: '2' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    database: { type: 'string' },
  },
})
const [rows, samples, jobs, rounds] = [values.rows, values.samples, values.jobs, values.rounds].map(
  Number,
) as [number, number, number, number]
const schema = 'bench_board'
const TARGET_MS = 200
const TARGET_SHARE = 97
const PAGES_SETTLE_MS = 3_000

await using server = await benchServer(values.database ?? process.env.DATABASE_URL, {
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
})
const order = { database: server.url, schema }
await fill()
{
  await using leader = await startChild('leader-process.ts', order)
  await using handler = await startChild('server-process.ts', order)
  const url = String(handler.hello.url)
  const facts = await readFacts(server.query, schema)
  const pages = pagesOf(facts)
  await using viewers = await startChild('pages-process.ts', { url, pages })
  const client = new Client(`${url}api/v1/`, 'measurer')
  if (values.only !== 'drain') {
    await viewers.ask('open')
    await settled()
    const isFast = await measureReads(client, questionsOf(facts))
    const asked = await viewers.ask('close')
    console.log(
      `${pages.length} pages asked ${shown(Number(asked.asked))} times meanwhile (${shown(Number(asked.refused))} refused, the slowest took ${shown(Number(asked.slowestMs))} ms) and were sent ${shown(Number(asked.parts))} states`,
    )
    if (!isFast || Number(asked.refused) > 0) process.exitCode = 1
  }
  if (values.only !== 'reads')
    await measureDrain(
      (message) => viewers.ask(message),
      () => handler.ask('cpu'),
    )
  client.close()
  void leader
}
if (!values.keep) await removeAll()
console.log(`\n${shown(rows)} rows, ${settingLine(server)}`)

async function fill(): Promise<void> {
  await using chancy = new Chancy(server.url, { schema, plugins: [cron()] })
  await chancy.migrate()
  const there = await server.query(`SELECT 1 FROM ${schema}.finished_jobs LIMIT 1`)
  // They are filled last.
  const filled = await server.query(`SELECT 1 FROM ${schema}.workflows OFFSET 2 LIMIT 1`)
  if (filled.length > 0 && values.keep) return
  if (there.length > 0) {
    await removeAll()
    await chancy.migrate()
  }
  const begun = performance.now()
  await server.query(`ALTER TABLE ${schema}.jobs SET (autovacuum_enabled = false)`)
  await declareDrain(server.url, schema)
  const sessions = Number(values.sessions)
  await runAll(server.pool, schema, sessions, [
    ...fillTasks(schema, amountsOf(rows)),
    ...surroundings,
  ])
  const flowId = await pushFlows(server.url, schema)
  await runAll(server.pool, schema, 1, [copyFlows(flowId)])
  await server.query(`ALTER TABLE ${schema}.jobs RESET (autovacuum_enabled)`)
  await server.query(`VACUUM (ANALYZE, PARALLEL 0) ${schema}.jobs`)
  await server.query(`ANALYZE ${schema}.finished_jobs`)
  const [size] = await server.query<{ gib: number }>(
    `SELECT pg_database_size(current_database()) / 1024.0 ^ 3 AS gib`,
  )
  console.log(
    `filled ${shown(rows)} rows in ${shown((performance.now() - begun) / 1_000)} s, ${shown(Number(size?.gib), 1)} GiB`,
  )
}

/** Asks each route in turn, one request after the other. Returns whether all are fast enough. */
async function measureReads(
  client: Client,
  questions: ReturnType<typeof questionsOf>,
): Promise<boolean> {
  const document = JSON.parse((await client.get('openapi.json')).text) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  const served = Object.entries(document.paths).flatMap(([path, methods]) =>
    'get' in methods ? [path] : [],
  )
  const paths = served.map((path) => path.replace(/^.*\/api\/v1(?=\/)/, ''))
  const missing = paths.filter((path) => !Object.hasOwn(questions, path))
  if (missing.length > 0) throw new Error(`No question for GET ${missing.join(', GET ')}.`)
  const found: string[][] = []
  let isFast = true
  for (const [path, kinds] of Object.entries(questions))
    for (const [kind, addresses] of Object.entries(kinds)) {
      const times: number[] = []
      let bytes = 0
      const refusals: string[] = []
      for (let n = -5; n < samples; n++) {
        const address = addresses[Math.abs(n) % addresses.length]
        if (address === undefined) throw new Error(`Nothing to ask ${path} (${kind}) about.`)
        const answer = await client.get(address)
        if (answer.status !== 200) refusals.push(`${address}: ${answer.status} ${answer.text}`)
        // The first ones are compiled.
        if (n < 0) continue
        times.push(answer.ms)
        bytes = Math.max(bytes, answer.bytes)
      }
      const p99 = quantile(times, 0.99)
      const isRight = p99 < TARGET_MS && refusals.length === 0
      isFast &&= isRight
      if (refusals[0] !== undefined) console.log(`${refusals.length} × ${refusals[0]}`)
      const verdict = isRight ? '' : '<<<'
      const line = [quantile(times, 0.5), p99, quantile(times, 1)].map((ms) => shown(ms, 1))
      found.push([`${path} ${kind}`.trim(), String(times.length), ...line, shown(bytes), verdict])
    }
  console.log(`\n${table(['GET', 'n', 'p50 ms', 'p99 ms', 'most ms', 'bytes', ''], found)}`)
  const slow = found.filter((line) => line.at(-1) !== '').length
  console.log(
    `${paths.length} routes; ${slow === 0 ? `all below ${TARGET_MS} ms` : `${slow} lines are not below ${TARGET_MS} ms`} (p99)`,
  )
  return isFast
}

async function measureDrain(
  tell: (message: 'open' | 'close') => Promise<unknown>,
  handlerCpu: () => Promise<Record<string, unknown>>,
): Promise<void> {
  const rates: Record<'without' | 'with', number[]> = { without: [], with: [] }
  const order = ['without', 'with'] as const
  const turn = async (mode: (typeof order)[number]): Promise<number> => {
    await tell(mode === 'with' ? 'open' : 'close')
    if (mode === 'with') await settled()
    return drainRate(server.url, schema, jobs)
  }
  for (const mode of order) await turn(mode)
  let cpuMs = 0
  for (let round = 0; round < rounds; round++)
    for (const mode of round % 2 === 0 ? order : order.toReversed()) {
      const before = Number((await handlerCpu()).cpuMs)
      rates[mode].push(await turn(mode))
      if (mode === 'with') cpuMs += Number((await handlerCpu()).cpuMs) - before
    }
  await tell('close')
  const share = (median(rates.with) / median(rates.without)) * 100
  const shares = rates.with.map((rate, at) => (rate / (rates.without[at] ?? Number.NaN)) * 100)
  console.log(
    `\n${table(
      ['drained jobs/s', 'median', 'each'],
      order.map((mode) => [
        `${mode} pages`,
        shown(median(rates[mode])),
        rates[mode].map((rate) => shown(rate)).join(' '),
      ]),
    )}`,
  )
  console.log(
    `with pages: ${shown(share, 1)} % of without (by round ${shares.map((one) => shown(one)).join(' ')}), target ${TARGET_SHARE} %; the handler used ${shown(cpuMs / rounds)} ms of CPU a turn`,
  )
  const note = noteOfLength(jobs)
  if (note !== null) console.log(note)
  if (share < TARGET_SHARE) process.exitCode = 1
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAGES_SETTLE_MS))
}

async function removeAll(): Promise<void> {
  // No migration goes back over workflows that have not ended.
  if (!server.isEmbedded) await server.query(`DROP SCHEMA ${schema} CASCADE`)
}
