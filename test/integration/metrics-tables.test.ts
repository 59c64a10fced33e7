import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { Chancy, grant, Job, job, Queue } from 'chancy'
import { contentType, metricsText } from 'chancy/metrics/prometheus'
import { pluginAccess } from 'chancy/plugin'
import { getGauges, getMeasurements, getMetrics, increment, metrics } from 'chancy/plugins/metrics'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sql, startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { emptyingText } from '../support/emptying.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const ok = job({ name: 'ok' }, () => 'ok')
const SOURCE = '01900000-0000-7000-8000-000000000001'

interface Counted {
  readonly name?: string
  readonly queue?: string
  readonly seq: number
  readonly succeeded?: number
  readonly source?: string
}

const entry = ({
  name = 'ok',
  queue = 'default',
  succeeded = 1,
}: Omit<Counted, 'seq'>): object => ({
  k: 'job',
  q: queue,
  n: name,
  c: [succeeded, 0, 0, 0, 0, 0, 0],
  s: [10 * succeeded, 5 * succeeded, 0],
  m: [10, 5, 0],
  b: [106, 1098],
  a: [succeeded, succeeded],
})
const add = (seq: number, entries: readonly object[], source = SOURCE): Promise<unknown> =>
  sql(schema, 'SELECT $schema.metrics_add_1($1, $2, 0, $3)', [source, seq, JSON.stringify(entries)])
const roll = async (series = 500): Promise<number> => {
  const [row] = await sql<{ n: number }>(schema, 'SELECT $schema.metrics_roll_1(100, $1) AS n', [
    series,
  ])
  return row!.n
}
/** Attempts that succeeded since ever, by series. */
const totals = async (kind = 'pair'): Promise<Record<string, number>> => {
  const rows = await sql<{ what: string; n: number }>(
    schema,
    `SELECT concat_ws('/', nullif(s.queue, ''), nullif(s.name, '')) AS what, p.counts[1]::int AS n
       FROM $schema.metrics_points p JOIN $schema.metrics_series s ON s.id = p.series
      WHERE p.step = 0 AND s.kind = $1 ORDER BY 1`,
    [kind],
  )
  return Object.fromEntries(rows.map(({ what, n }) => [what, n]))
}

beforeAll(async () => {
  await using app = await startApp({ schema })
  void app
})
const TABLES = [
  ...['jobs', 'finished_jobs', 'metrics_live', 'metrics_points', 'metrics_queue_counts'],
  ...['metrics_levels', 'leader', 'queues', 'scan_watermarks', 'workers', 'claims'],
]
afterEach(() =>
  sql(
    schema,
    `${emptyingText(schema, TABLES)};
     DELETE FROM $schema.metrics_series WHERE kind <> 'all' AND '(other)' NOT IN (queue, name)`,
  ),
)

describe('a flush', () => {
  it('that is repeated under its number is counted once, also after it was added', async () => {
    await add(0, [entry({ succeeded: 3 })])
    await add(0, [entry({ succeeded: 3 })])
    expect(await roll()).toBe(1)
    await add(0, [entry({ succeeded: 3 })])
    expect(await roll()).toBe(0)
    expect(await totals()).toEqual({ 'default/ok': 3 })
  })

  it('of a newer release is added as far as this one knows it', async () => {
    await add(0, [
      { ...entry({ succeeded: 2 }), c: [2, 0, 0, 0, 0, 0, 0, 9], z: { more: true } },
      { k: 'trace', q: 'default', n: 'ok', c: [5] },
      { k: 'job', q: 'default', n: 'bare' },
    ])
    expect(await roll()).toBe(1)
    expect(await totals()).toEqual({ 'default/bare': 0, 'default/ok': 2 })
  })

  it('is refused when it is no array', async () => {
    await expect(
      sql(schema, `SELECT $schema.metrics_add_1($1, 0, 0, '{}')`, [SOURCE]),
    ).rejects.toMatchObject({ code: '22023' })
  })
})

