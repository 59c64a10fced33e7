/**
 * A durable job of every kind of await, whose worker is lost at each statement that it sends and at each await of its code.
 * Another worker takes over, and a side log says what ran and what the code was given.
 */
import { Chancy, job, pgDriver, Queue, signal, Worker } from 'chancy'
import pg from 'pg'
import { connectionLost, hooked } from './application.ts'
import { until } from './until.ts'

/** When the worker of a job is lost, or its connection. */
export type Kill =
  /** Before the n-th statement of these is sent, after it was executed, or only its reply is. */
  | { readonly on: string; readonly nth: number; readonly how: 'before' | 'after' | 'reply' }
  /** At this await of the code, the first time. */
  | { readonly at: string }

const AWAITS = [
  ...['begin', 'in charge', 'after charge', 'in book', 'before its commit', 'after book'],
  ...['after invoke', 'after all', 'after push', 'after signal', 'in x', 'in y', 'end'],
] as const
type Await = (typeof AWAITS)[number]

/** What a worker sends for a durable job, and how often at most here. */
const SENT: readonly (readonly [on: string, times: number])[] = [
  ['save_steps_1', 6],
  ['finish_2', 5],
  ['claim_1', 4],
  ['resume_jobs_1', 3],
]

/** All kills that there are. */
export function allKills(): readonly Kill[] {
  const hows = ['before', 'after', 'reply'] as const
  return [
    ...AWAITS.map((at) => ({ at })),
    ...SENT.flatMap(([on, times]) =>
      hows.flatMap((how) => Array.from({ length: times }, (_, n) => ({ on, nth: n + 1, how }))),
    ),
  ]
}

/** What a kill is called in reports. */
export function nameOf(kill: Kill): string {
  return 'at' in kill ? `at "${kill.at}"` : `${kill.how} ${kill.on} ${kill.nth}`
}

export interface KillReport {
  readonly problems: readonly string[]
  /** How many of the kills took place. */
  readonly kills: number
}

interface Line {
  /** A step ran, or the code was given the result of one. */
  readonly what: 'ran' | 'saw'
  readonly step: string
  readonly value: string
}

const go = signal<{ n: number }, 'go'>('go')
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Runs a job for each kill, `together` of them at a time until their workers are lost. */
export async function runKills(
  url: string,
  schema: string,
  kills: readonly Kill[],
  together: number,
): Promise<KillReport> {
  const pool = new pg.Pool({ connectionString: url, max: 12 })
  const sql = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await pool.query<Row>(text.replaceAll('$$', `${schema}.`), values)).rows
  const producer = new Chancy(url, { schema, logger: silent })
  const common = { url, schema, pool, producer }
  const trials = kills.map((kill, n) => new KilledJob(kill, `kill-${n}`, common))
  try {
    await sql('CREATE TABLE IF NOT EXISTS $$bookings (job uuid, note text)')
    for (let from = 0; from < trials.length; from += together)
      await Promise.all(trials.slice(from, from + together).map((trial) => trial.runToKill()))
    // As long as their leases would run: nothing renews them.
    await sql('UPDATE $$workers SET revoked_at = now()')
    await sql('SELECT FROM $$recover_2(1000, 3, 0)')
    await runRest(trials, url, schema)
    const problems: string[] = []
    for (const trial of trials)
      problems.push(...(await trial.problems(sql)).map((one) => `${nameOf(trial.kill)}: ${one}`))
    return { problems, kills: trials.filter(({ isHit }) => isHit).length }
  } finally {
    await Promise.all(trials.map((trial) => trial.close()))
    await producer.close()
    await pool.end()
  }
}

/** Another worker runs what the lost ones have left, to its end. */
async function runRest(trials: readonly KilledJob[], url: string, schema: string): Promise<void> {
  const jobs = [...trials[0]!.jobs(true), ...trials.slice(1).map((trial) => trial.jobs(true)[0]!)]
  const chancy = new Chancy(url, { schema, jobs, logger: silent })
  const worker = new Worker(chancy, { signals: false, lease: '10s', heartbeat: '300ms' })
  await worker.start()
  try {
    await until(
      async () => {
        const states = await chancy.getJobs(trials.map(({ id }) => id))
        return states.every((one) => one !== null && one.finishedAt !== null)
      },
      { timeoutMs: 60_000, everyMs: 50, what: 'the end of all jobs' },
    )
  } finally {
    await worker.stop()
    await chancy.close()
  }
}

