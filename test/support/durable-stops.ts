/**
 * Durable jobs whose worker is stopped (SIGSTOP) beyond its lease in the middle of a step, of a transaction of the user and
 * between steps, and continues when another one has run the jobs.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Chancy, Job, Queue } from 'chancy'
import pg from 'pg'
import { startProcess } from './process.ts'
import { until } from './until.ts'

const SCRIPT = new URL('./processes/durable-worker.mjs', import.meta.url)
const PLACES = ['step', 'before', 'written', 'between'] as const
const silent = { debug() {}, info() {}, warn() {}, error() {} }

interface Line {
  readonly pid: number
  readonly what: 'at' | 'ran' | 'saw' | 'last'
  readonly id: string
  readonly step?: string
  readonly value?: unknown
}

export interface StopReport {
  readonly problems: readonly string[]
  readonly jobs: number
}

/** @param each How many jobs are held at each place. */
export async function runStops(
  url: string,
  schema: string,
  each: number,
  leaseMs: number,
): Promise<StopReport> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancy-stops-'))
  const file = path.join(folder, 'log')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const sql = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await client.query<Row>(text.replaceAll('$$', `"${schema}".`), values)).rows
  const lines = (): Line[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Line)
      : []
  const options = { concurrency: 100, lease: `${leaseMs}ms`, heartbeat: `${leaseMs / 5}ms` }
  const start = () => {
    const events = ['worker.revoked']
    const worker = { ...options, shutdownTimeout: '5s' }
    return startProcess(SCRIPT, { args: [JSON.stringify({ url, schema, file, worker, events })] })
  }
  const isReady = ({ event }: { event: string }): boolean => event === 'ready'
  await sql('CREATE TABLE IF NOT EXISTS $$bookings (job uuid, pid int)')
  await using chancy = new Chancy(url, { schema, logger: silent })
  await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 100 }))
  await using first = start()
  await first.next<{ event: string }>(isReady, 60_000)
  const refs = await chancy.pushMany(
    PLACES.flatMap((where) =>
      Array.from({ length: each }, () => Job.named('story').withArgs({ where }).withMaxAttempts(5)),
    ),
  )
  try {
    await until(() => lines().filter(({ what }) => what === 'at').length === refs.length, {
      ...{ timeoutMs: 60_000, everyMs: 20, what: 'all jobs held' },
    })
    first.kill('SIGSTOP')
    writeFileSync(`${file}.taken-over`, '')
    await using second = start()
    await second.next<{ event: string }>(isReady, 60_000)
    const isLast = ({ what, pid }: Line): boolean => what === 'last' && pid === second.pid
    await until(() => lines().filter(isLast).length === refs.length, {
      ...{ timeoutMs: 60_000, everyMs: 20, what: 'all jobs taken over' },
    })
    // Stale attempts continue from where they were held, while the other worker holds the jobs.
    writeFileSync(`${file}.go`, '')
    first.kill('SIGCONT')
    await first.next<{ event: string }>(({ event }) => event === 'worker.revoked', 60_000)
    first.kill('SIGTERM')
    await first.exited
    writeFileSync(`${file}.over`, '')
    const done = await chancy.waitForJobs<number>(refs, { timeout: '1m' })
    second.kill('SIGTERM')
    await second.exited
    const problems: string[] = []
    const wrong = (what: string, found: unknown, wanted: unknown): void => {
      const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
      if (a !== b) problems.push(`${what}: ${a}, not ${b}`)
    }
    for (const { id, state, result, args } of done) {
      const { where } = args as { where: (typeof PLACES)[number] }
      const name = `held ${where}, ${id}`
      wrong(`${name}: its end`, [state, result], ['succeeded', second.pid])
      // What was recorded before the stop stays, all else is of the second worker.
      const isFirst = { step: [false, false], before: [true, false], written: [true, false] }
      const [a, b] = { ...isFirst, between: [true, true] }[where].map((own) =>
        own ? first.pid : second.pid,
      )
      const records = await sql<{ name: string; result: unknown }>(
        `SELECT name, result FROM $$job_steps WHERE job_id = $1 AND kind <> 'push' ORDER BY n`,
        [id],
      )
      wrong(
        `${name}: its records`,
        records.map(({ name: of, result: gave }) => [of, gave]),
        [
          ...[
            ['first', a],
            ['book', b],
            ['last', second.pid],
          ],
        ],
      )
      wrong(`${name}: bookings`, await sql('SELECT pid FROM $$bookings WHERE job = $1', [id]), [
        { pid: b },
      ])
      const pushed = `SELECT count(*)::int AS n FROM $$jobs WHERE args ->> 'of' = $1`
      wrong(`${name}: jobs that it pushed`, await sql(pushed, [id]), [{ n: 1 }])
      const seen = lines().filter(
        ({ what, id: of, pid }) => what === 'saw' && of === id && pid === first.pid,
      )
      const before = { step: 0, before: 1, written: 1, between: 2 }[where]
      wrong(`${name}: what the first worker's code was given`, seen.length, before)
    }
    return { problems, jobs: refs.length }
  } finally {
    first.kill('SIGCONT')
    await client.end()
    rmSync(folder, { recursive: true })
  }
}
