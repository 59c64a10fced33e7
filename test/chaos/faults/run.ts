import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chancy, grantSql, job, Queue } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import type { Chance } from '../../support/seed.ts'
import { until } from '../../support/until.ts'
import { Fleet } from './fleet.ts'
import { type Fault, type FinishedRow, judge, PushLedger, type Verdict } from './ledger.ts'
import { type FaultContext, type Mix, PRODUCER_ROLE, WORKER_ROLE } from './mixes.ts'

const SCHEMA = 'chancy'
const WORKERS = 4
/** How many jobs a wave of pushes has, and how long after it the next comes. */
const WAVE = 40
const WAVE_MS = 100
/** One wave in five has a job that runs for up to a lease: a shorter fault finds it running. */
const LONG_EVERY = 5
/** How long an attempt may take to be saved on a busy machine, in milliseconds. */
const SAVING_MS = 2_000
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const work = job({ name: 'work' }, (_: { ms: number; group: number }) => {})

export interface Report extends Verdict {
  readonly mix: string
  readonly strikes: number
  readonly refused: number
  readonly deadlocks: number
  readonly seconds: number
  /** From the last fault until nothing waited any more. */
  readonly drainSeconds: number
}

/** A server, a fleet and a producer of their own; faults for so long; then the verdict. */
export async function runMix(
  mixes: readonly Mix[],
  { seconds, leaseMs, luck }: { seconds: number; leaseMs: number; luck: Chance },
): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'chancy-chaos-'))
  const server = embeddedPostgres({
    directory: join(directory, 'server'),
    settings: { shared_buffers: '64MB', max_connections: '300' },
  })
  const startedAt = performance.now()
  try {
    const plain = await server.url()
    const url = new URL(plain)
    url.searchParams.set('application_name', 'chaos')
    await prepare(url.href)
    const hasRoles = mixes.some(({ asRoles }) => asRoles === true)
    const [workerUrl, producerUrl] = hasRoles ? await roleUrls(url.href) : [url.href, url.href]
    const chancy = new Chancy(producerUrl, { schema: SCHEMA, logger: silent })
    const fleet = new Fleet({ url: workerUrl, schema: SCHEMA, leaseMs })
    try {
      await Promise.all(Array.from({ length: WORKERS }, () => fleet.start()))
      // A lease of its own first: until then no worker judges the others.
      await sleep(leaseMs)

      const faults: Fault[] = []
      const context: FaultContext = {
        server,
        fleet,
        luck,
        leaseMs,
        sql: (text, values) =>
          ask(plain, text, values).then(
            () => {},
            () => {},
          ),
        note: (fault) => {
          faults.push(fault)
          return fault
        },
      }
      const pushes = new PushLedger(join(directory, 'push.jsonl'))
      const end = performance.now() + seconds * 1_000
      let isOver = false
      const pushing = push(chancy, pushes, { luck, leaseMs, isOver: () => isOver })
      while (performance.now() < end) await luck.pick(mixes).strike(context)
      isOver = true
      await pushing
      await fleet.settled()
      const drainingAt = performance.now()
      await until(() => isEmpty(plain), { timeoutMs: 10 * leaseMs + 120_000, everyMs: 100 })
        // What is left is counted below.
        .catch(() => {})
      const drainSeconds = (performance.now() - drainingAt) / 1_000

      const finished = await ask<FinishedRow>(
        plain,
        `SELECT id, state, fence::int, crashes, (result ->> 'pid')::int AS pid
           FROM ${SCHEMA}.finished_jobs`,
      )
      const [live] = await ask<{ n: number }>(
        plain,
        `SELECT count(*)::int AS n FROM ${SCHEMA}.jobs`,
      )
      const verdict = judge({
        pushes,
        executions: fleet.workers.executions(),
        finished,
        live: live!.n,
        faults,
        savingMs: SAVING_MS,
        afterMs: leaseMs + 5_000,
      })
      const errors = [...verdict.errors, ...(await fleet.stop())]
      const deadlocks = await deadlocksOf(plain, join(directory, 'server', 'server.log'))
      if (deadlocks > 0) errors.push(`${deadlocks} deadlocks`)
      return {
        ...verdict,
        errors,
        mix: mixes.map(({ name }) => name).join('+'),
        strikes: faults.length,
        refused: pushes.refused,
        deadlocks,
        seconds: (performance.now() - startedAt) / 1_000,
        drainSeconds,
      }
    } finally {
      await fleet[Symbol.asyncDispose]()
      await chancy.close()
    }
  } finally {
    await server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The schema and its queues, by their owner. */
async function prepare(url: string): Promise<void> {
  await using owner = new Chancy(url, { schema: SCHEMA, logger: silent })
  await owner.migrate()
  for (const name of ['default', 'long']) {
    await owner.declare(
      new Queue(name, { executor: 'inline', concurrency: 10, pollingInterval: '1s' }),
    )
  }
}

/** Makes the two roles, and remembers their rights in `chaos_rights`; the DSN of each. */
async function roleUrls(owner: string): Promise<[worker: string, producer: string]> {
  const url = new URL(owner)
  const password = decodeURIComponent(url.password).replaceAll("'", "''")
  await ask(owner, 'CREATE PUBLICATION everything FOR ALL TABLES')
  for (const [role, kind] of [
    [WORKER_ROLE, 'worker'],
    [PRODUCER_ROLE, 'producer'],
  ] as const) {
    await ask(owner, `CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
    await ask(owner, grantSql(kind, role, { schema: SCHEMA }))
  }
  await ask(
    owner,
    `CREATE TABLE chaos_rights AS
       SELECT a.grantee::regrole::text AS role, p.oid::regprocedure::text AS name
         FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.pronamespace = '${SCHEMA}'::regnamespace
          AND a.grantee::regrole::text IN ('${WORKER_ROLE}', '${PRODUCER_ROLE}')`,
  )
  const urlOf = (role: string): string => {
    url.username = role
    return url.href
  }
  return [urlOf(WORKER_ROLE), urlOf(PRODUCER_ROLE)]
}

interface PushOptions {
  readonly luck: Chance
  readonly leaseMs: number
  readonly isOver: () => boolean
}

/** Waves of jobs, one in four with a concurrency limit. A push that is refused is counted. */
async function push(
  chancy: Chancy,
  ledger: PushLedger,
  { luck, leaseMs, isOver }: PushOptions,
): Promise<void> {
  let waves = 0
  const wave = async () => {
    const jobs = Array.from({ length: WAVE }, (_, n) => {
      const ms = luck.between(0, 60)
      const one = work.job.withArgs({ ms, group: luck.between(1, 20) })
      return n % 4 === 0 ? one.withConcurrency(3, 'group') : one
    })
    if (waves++ % LONG_EVERY === 0) {
      jobs.push(work.job.withArgs({ ms: luck.between(1_000, leaseMs), group: 0 }).withQueue('long'))
    }
    const answers = await Promise.allSettled(jobs.map((one) => chancy.push(one)))
    for (const answer of answers) {
      if (answer.status === 'fulfilled') ledger.acknowledge(answer.value.id)
      else ledger.refuse()
    }
  }
  while (!isOver()) await Promise.all([wave(), sleep(WAVE_MS)])
}

async function isEmpty(url: string): Promise<boolean> {
  return (await ask(url, `SELECT 1 FROM ${SCHEMA}.jobs LIMIT 1`)).length === 0
}

/** As the server counted them, and as its log has them: a crash of the server empties the counter. */
async function deadlocksOf(url: string, log: string): Promise<number> {
  const [row] = await ask<{ n: number }>(
    url,
    'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
  )
  const logged = readFileSync(log, 'utf8').split('deadlock detected').length - 1
  return Math.max(row?.n ?? 0, logged)
}

async function ask<Row>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows as Row[]
  } finally {
    await client.end()
  }
}
