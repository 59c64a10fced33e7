import { job, Queue } from 'chancy'
import { afterEach, describe, expect, it } from 'vitest'
import { namesOf } from '../../dist/database/names.js'
import { sweepRateStarts } from '../../dist/database/statements/groups.js'
import { testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const WORKER = '01890000-0000-7000-8000-000000000001'
const BLOCKED = 50_000
const FREE = 1_000

const gates: (() => void)[] = []
const held = job({ name: 'held' }, () => new Promise<void>((resolve) => void gates.push(resolve)))
const free = job({ name: 'free' }, () => {})
const grouped = job({ name: 'grouped' }, (_: { group: number }) => {})

afterEach(() => app.sql('TRUNCATE $rate_starts'))

const numberOf = async (text: string): Promise<number> => {
  const [row] = await app.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${text}`)
  return row!.n
}

describe('many jobs that are blocked on one group', () => {
  it('are blocked before a claim comes to them, and cost those behind them nothing', {
    timeout: 180_000,
  }, async () => {
    const chancy = app.chancy({ jobs: [held, free] })
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 1_000 }))
    let scanned = 0
    chancy.on('queue.polled', (poll) => {
      scanned += poll.scanned
    })
    await chancy.pushMany(Array(BLOCKED + 1).fill(held.job.withConcurrency(1)))
    const worker = await app.worker(chancy)
    await until(async () => (await numberOf('$jobs WHERE blocked')) === BLOCKED, {
      timeoutMs: 60_000,
      everyMs: 200,
    })
    await until(() => gates.length === 1)
    // The first of them fill the line a little: no more than two batches leave there.
    expect(scanned).toBeLessThan(500)

    // Behind them, at the same priority: each is scanned once, and nothing else is.
    const before = scanned
    const behind = await chancy.waitForJobs(await chancy.pushMany(Array(FREE).fill(free.job)))
    expect(behind.filter(({ state }) => state === 'succeeded')).toHaveLength(FREE)
    expect(scanned).toBe(before + FREE)
    // A transaction of another test holds the dead rows of those jobs for a while; then they go.
    await until(async () => (await rowsOfClaim(20)) < 200, { timeoutMs: 60_000, everyMs: 500 })

    // Each end makes one ready, and that one is scanned once more.
    for (let ends = 1; ends <= 20; ends++) {
      gates[ends - 1]!()
      await until(() => gates.length === ends + 1)
    }
    expect(scanned).toBe(before + FREE + 20)
    expect(await numberOf('$jobs WHERE blocked')).toBe(BLOCKED - 20)
    await app.sql('TRUNCATE $jobs')
    gates[20]!()
    await worker.stop()
  })

  /** Rows and index entries that a claim of `room` jobs reads, as the server counts them. */
  async function rowsOfClaim(room: number): Promise<number> {
    const client = await app.client()
    await client.query(
      `INSERT INTO ${app.schema}.workers (id, expires_at) VALUES ($1, 'infinity')`,
      [WORKER],
    )
    await client.query('BEGIN')
    // Behind every watermark: on a busy machine the queue has some.
    await client.query(
      `INSERT INTO ${app.schema}.jobs (id, queue, name, seq, position)
       SELECT gen_random_uuid(), 'default', 'free', n, 1000000000000 + n
         FROM generate_series(1, $1::int) AS n`,
      [room],
    )
    const read = async (): Promise<number> => {
      const { rows } = await client.query<{ n: number }>(
        `SELECT (pg_stat_get_xact_tuples_returned($1::regclass)
                 + (SELECT sum(pg_stat_get_xact_tuples_returned(i.indexrelid)) FROM pg_index i
                     WHERE i.indrelid = $1::regclass))::int AS n`,
        [`${app.schema}.jobs`],
      )
      return rows[0]!.n
    }
    const before = await read()
    const { rows } = await client.query(
      `SELECT id, (summary::json ->> 'scanned')::int AS scanned FROM ${app.schema}.claim_1('default', $1, $2, '{free}', true)`,
      [WORKER, room],
    )
    const count = (await read()) - before
    await client.query('ROLLBACK')
    await client.query(`DELETE FROM ${app.schema}.workers WHERE id = $1`, [WORKER])
    expect(rows[0]).toEqual({ id: null, scanned: room })
    expect(rows).toHaveLength(room + 1)
    return count
  }
})

describe('many groups of a few jobs', () => {
  it('leave no row in a helper table once they are swept', { timeout: 150_000 }, async () => {
    const [groups, each] = [2_000, 5]
    const chancy = app.chancy({ jobs: grouped })
    const rateLimit = { max: 100_000, per: '1m' } as const
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await chancy.declare(new Queue('paced', { executor: 'inline', rateLimit }))
    const worker = await app.worker(chancy)
    const refs = await chancy.pushMany(
      Array.from({ length: groups * each }, (_, n) =>
        grouped.job
          .withArgs({ group: n % groups })
          .withConcurrency(1, 'group')
          .withQueue(n % each === 0 ? 'paced' : 'default'),
      ),
    )
    const done = await chancy.waitForJobs(refs, { timeout: '120s' })
    expect(done.filter(({ state }) => state === 'succeeded')).toHaveLength(refs.length)
    await worker.stop()
    // A wait is over before its rows are removed.
    await until(async () => (await numberOf('$waiters')) === 0)
    expect(await numberOf('$concurrency_groups')).toBeGreaterThan(0)
    expect(await numberOf('$rate_starts')).toBeGreaterThan(0)

    // An hour later.
    await app.sql("UPDATE $rate_starts SET at = at - interval '1 hour'")
    let after: string | null = null
    do {
      const [row]: { last_key: string | null }[] = await app.sql(
        'SELECT last_key FROM $sweep_groups_1($1, 1000)',
        [after],
      )
      after = row!.last_key
    } while (after !== null)
    await app.sql(sweepRateStarts.text(namesOf(app.schema)))
    for (const table of [
      'jobs',
      'claims',
      'concurrency_groups',
      'rate_starts',
      'waiters',
      'workers',
    ]) {
      expect(await numberOf(`$${table}`), table).toBe(0)
    }
  })
})
