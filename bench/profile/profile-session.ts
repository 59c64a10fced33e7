import pg from 'pg'
import { Chancy, type Driver, job, pgDriver, Queue, Worker } from '../support/chancy.ts'
import type { BenchServer } from '../support/server.ts'
import { type Call, timedDriver } from '../support/timed-driver.ts'
import { KINDS, type Kind, routedDriver } from './kinds.ts'
import { applicationOf } from './server-processes.ts'

const SCHEMA = 'chancy_bench_profile'
/** Most jobs that may run concurrently in one queue: those that are claimed before one of them ends. */
export const MOST_HELD = 10_000

/** Jobs that end immediately, and jobs that wait until they are released. */
const empty = job({ name: 'empty' }, () => {})
const held = job({ name: 'held' }, () => gate.begun())

/** Holds jobs that have started. */
class Gate {
  started = 0
  #open: Promise<void> = Promise.resolve()
  #let: () => void = () => {}
  #onStart: (() => void) | null = null

  shut(): void {
    this.started = 0
    this.#open = new Promise((resolve) => {
      this.#let = resolve
    })
  }

  open(): void {
    this.#let()
  }

  begun(): Promise<void> {
    this.started++
    this.#onStart?.()
    return this.#open
  }

  async untilStarted(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onStart = () => {
        if (this.started >= count) resolve()
      }
      this.#onStart()
    })
    this.#onStart = null
  }
}

const gate = new Gate()

/** One process that pushes and works, as it is measured: a worker on two queues, both paused. */
export class ProfileSession {
  readonly chancy: Chancy
  readonly gate = gate
  readonly empty = empty.job
  readonly held = held.job.withQueue('held')
  readonly #worker: Worker
  readonly #pools: readonly pg.Pool[]
  readonly #driver: Driver

  private constructor(pools: Readonly<Record<Kind, pg.Pool>>, onCall: (call: Call) => void) {
    this.#pools = Object.values(pools)
    const drivers = Object.fromEntries(KINDS.map((kind) => [kind, pgDriver(pools[kind])]))
    this.#driver = routedDriver(drivers as Record<Kind, Driver>)
    const timed = timedDriver(this.#driver, onCall)
    this.chancy = new Chancy(timed, { schema: SCHEMA, jobs: [empty, held] })
    this.#worker = new Worker(this.chancy, { signals: false })
  }

  /** @param settings of every session, as `name=value` */
  static async open(
    server: BenchServer,
    onCall: (call: Call) => void,
    settings: readonly string[] = [],
  ): Promise<ProfileSession> {
    const pools = Object.fromEntries(KINDS.map((kind) => [kind, poolOf(server, kind, settings)]))
    const session = new ProfileSession(pools as Record<Kind, pg.Pool>, onCall)
    const { chancy } = session
    await chancy.migrate({ to: 0 })
    await chancy.migrate()
    await chancy.declare(new Queue('default', { executor: 'inline', state: 'paused' }))
    await chancy.declare(
      new Queue('held', { executor: 'inline', concurrency: MOST_HELD, state: 'paused' }),
    )
    await session.#worker.start()
    return session
  }

  /** Pushes `count` jobs by one call. */
  async fill(count: number, which = this.empty): Promise<void> {
    const jobs = function* () {
      for (let n = 0; n < count; n++) yield which
    }
    await this.chancy.pushMany(jobs())
  }

  /** Resolves when that many more are saved. */
  saved(count: number): Promise<void> {
    let saved = 0
    return new Promise((resolve) => {
      const stop = this.chancy.on('outcomes.saved', (batch) => {
        saved += batch.saved
        if (saved < count) return
        stop()
        resolve()
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.stop()
    await this.chancy.migrate({ to: 0 })
    await this.chancy.close()
    await Promise.all(this.#pools.map((pool) => pool.end()))
  }
}

function poolOf(server: BenchServer, kind: Kind, settings: readonly string[]): pg.Pool {
  const pool = new pg.Pool({
    connectionString: server.url,
    max: 4,
    application_name: applicationOf(kind),
    // A session that is closed while idle would take its processor time with it.
    idleTimeoutMillis: 0,
    ...(settings.length === 0 ? {} : { options: settings.map((one) => `-c ${one}`).join(' ') }),
  })
  pool.on('error', () => {})
  return pool
}
