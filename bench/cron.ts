/**
 * Schedules: how late a tick is fired, how long 2,000 that are due in one second take, and what a leader costs that is
 * killed, hangs or stops. Workers are processes; all times are by the clock of this machine, which the server must
 * share. A tick counts as fired with the event `cron.fired`, which follows the commit of its job.
 *
 *   npm run bench:cron -- [--ticks 30] [--schedules 2000] [--rounds 3] [--database postgres://…]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { Chancy, Job, job, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { cron, schedule, unschedule } from 'chancy/plugins/cron'
import pg from 'pg'

const { values } = parseArgs({
  options: {
    ticks: { type: 'string', default: '30' },
    schedules: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    database: { type: 'string' },
    worker: { type: 'string' },
  },
})
const SCHEMA = 'chancy_bench_cron'
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const beat = job({ name: 'beat' }, () => 'done')
const parked = Job.named('parked', { queue: 'parked' })
const open = (url: string) =>
  new Chancy(url, { schema: SCHEMA, jobs: beat, plugins: [cron()], logger: quiet })

interface Said {
  readonly pid: number
  readonly at: number
  readonly leads?: boolean
  /** A tick, and the schedule that it is of. */
  readonly fired?: number
  readonly key?: string
  readonly isStarted?: boolean
}

/** One worker, in a process of its own. */
async function work(url: string): Promise<void> {
  const chancy = open(url)
  const say = (what: object) => process.send?.({ pid: process.pid, at: Date.now(), ...what })
  chancy.on('leadership.gained', () => say({ leads: true }))
  chancy.on('leadership.lost', () => say({ leads: false }))
  chancy.on('cron.fired', ({ key, at }) => say({ key, fired: at.getTime() }))
  const worker = new Worker(chancy, { signals: false })
  await worker.start()
  say({ isStarted: true })
  process.once('message', async () => {
    await worker.stop()
    await chancy.close()
    process.exit(0)
  })
}

async function main(): Promise<void> {
  const dsn = values.database ?? process.env.DATABASE_URL
  const server = dsn === undefined ? embeddedPostgres() : null
  const url = dsn ?? (await server!.url())
  const chancy = open(url)
  await chancy.migrate({ to: 0 })
  await chancy.migrate()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const fleet = new Fleet(url)
  try {
    await fleet.add()
    await late(chancy, fleet)
    await together(chancy, client, fleet)
    await leaders(chancy, fleet)
  } finally {
    await fleet.end()
    await client.query(`DROP SCHEMA ${SCHEMA} CASCADE`)
    await client.end()
    await chancy.close()
    await server?.close()
  }
}

/** From the second of a tick until its job was pushed. */
async function late(chancy: Chancy, fleet: Fleet): Promise<void> {
  await schedule(chancy, { key: 'each', cron: '* * * * * *', job: beat, overlap: 'allow' })
  await sleep((Number(values.ticks) + 1) * 1_000)
  const times = fleet.lateness('each')
  console.log(
    `a tick of each second is fired ${ms(median(times))} after its second (median of ${times.length}; most ${ms(Math.max(...times))})`,
  )
  await unschedule(chancy, 'each')
}

async function together(chancy: Chancy, client: pg.Client, fleet: Fleet): Promise<void> {
  const count = Number(values.schedules)
  const most: number[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const startsAt = new Date(Math.ceil((Date.now() + 4_000) / 1_000) * 1_000)
    const endsAt = new Date(startsAt.getTime() + 1_000)
    const options = { every: '1h', startsAt, endsAt, job: parked } as const
    await schedule(chancy, { ...options, key: `r${round}` })
    await client.query(
      `INSERT INTO ${SCHEMA}.cron_schedules (key, state, timing, policy, job, created_at, next_at, due_at)
       SELECT key || '-' || n, state, timing, policy, job, created_at, next_at, due_at
         FROM ${SCHEMA}.cron_schedules, generate_series(1, $2) n WHERE key = $1`,
      [`r${round}`, count - 1],
    )
    while (fleet.lateness(`r${round}`).length < count) await sleep(200)
    most.push(Math.max(...fleet.lateness(`r${round}`)))
    await client.query(`DELETE FROM ${SCHEMA}.cron_schedules`)
  }
  console.log(
    `${count} schedules that are due in one second are all pushed ${ms(median(most))} after it (median of ${most.length}; most ${ms(Math.max(...most))})`,
  )
}

/** What the end of a leader costs: until another leads, and the longest time between two firings of each second. */
async function leaders(chancy: Chancy, fleet: Fleet): Promise<void> {
  await schedule(chancy, { key: 'each', every: '1s', job: beat, overlap: 'allow' })
  await fleet.add()
  for (const how of ['SIGKILL', 'SIGSTOP', 'stop'] as const) {
    const until: number[] = []
    const gaps: number[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      await sleep(3_000)
      const leader = fleet.leader
      const at = Date.now()
      const next = fleet.said(({ leads, pid }) => leads === true && pid !== leader.pid)
      if (how === 'stop') leader.send('stop')
      else leader.kill(how)
      until.push((await next).at - at)
      await sleep(3_000)
      gaps.push(fleet.gapSince(at) - 1_000)
      if (how === 'SIGSTOP') leader.kill('SIGKILL')
      await fleet.add()
    }
    console.log(
      `${how}: another worker leads after ${ms(median(until))} (most ${ms(Math.max(...until))}), and a schedule of each second lost ${ms(median(gaps))} (most ${ms(Math.max(...gaps))})`,
    )
  }
  await unschedule(chancy, 'each')
}

class Fleet {
  readonly #url: string
  readonly #children = new Map<number, ChildProcess>()
  readonly #firings: Said[] = []
  readonly #waiting = new Set<(said: Said) => void>()
  #leader = 0

  constructor(url: string) {
    this.#url = url
  }

  get leader(): ChildProcess {
    return this.#children.get(this.#leader)!
  }

  async add(): Promise<void> {
    const child = fork(new URL(import.meta.url), ['--worker', this.#url])
    this.#children.set(child.pid!, child)
    child.on('message', (said: Said) => {
      if (said.leads === true) this.#leader = said.pid
      if (said.fired !== undefined) this.#firings.push(said)
      for (const waiting of this.#waiting) waiting(said)
    })
    child.once('exit', () => this.#children.delete(child.pid!))
    await this.said(({ isStarted, pid }) => isStarted === true && pid === child.pid)
    if (this.#leader === 0) await this.said(({ leads }) => leads === true)
  }

  said(isWanted: (said: Said) => boolean): Promise<Said> {
    return new Promise((resolve) => {
      const waiting = (said: Said): void => {
        if (!isWanted(said)) return
        this.#waiting.delete(waiting)
        resolve(said)
      }
      this.#waiting.add(waiting)
    })
  }

  /** How late each tick of a key, and of the keys `<key>-…`, was, in milliseconds. */
  lateness(key: string): number[] {
    return this.#firings
      .filter((said) => said.key === key || said.key?.startsWith(`${key}-`))
      .map(({ at, fired }) => at - (fired ?? at))
  }

  /** The longest time between two firings, in milliseconds. */
  gapSince(at: number): number {
    const times = this.#firings
      .map((said) => said.at)
      .filter((time) => time >= at - 1_500)
      .sort((a, b) => a - b)
    return Math.max(...times.slice(1).map((time, n) => time - times[n]!))
  }

  async end(): Promise<void> {
    const children = [...this.#children.values()]
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')))
  }
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

function ms(time: number): string {
  return `${Math.round(time).toLocaleString('en')} ms`
}

function sleep(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time))
}

if (values.worker === undefined) await main()
else await work(values.worker)
