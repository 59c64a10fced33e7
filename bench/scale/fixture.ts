import { Chancy, Queue } from '../support/chancy.ts'
import type { BenchServer } from '../support/server.ts'

/** Dropped and made again for every sample point of a curve. */
export const SCHEMA = 'chancy_bench_scale'

/** The queue of the measured jobs, or the first of many. */
export const QUEUE = 'default'
/** A queue that is never declared: its jobs stay where they are. */
export const NOWHERE = 'nowhere'

const JOBS = `${SCHEMA}.jobs`
/** As the engine asks for it, so that its index serves here too. */
const IS_READY = "position IS NOT NULL AND claim_seq IS NULL AND state <> 'running'"
const FINISHED = `${SCHEMA}.finished_jobs`
const QUEUES = `${SCHEMA}.queues`

/** Rows a statement: an answer now and then, so that the progress of a long filling can be seen. */
const FILL = 500_000

const IDS_A_MS = 1_000
/**
 * Ids as producers make them (RFC 9562, version 7), a thousand a millisecond from `$1` on: rising
 * except within one millisecond, as the primary key meets them in life. `n` counts the rows.
 */
const NEW_ID = `(lpad(to_hex($1::bigint + n / ${IDS_A_MS}), 12, '0') || '7'
         || lpad(to_hex(n % ${IDS_A_MS}), 3, '0')
         || '8' || lpad(to_hex((random() * 1e18)::bigint), 15, '0'))::uuid`

/**
 * A schema and its rows. They are written by statements of this file directly into the tables, as
 * the engine would leave them, since ten million pushes and runs would take many minutes; nothing
 * else writes there but Chancy.
 */
export class Fixture {
  readonly server: BenchServer
  readonly chancy: Chancy
  readonly #busyQueues: number

  private constructor(server: BenchServer, busyQueues: number) {
    this.server = server
    this.#busyQueues = busyQueues
    this.chancy = new Chancy(server.url, { schema: SCHEMA })
  }

  /** An empty schema with its queues: `default`, `queue-1`, `queue-2` and so on. The busy ones are paused. */
  static async open(server: BenchServer, queues: number, busyQueues: number): Promise<Fixture> {
    const fixture = new Fixture(server, busyQueues)
    await fixture.chancy.migrate({ to: 0 })
    await fixture.chancy.migrate()
    await fixture.chancy.declare(new Queue(QUEUE, { executor: 'inline', state: 'paused' }))
    await server.query(
      `INSERT INTO ${QUEUES} (name, state, executor)
       SELECT 'queue-' || n, CASE WHEN n < $2::int THEN 'paused' ELSE 'active' END, 'inline'
         FROM generate_series(1, $1::int) n`,
      [queues - 1, busyQueues],
    )
    return fixture
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.chancy.migrate({ to: 0 })
    await this.chancy.close()
  }

