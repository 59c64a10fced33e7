import { Chancy, job, Queue, Worker } from 'chancy'
import type { Client } from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { namesOf } from '../../dist/database/names.js'
import { sweepRateStarts } from '../../dist/database/statements/groups.js'
import { testApplication } from '../support/application.ts'
import { databaseUrl, withClient } from '../support/database.ts'
import { endedOrWaiting } from '../support/lock-wait.ts'

const app = testApplication()
const WORKER = '01890000-0000-7000-8000-000000000001'
const ok = job({ name: 'ok' }, () => 'ok')
const sweep = sweepRateStarts.text(namesOf(app.schema))

afterEach(() => app.sql('TRUNCATE $rate_starts'))

/** A queue with a start for each of these ages in seconds, in this order in the table. */
async function started(chancy: Chancy, queue: string, ...ages: number[]): Promise<void> {
  await chancy.declare(
    new Queue(queue, { executor: 'inline', rateLimit: { max: 100, per: '100s' } }),
  )
  for (const age of ages) await start(queue, age)
}

const start = (queue: string, age: number) =>
  app.sql('INSERT INTO $rate_starts VALUES ($1, now() - make_interval(secs => $2))', [queue, age])

/** The starts that are left, with their ages in seconds, to the nearest ten: a busy machine takes some of them. */
const left = async () => {
  const rows = await app.sql<{ line: string }>(
    "SELECT queue || ' ' || 10 * round(date_part('epoch', now() - at) / 10) AS line FROM $rate_starts ORDER BY 1",
  )
  return rows.map(({ line }) => line)
}

describe('the sweep of starts', () => {
  it('removes those that have left the window of their queue, or have none', async () => {
    const chancy = app.chancy()
    await started(chancy, 'paced', 50, 150, 80, 3_600)
    await chancy.declare(new Queue('free', { executor: 'inline' }))
    await start('free', 1)
    await start('undeclared', 1)
    await app.sql(sweep)
    expect(await left()).toEqual(['paced 50', 'paced 80'])
    await app.sql("UPDATE $rate_starts SET at = at - interval '100s'")
    await app.sql(sweep)
    expect(await left()).toEqual([])
  })

  /** How a claim and a sweep of the same starts end when they lock them in opposite order. */
  async function crossed(text: string): Promise<string[]> {
    const chancy = app.chancy()
    await app.sql('TRUNCATE $rate_starts')
    await app.sql(
      "INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity') ON CONFLICT DO NOTHING",
      [WORKER],
    )
    // The claim goes by time, 300 before 200; the sweep by the table, 200 before 300.
    await started(chancy, 'paced', 200, 300, 250)
    const [holder, claimer, sweeper] = [await app.client(), await app.client(), await app.client()]
    const errors: string[] = []
    const run = (client: Client, statement: string, values: unknown[] = []) =>
      client.query(statement.replaceAll('$schema', app.schema), values).catch(({ code }) => {
        errors.push(code)
      })
    const middle = `SELECT 1 FROM $schema.rate_starts
      WHERE at BETWEEN now() - interval '280s' AND now() - interval '220s' FOR UPDATE`
    await run(holder, 'BEGIN')
    await run(holder, middle)
    const claim = run(claimer, "SELECT 1 FROM $schema.claim_1('paced', $1, 1, '{ok}', true)", [
      WORKER,
    ])
    await endedOrWaiting(claimer, claim)
    await run(sweeper, 'BEGIN')
    const swept = run(sweeper, text)
    await endedOrWaiting(sweeper, swept)
    await run(holder, 'COMMIT')
    await swept
    await run(sweeper, 'COMMIT')
    await claim
    return errors
  }

  it('does not wait for a claim: one that does so deadlocks with it', async () => {
    expect(await crossed(sweep)).toEqual([])
    expect(await left()).toEqual([])
    expect(await crossed(sweep.replace('SKIP LOCKED', ''))).toEqual(['40P01'])
  })
})

describe('two queues with a rate limit', () => {
  it('run all their jobs while starts are swept all the time, without a deadlock', {
    timeout: 180_000,
  }, async () => {
    // A database of its own: other tests bring about deadlocks, and they are counted by database.
    const name = `${app.schema}_rates`
    await withClient((client) => client.query(`CREATE DATABASE ${name}`))
    const url = new URL(databaseUrl(app.schema))
    url.pathname = name
    try {
      await withClient((client) => underSweep(client, url.href), url.href)
    } finally {
      await withClient((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`))
    }
  })

  async function underSweep(client: Client, url: string): Promise<void> {
    const options = { schema: app.schema, jobs: [ok] }
    await using chancy = new Chancy(url, options)
    await using beside = new Chancy(url, options)
    await chancy.migrate()
    const queues = ['one', 'two']
    for (const queue of queues) {
      const rateLimit = { max: 100, per: '50ms' } as const
      await chancy.declare(new Queue(queue, { executor: 'inline', concurrency: 20, rateLimit }))
    }
    const refs = await chancy.pushMany(
      Array.from({ length: 4_000 }, (_, n) => ok.job.withQueue(queues[n % 2]!)),
    )
    const troubles: unknown[] = []
    for (const each of [chancy, beside]) each.on('database.error', (it) => troubles.push(it))
    const workers = [chancy, beside].map((each) => new Worker(each, { signals: false }))
    await Promise.all(workers.map((worker) => worker.start()))
    let isOver = false
    // Starts that are over, in an order of the table that is not that of time, as room that is used
    // again leaves it.
    const over = `INSERT INTO ${app.schema}.rate_starts
      SELECT queue, now() - make_interval(secs => 1 + n) FROM unnest($1::text[]) AS queue,
             generate_series(1, 300) AS n ORDER BY random()`
    const errors: string[] = []
    const failing = new AbortController()
    const failed = ({ code }: { code: string }) => {
      errors.push(code)
      failing.abort()
    }
    const sweeping = Promise.all(
      [{ text: sweep }, { text: sweep }, { text: over, values: [queues] }].map((query) =>
        withClient(async (own) => {
          while (!isOver) await own.query(query).catch(failed)
        }, url),
      ),
    )
    const done = await chancy
      .waitForJobs(refs, { timeout: '150s', signal: failing.signal })
      .catch(() => [])
    isOver = true
    await sweeping
    await Promise.all(workers.map((worker) => worker.stop()))
    expect({ errors, troubles }).toEqual({ errors: [], troubles: [] })
    expect(done.filter(({ state }) => state === 'succeeded')).toHaveLength(4_000)
    const { rows } = await client.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    )
    expect(rows).toEqual([{ deadlocks: 0 }])
  }
})