interface Common {
  readonly url: string
  readonly schema: string
  readonly pool: pg.Pool
  readonly producer: Chancy
}

class KilledJob {
  readonly kill: Kill
  readonly name: string
  id = ''
  isHit = false
  readonly #log: Line[] = []
  readonly #common: Common
  #count = 0
  /** The worker is lost: nothing that it sends arrives. */
  #isLost = false
  #onHit: () => void = () => {}
  #runs = 0
  /** Ends code of a lost worker, which does nothing more. */
  readonly #hung: ((error: Error) => void)[] = []
  #close: () => Promise<void> = async () => {}

  constructor(kill: Kill, name: string, common: Common) {
    this.kill = kill
    this.name = name
    this.#common = common
  }

  /** Until the worker is lost, or the job has ended. */
  async runToKill(): Promise<void> {
    const { kill, name } = this
    const { url, schema, producer } = this.#common
    const driver = pgDriver(new pg.Pool({ connectionString: url, max: 2 }))
    const jobs = this.jobs(false)
    const chancy = new Chancy(
      hooked(driver, (text, send) => this.#sent(text, send)),
      { schema, jobs, logger: silent },
    )
    await producer.declare(new Queue(name, { executor: 'inline', concurrency: 4 }))
    const worker = new Worker(chancy, {
      ...{ signals: false, queues: [name], shutdownTimeout: '10ms' },
      ...{ lease: '10m', heartbeat: '1s' },
    })
    this.#close = async () => {
      this.#isLost = false
      for (const end of this.#hung) end(new Error('the worker was lost'))
      await worker.stop()
      await chancy.close()
      await driver.close()
    }
    const hit = new Promise<void>((resolve) => {
      this.#onHit = resolve
    })
    // It claims before it has started.
    const started = worker.start().catch(() => {})
    await Promise.race([started, hit])
    const ref = await producer.push(jobs[0].job)
    this.id = ref.id
    await producer.signal(ref, go, { n: 7 })
    const ended = producer.waitForJob(ref, { timeout: '1m' }).then(() => {})
    const isCut = 'on' in kill && kill.how === 'reply'
    await (isCut ? ended : Promise.race([hit, ended.catch(() => {})]))
  }

  /** The job and what it invokes. @param isRest Of the worker that takes over. */
  jobs(isRest: boolean) {
    const { name } = this
    const reached = (at: Await): Promise<void> => this.#reached(at, isRest)
    const run = (step: string): string => {
      const value = `${step} ${++this.#runs}`
      this.#log.push({ what: 'ran', step, value })
      return value
    }
    const saw = (step: string, value: unknown): void => {
      this.#log.push({ what: 'saw', step, value: JSON.stringify(value) })
    }
    const queue = isRest ? 'rest' : name
    const double = job({ name: 'double', queue }, ({ n }: { n: number }) => n * 2)
    const invoked = (n: number) => double.job.withArgs({ n }).withQueue(name)
    const story = job(
      { name, queue: name, durable: true, maxAttempts: 9, backoff: 'none' },
      async (_: object, ctx) => {
        await reached('begin')
        const charge = await ctx.step('charge', async () => {
          const value = run('charge')
          await reached('in charge')
          return value
        })
        saw('charge', charge)
        await reached('after charge')
        const book = await ctx.transaction('book', this.#common.pool, async (tx) => {
          const value = run('book')
          await reached('in book')
          await tx.query(`INSERT INTO ${this.#common.schema}.bookings VALUES ($1, $2)`, [
            this.id,
            value,
          ])
          await reached('before its commit')
          return value
        })
        saw('book', book)
        await reached('after book')
        saw('invoke', await ctx.invoke(invoked(2)))
        await reached('after invoke')
        saw('all', await ctx.invokeAll('all', [invoked(3), invoked(4)]))
        await reached('after all')
        await ctx.push(invoked(5))
        await reached('after push')
        saw('signal', await ctx.waitForSignal(go))
        await reached('after signal')
        const both = (['x', 'y'] as const).map((step) =>
          ctx.step(step, async () => {
            const value = run(step)
            await reached(`in ${step}`)
            return value
          }),
        )
        for (const [n, value] of (await Promise.all(both)).entries()) saw('xy'[n]!, value)
        await reached('end')
        return 'done'
      },
    )
    return [story, double] as const
  }