describe('the roll-up', () => {
  it('adds each flush once under four leaders', async () => {
    const FLUSHES = 300
    await sql(
      schema,
      `SELECT $schema.metrics_add_1($1, n, n * 1000, $2) FROM generate_series(1, ${FLUSHES}) AS s(n)`,
      [SOURCE, JSON.stringify([entry({}), entry({ name: 'other' })])],
    )
    const leader = async (): Promise<void> =>
      withClient(async (client) => {
        const text = `SELECT ${schema}.metrics_roll_1(7, 500) AS n`
        while ((await client.query(text)).rows[0].n > 0);
      })
    await Promise.all([leader(), leader(), leader(), leader()])
    // What one had locked is left to the next pass of another.
    while ((await roll()) > 0);
    expect(await totals()).toEqual({ 'default/ok': FLUSHES, 'default/other': FLUSHES })
    expect(await totals('all')).toEqual({ '': 2 * FLUSHES })
    const steps = await sql<{ step: number; n: number; cells: number }>(
      schema,
      `SELECT p.step, sum(p.counts[1])::int AS n,
              sum((SELECT sum(a) FROM unnest(p.amounts) AS u(a)))::int AS cells
         FROM $schema.metrics_points p JOIN $schema.metrics_series s ON s.id = p.series
        WHERE s.kind = 'queue' GROUP BY p.step ORDER BY 1`,
    )
    const all = { n: 2 * FLUSHES, cells: 4 * FLUSHES }
    expect(steps).toEqual([0, 60, 300, 3600, 86400].map((step) => ({ step, ...all })))
  })

  it('has at most the given number of series of a kind: the least used count for (other)', async () => {
    await add(
      0,
      [1, 2, 3, 4, 5].map((n) =>
        entry({ name: `job-${n}`, queue: `queue-${n % 2}`, succeeded: n }),
      ),
    )
    await roll(2)
    expect(await totals()).toEqual({ '(other)/(other)': 6, 'queue-0/job-4': 4, 'queue-1/job-5': 5 })
    expect(await totals('queue')).toEqual({ 'queue-0': 6, 'queue-1': 9 })
    await add(1, [entry({ name: 'job-4', queue: 'queue-0' }), entry({ name: 'late' })])
    await roll(2)
    expect(await totals()).toMatchObject({ '(other)/(other)': 7, 'queue-0/job-4': 5 })
    // One that was not used for 30 days makes room.
    await sql(schema, `UPDATE $schema.metrics_series SET used_at = now() - interval '31 days'`)
    await add(2, [entry({ name: 'late' })])
    await roll(2)
    expect(await totals()).toMatchObject({ 'default/late': 1 })
  })
})

describe('a role', () => {
  it('of a producer counts and reads nothing, a reader reads and counts nothing', async () => {
    await using app = await startApp({ schema })
    const roles = ['producer', 'reader'] as const
    const open = (kind: string): Chancy => {
      const url = new URL(databaseUrl(schema))
      url.username = `${schema}_${kind}`
      url.password = 'secret'
      return new Chancy(url.href, { schema, notifications: false })
    }
    for (const kind of roles) {
      await sql(schema, `CREATE ROLE ${schema}_${kind} LOGIN PASSWORD 'secret'`)
      await grant(app.chancy, kind, `${schema}_${kind}`)
    }
    try {
      await using producer = open('producer')
      await increment(producer, 'orders', 2)
      await expect(getGauges(producer)).rejects.toMatchObject({ code: /^DATABASE_/ })
      await producer.close()
      await roll()
      await using reader = open('reader')
      const [orders] = await getMeasurements(reader, 'orders', { step: '1d' })
      expect(orders).toMatchObject({ count: 1, sum: 2 })
      expect(await getGauges(reader)).toMatchObject({ workers: 0, leader: null, queues: [] })
      expect(await metricsText(reader)).toContain('chancy_custom_sum{name="orders"} 2\n')
    } finally {
      for (const kind of roles)
        await sql(schema, `DROP OWNED BY ${schema}_${kind}; DROP ROLE ${schema}_${kind}`)
    }
  })
})