  /** Adds jobs that are ready, spread evenly over the busy queues, or over that many of them. */
  async addWaiting(count: number, busyQueues = this.#busyQueues): Promise<void> {
    await this.#fill(
      count,
      `INSERT INTO ${JOBS} (id, queue, name, args, seq, position)
       SELECT g.id, g.queue, 'empty', '{}', g.position, g.position
         FROM (SELECT ${NEW_ID} AS id, nextval('${SCHEMA}.positions') AS position,
                      CASE WHEN n % $4::int = 0 THEN '${QUEUE}' ELSE 'queue-' || n % $4::int END AS queue
                 FROM generate_series($2::int, $3::int) n) g`,
      [busyQueues],
    )
    // As a push does, so that a worker whose queue was empty does not wait for its next poll.
    await this.server.query(`SELECT pg_notify('chancy_${SCHEMA}', 'queue.pushed ${QUEUE}')`)
  }

  /** Adds jobs to a queue that is not declared. */
  async addStanding(count: number): Promise<void> {
    await this.#fill(
      count,
      `INSERT INTO ${JOBS} (id, queue, name, args, seq, position)
       SELECT g.id, '${NOWHERE}', 'empty', '{}', g.position, g.position
         FROM (SELECT ${NEW_ID} AS id, nextval('${SCHEMA}.positions') AS position
                 FROM generate_series($2::int, $3::int) n) g`,
    )
  }

  /**
   * Adds history, all of it to today: the day that finishing jobs go to as well. It was pushed before
   * whatever is measured, so its ids end where those begin.
   */
  async addFinished(count: number): Promise<void> {
    await this.#fill(
      count,
      `INSERT INTO ${FINISHED} (id, fence, created_at, started_at, finished_at, worker_id, wall_ms,
              priority, attempts, max_attempts, crashes, format, state, queue, name, args)
       SELECT ${NEW_ID}, 1, now(), now(), now(), '01890000-0000-7000-8000-000000000000', 0.1,
              0, 1, 1, 0, 1, 'succeeded', '${QUEUE}', 'empty', '{}'
         FROM generate_series($2::int, $3::int) n`,
      [],
      Date.now() - Math.ceil(count / IDS_A_MS),
    )
  }

  /** Jobs in the line of the queues that are declared. */
  async countWaiting(): Promise<number> {
    const [row] = await this.server.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${JOBS}
        WHERE ${IS_READY} AND queue <> '${NOWHERE}'`,
    )
    return row!.count
  }

  /** Ids of waiting jobs, evenly spread over the first `among` jobs of a queue. */
  async waitingIds(queue: string, count: number, among: number): Promise<string[]> {
    if (count === 0) return []
    const step = Math.max(1, Math.floor(among / count))
    const rows = await this.server.query<{ id: string }>(
      `SELECT l.id
         FROM (SELECT id::text AS id, row_number() OVER (ORDER BY position) AS n
                 FROM ${JOBS} WHERE queue = $1 AND ${IS_READY}
                ORDER BY position LIMIT $2::int) l
        WHERE l.n % $3::int = 0
        LIMIT $4::int`,
      [queue, among, step, count],
    )
    return rows.map(({ id }) => id)
  }

  async countWaits(): Promise<number> {
    const [row] = await this.server.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${SCHEMA}.waiters`,
    )
    return row!.count
  }

  async sizeGib(): Promise<number> {
    const [row] = await this.server.query<{ bytes: number }>(
      `SELECT sum(pg_relation_size(c.oid))::float8 AS bytes
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '${SCHEMA}'`,
    )
    return row!.bytes / 1024 ** 3
  }

  /**
   * What the server would do by itself some time after the filling is done now, so that it does not
   * fall into one run and not into another.
   */
  async settle(): Promise<void> {
    await this.server.query(`VACUUM (ANALYZE) ${JOBS}`)
    await this.server.query(`ANALYZE ${FINISHED}`)
    // Not every role may.
    await this.server.query('CHECKPOINT').catch(() => {})
  }

  /** Resumes all queues. A notification announces the last one, and workers then read all of them. */
  async resume(): Promise<void> {
    await this.#setOthers('active')
    await this.chancy.resumeQueue(QUEUE)
  }

  async pause(): Promise<void> {
    if (this.#busyQueues > 1) await this.#setOthers('paused')
    await this.chancy.pauseQueue(QUEUE)
  }

  /** Only the first queue is paused, and runs one job at a time in each worker. */
  async narrow(): Promise<void> {
    const queue = new Queue(QUEUE, { executor: 'inline', concurrency: 1, state: 'paused' })
    await this.chancy.declare(queue, { upsert: true })
    await this.#setOthers('active')
  }

  async #setOthers(state: 'active' | 'paused'): Promise<void> {
    await this.server.query(
      `UPDATE ${QUEUES} SET state = $1 WHERE name <> '${QUEUE}' AND state <> $1`,
      [state],
    )
  }

  async #fill(
    count: number,
    text: string,
    more: readonly number[] = [],
    firstMs = Date.now(),
  ): Promise<void> {
    for (let from = 0; from < count; from += FILL) {
      const to = Math.min(count, from + FILL) - 1
      await this.server.query(text, [firstMs, from, to, ...more])
    }
  }
}