  async problems(
    sql: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>,
  ): Promise<string[]> {
    const problems: string[] = []
    const expect = (what: string, found: unknown, wanted: unknown): void => {
      const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
      if (a !== b) problems.push(`${what}: ${a}, not ${b}`)
    }
    const rows = await sql<{ name: string; result: string }>(
      `SELECT s.name, s.result::text AS result FROM $$job_steps s WHERE s.job_id = $1 ORDER BY s.n`,
      [this.id],
    )
    const [own] = await sql<{ state: string; errors: string }>(
      'SELECT state, errors::text AS errors FROM $$all_jobs WHERE id = $1',
      [this.id],
    )
    expect('its end', own?.state, 'succeeded')
    const records = new Map(rows.map(({ name, result }) => [name, result]))
    for (const step of ['charge', 'book', 'x', 'y']) {
      const seen = this.#of('saw', step)
      const recorded = records.get(step)
      if (seen.some((value) => JSON.stringify(JSON.parse(value)) !== recorded))
        problems.push(`${step}: recorded ${recorded}, the code saw ${seen.join(', ')}`)
      const first = this.#log.findIndex(({ what, step: of }) => what === 'saw' && of === step)
      const again = this.#log.slice(first).filter((one) => one.what === 'ran' && one.step === step)
      if (again.length > 0) problems.push(`${step} ran again, though the code had its result`)
      const times = this.#of('ran', step).length
      if (times > 2) problems.push(`${step} ran ${times} times for one kill`)
    }
    for (const [step, value] of [
      ['invoke', '4'],
      ['all', '[6,8]'],
      ['signal', '{"n":7}'],
    ] as const)
      expect(`what it saw of ${step}`, [...new Set(this.#of('saw', step))], [value])
    const children = await sql<{ args: string }>(
      `SELECT args ->> 'n' AS args FROM $$all_jobs WHERE name = 'double' AND queue = $1 ORDER BY 1`,
      [this.name],
    )
    expect(
      'its children',
      children.map(({ args }) => args),
      ['2', '3', '4', '5'],
    )
    const booked = await sql<{ note: string }>('SELECT note FROM $$bookings WHERE job = $1', [
      this.id,
    ])
    expect('bookings', booked.length, 1)
    expect('records', rows.length, 8)
    return problems
  }

  async close(): Promise<void> {
    await this.#close()
  }

  #of(what: Line['what'], step: string): string[] {
    return this.#log
      .filter((one) => one.what === what && one.step === step)
      .map(({ value }) => value)
  }

  async #sent(text: string, send: () => Promise<unknown[]>): Promise<unknown[]> {
    if (this.#isLost) throw connectionLost()
    const { kill } = this
    if ('at' in kill || !text.includes(`"${kill.on}"`) || ++this.#count !== kill.nth) return send()
    if (kill.how === 'before') return this.#lose()
    await send()
    if (kill.how === 'after') return this.#lose()
    this.#hit()
    throw connectionLost()
  }

  async #reached(at: Await, isRest: boolean): Promise<void> {
    if (this.#isLost && !isRest) await this.#hang()
    if (isRest || this.isHit || !('at' in this.kill) || this.kill.at !== at) return
    this.#isLost = true
    this.#hit()
    await this.#hang()
  }

  #hang(): Promise<never> {
    return new Promise((_, reject) => this.#hung.push(reject))
  }

  #lose(): never {
    this.#isLost = true
    this.#hit()
    throw connectionLost()
  }

  #hit(): void {
    this.isHit = true
    this.#onHit()
  }
}