describe('measurements', () => {
  it('in a transaction of the caller count if it commits', async () => {
    await using app = await startApp({ schema })
    await withClient(async (client) => {
      for (const end of ['ROLLBACK', 'COMMIT']) {
        await client.query('BEGIN')
        await increment(app.chancy, 'orders', 5, { session: client })
        await client.query(end)
      }
    })
    await roll()
    expect(await getMeasurements(app.chancy, 'orders', { step: '1d' })).toMatchObject([
      { count: 1, sum: 5 },
    ])
  })

  it('are numbers of zero or more under a name', async () => {
    await using app = await startApp({ schema })
    for (const by of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1' as never])
      await expect(increment(app.chancy, 'orders', by)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
    await expect(increment(app.chancy, '')).rejects.toThrow(
      /increment: name: expected text, got ""/,
    )
    await using without = new Chancy(databaseUrl(schema), { schema, defaultPlugins: false })
    await expect(increment(without, 'orders')).rejects.toMatchObject({ code: 'PLUGIN_MISSING' })
  })
})

describe('the levels', () => {
  const counted = async (app: TestApp, passes = 1): Promise<void> => {
    for (let n = 0; n < passes; n++)
      await app.next('plugin.passed', ({ loop, error }) => loop === 'levels' && error === null)
  }

  it('count what waits, is scheduled, blocked and parked, also where no worker has the queue', async () => {
    await using app = await startApp({ schema, jobs: ok })
    const task = Job.named('task', { queue: 'mail' })
    await app.chancy.pushMany([task, task, task.withPriority(3)])
    await app.chancy.pushMany([task.withDelay('1h'), task.withQueue('later').withDelay('1h')])
    await sql(
      schema,
      `INSERT INTO $schema.jobs (id, queue, name, seq, position, created_at)
       VALUES ($schema.new_id(), 'mail', 'task', 5, -5, now() - interval '100 seconds');
       INSERT INTO $schema.jobs (id, queue, name, seq, parked) VALUES ($schema.new_id(), 'mail', 'parked', 6, true);
       INSERT INTO $schema.jobs (id, queue, name, seq, blocked, concurrency_key, concurrency_max)
       VALUES ($schema.new_id(), 'mail', 'held', 7, true, 'held:1', 1);
       INSERT INTO $schema.workers (id, expires_at) VALUES ('${SOURCE}', now() + interval '1 hour');
       INSERT INTO $schema.jobs (id, queue, name, seq, position, concurrency_key, concurrency_max, state, worker_id,
                                 started_at, attempts, fence, claim_seq)
       VALUES ('${SOURCE}', 'mail', 'held', 8, 8, 'held:1', 1, 'running', '${SOURCE}', now(), 1, 1, 1);
       INSERT INTO $schema.claims VALUES ('${SOURCE}', 1, '{${SOURCE}}')`,
    )
    await sql(schema, `SELECT $schema.advance_watermarks_1('mail', '{0}')`)
    const pass = counted(app)
    await app.start({ queues: ['other'] })
    await pass
    const { queues, queuesAgeMs } = await getGauges(app.chancy)
    expect(queues.find(({ queue }) => queue === 'mail')).toMatchObject({
      ...{ waiting: 5, running: 1, scheduled: 1, blocked: 1, isEstimate: false },
    })
    expect(queues.find(({ queue }) => queue === 'later')).toMatchObject({
      ...{ waiting: 0, scheduled: 1, oldestMs: null },
    })
    const mail = queues.find(({ queue }) => queue === 'mail')!
    expect(mail.oldestMs).toBeGreaterThan(99_000)
    expect(mail.ageMs).toBeLessThan(30_000)
    expect(queuesAgeMs).toBeLessThan(30_000)
  })

  it('count a queue with more than 10,000 to its end, over priorities and watermarks', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await sql(
      schema,
      `INSERT INTO $schema.jobs (id, queue, name, seq, position, priority)
       SELECT $schema.new_id(), 'deep', 'task', n, n, n % 3 - 1 FROM generate_series(1, 10500) AS s(n)`,
    )
    const pass = counted(app)
    await app.start({ queues: ['other'] })
    await pass
    const first = (await getGauges(app.chancy)).queues.find(({ queue }) => queue === 'deep')
    expect(first).toMatchObject({ waiting: 10_000, isEstimate: true })
    // The first count to the end is made 10 seconds after a worker began to lead, or immediately when it is woken.
    const again = counted(app)
    await pluginAccess(app.chancy, 'chancy.metrics').wake('levels')
    await again
    const { queues, tables, serverAgeMs } = await getGauges(app.chancy)
    expect(queues).toContainEqual(
      expect.objectContaining({ queue: 'deep', waiting: 10_500, isEstimate: true }),
    )
    expect(tables.find(({ table }) => table === 'jobs')?.bytes).toBeGreaterThan(500_000)
    expect(tables.map(({ table }) => table)).toContain('finished_jobs')
    expect(serverAgeMs).toBeLessThan(60_000)
  })
})

describe('cleanup', () => {
  it('removes points, flushes and series when their time is over, and keeps the sums', async () => {
    const plugins = [metrics({ flush: '1s', retention: { '1m': '2h', '5m': '3h' } })]
    await add(0, [entry({ succeeded: 4 })])
    await roll()
    await sql(
      schema,
      `UPDATE $schema.metrics_points SET at = at - interval '10 hours' WHERE step > 0;
       UPDATE $schema.metrics_live SET at = at - interval '1 hour'`,
    )
    await using app = await startApp({ schema, jobs: ok, plugins })
    await app.start()
    const steps = async () =>
      (
        await sql<{ step: number }>(
          schema,
          'SELECT DISTINCT step FROM $schema.metrics_points ORDER BY step',
        )
      ).map(({ step }) => step)
    await until(async () => (await steps()).length === 3)
    expect(await steps()).toEqual([0, 3600, 86400])
    expect(await totals()).toMatchObject({ 'default/ok': 4 })
    const live = 'SELECT seq FROM $schema.metrics_live WHERE source = $1'
    await until(async () => (await sql(schema, live, [SOURCE])).length === 0)
  })
})

const PROMTOOL = ['/usr/bin/promtool', '/usr/local/bin/promtool'].find(existsSync)

describe('the text for Prometheus', () => {
  const odd = 'a "quoted"\\ name\nin two lines'
  const text = async (): Promise<string> => {
    await using app = await startApp({ schema, jobs: ok })
    await app.chancy.declare(new Queue('default', { executor: 'inline' }))
    await add(0, [entry({ succeeded: 7 }), entry({ name: odd, succeeded: 2 })])
    await add(1, [{ k: 'custom', q: '', n: 'orders', c: [2], s: [5], m: [3], b: [5000], a: [2] }])
    await roll()
    const passed = app.next('plugin.passed', ({ loop }) => loop === 'levels')
    await app.start()
    await passed
    return metricsText(app.chancy)
  }

  it.skipIf(PROMTOOL === undefined)(
    "is read by Prometheus' own parser, which finds nothing to remark (skipped where promtool is not installed)",
    async () => {
      const checking = promisify(execFile)(PROMTOOL!, ['check', 'metrics'])
      checking.child.stdin!.end(await text())
      expect(await checking).toMatchObject({ stdout: '', stderr: '' })
    },
  )

  it('has histograms that are cumulative, end at the count, and only grow', async () => {
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
    const valuesOf = (given: string): number[] =>
      [
        ...given.matchAll(
          /^chancy_job_run_seconds_bucket\{queue="default",name="ok",le="(.*)"\} (.*)$/gm,
        ),
      ].map(([, , value]) => Number(value))
    const before = valuesOf(await text())
    expect(before).toEqual([...before].sort((a, b) => a - b))
    expect([before[0], before.at(-1), before.length]).toEqual([0, 7, 24])
    await add(2, [entry({ succeeded: 1 })])
    await roll()
    await using app = await startApp({ schema })
    const after = await metricsText(app.chancy)
    expect(valuesOf(after).every((value, n) => value >= before[n]!)).toBe(true)
    expect(after).toContain('chancy_job_run_seconds_count{queue="default",name="ok"} 8\n')
    expect(after).toContain('name="a \\"quoted\\"\\\\ name\\nin two lines"')
  })
})

describe('getMetrics', () => {
  it('reads one worker by ten seconds, and refuses what it cannot read', async () => {
    await using app = await startApp({ schema })
    const other = '01900000-0000-7000-8000-000000000002'
    await add(0, [entry({ succeeded: 2 })])
    await add(0, [entry({ succeeded: 5 })], other)
    const sum = async (workerId?: string): Promise<number> => {
      const query = workerId === undefined ? { step: '10s' as const } : { workerId }
      const points = await getMetrics(app.chancy, query)
      return points.reduce((all, { succeeded }) => all + succeeded, 0)
    }
    expect([await sum(), await sum(other)]).toEqual([7, 5])
    for (const query of [
      { workerId: 'one' },
      { workerId: other, step: '1m' },
      { from: new Date(Number.NaN) },
      { from: new Date(), to: new Date(0) },
      { queue: '' },
      { quue: 'x' },
    ])
      await expect(getMetrics(app.chancy, query as never)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
  })
})
