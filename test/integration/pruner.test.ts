import { type Chancy, type EventMap, Job, job, Queue, Reference, rule, Worker } from 'chancy'
import { pluginAccess } from 'chancy/plugin'
import { leadership } from 'chancy/plugins/leadership'
import { prune, pruner } from 'chancy/plugins/pruner'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseRuleNode } from '../../dist/core/rule/rule-node.js'
import { namesOf } from '../../dist/database/names.js'
import { limitStep, pageScan, removeRows } from '../../dist/plugins/pruner/statements.js'
import { testApplication } from '../support/application.ts'
import { withClient } from '../support/database.ts'
import { plansOf } from '../support/plans.ts'
import { alwaysLeads } from '../support/plugins/always-leads.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const jobs = job({ name: 'any' }, () => {})
/** Days that are over, and that the retention keeps. */
const DAYS = [4, 3, 2].map((ago) => isoDay(Date.now() - ago * 86_400_000)) as [
  string,
  string,
  string,
]
const PER_DAY = 11_000

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')
}

const dayStart = (day: string): string =>
  `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`

// Each time: a worker drops the days that are empty.
beforeEach(async () => {
  for (const day of DAYS) {
    await app.sql(
      `CREATE TABLE IF NOT EXISTS $finished_jobs_${day} PARTITION OF $finished_jobs
         FOR VALUES FROM ('${dayStart(day)}') TO ('${dayStart(day)}'::timestamptz + interval '1 day')`,
    )
  }
})

/** Rows of one day, or that finished so long ago; `name` and `queue` are expressions over `n`. */
async function finish(
  count: number,
  { at, name = "'tick'", queue = "'default'", state = "'succeeded'" }: Record<string, string>,
): Promise<void> {
  await app.sql(
    `INSERT INTO $finished_jobs (id, fence, created_at, finished_at, priority, attempts, crashes,
                                 format, args, meta, name, queue, state)
     SELECT gen_random_uuid(), 1, now(), ${at}, 0, 1, 0, 1, '{}', '{"tenant": "acme"}', ${name}, ${queue}, ${state}
       FROM generate_series(1, ${count}) AS n`,
  )
}

const onDay = (day: string): string => `'${dayStart(day)}'::timestamptz + n * interval '1 second'`
const ago = (interval: string): string => `now() - interval '${interval}'`
const names = async (): Promise<string[]> =>
  (await app.sql<{ name: string }>('SELECT name FROM $all_jobs ORDER BY name')).map((it) => it.name)

type Pruned = EventMap['pruner.pruned']

const passOf = (chancy: Chancy): Promise<Pruned> =>
  new Promise((resolve) => {
    const unlisten = chancy.on('pruner.pruned', (pass) => {
      unlisten()
      resolve(pass)
    })
  })

describe('prune', () => {
  it('removes what has finished and fits, and nothing else', async () => {
    const chancy = app.chancy()
    await chancy.declare(new Queue('default', { executor: 'inline', state: 'paused' }))
    await finish(1, { at: ago('11 minutes'), name: "'old'" })
    await finish(1, { at: ago('9 minutes'), name: "'young'" })
    await finish(1, { at: ago('2 hours'), name: "'other'", queue: "'other'" })
    await finish(1, { at: onDay(DAYS[0]), name: "'ancient'", state: "'failed'" })
    await chancy.push(Job.named('waits'))
    await app.sql(`INSERT INTO $jobs (id, queue, name, state, created_at)
                   VALUES ($new_id(), 'default', 'retries', 'retrying', now() - interval '1 year')`)
    const given = rule.queue.eq('default')
    expect(await prune(chancy, given, { dryRun: true })).toEqual({ matched: 2, removed: 0 })
    expect(await prune(chancy, given)).toEqual({ matched: 2, removed: 2 })
    expect(await names()).toEqual(['other', 'retries', 'waits', 'young'])
    expect(await prune(chancy, rule.age.gt('1h'))).toEqual({ matched: 1, removed: 1 })
    expect(await prune(chancy, given)).toEqual({ matched: 0, removed: 0 })
    expect(await names()).toEqual(['retries', 'waits', 'young'])
  })

  it('counts by every field of a rule as it removes', async () => {
    const chancy = app.chancy()
    await finish(30, { at: onDay(DAYS[0]), name: "'n' || n % 3", queue: "'q' || n % 2" })
    await finish(10, { at: onDay(DAYS[1]), name: "'n0'", state: "'failed'" })
    for (const [given, matched] of [
      [rule.name.eq('n0'), 20],
      [rule.name.in(['n0', 'n1']).and(rule.queue.eq('q1')), 10],
      [rule.queue.eq('q1').or(rule.state.eq('failed')), 25],
      [rule.meta('tenant').eq('acme').and(rule.attempts.lt(2)), 40],
      [rule.meta('tenant').isNull(), 0],
      [rule.name.startsWith('n').not(), 0],
    ] as const) {
      expect(await prune(chancy, given, { dryRun: true })).toEqual({ matched, removed: 0 })
    }
    expect(await prune(chancy, rule.name.eq('n0'))).toEqual({ matched: 20, removed: 20 })
    expect(await app.count()).toBe(20)
  })

  it('reads each row once, whatever the rule goes by', async () => {
    for (const day of DAYS.slice(0, 2))
      await finish(PER_DAY, {
        at: onDay(day),
        name: "CASE n % 2 WHEN 0 THEN 'tick' ELSE 'ping' END",
      })
    // The counters of a session are added up when it ends.
    const reads = async (): Promise<number> => {
      const { rows } = await withClient((client) =>
        client.query<{ n: string }>(
          `SELECT sum(idx_tup_fetch + seq_tup_read) AS n FROM pg_stat_user_tables
            WHERE schemaname = $1 AND relname ~ '^finished_jobs_'`,
          [app.schema],
        ),
      )
      return Number(rows[0]?.n)
    }
    const before = await reads()
    const chancy = app.chancy()
    const total = PER_DAY * 2
    expect(await prune(chancy, rule.name.eq('tick'))).toEqual({
      matched: total / 2,
      removed: total / 2,
    })
    await chancy.close()
    // A session that ends adds its counters up a moment later.
    const read = await until(async () => {
      const now = (await reads()) - before
      return now >= total ? now : null
    })
    expect(read).toBeLessThan(total * 1.01)
    expect(await app.count()).toBe(total / 2)
  })

  it('goes along the index of the queues where the rule names one, and removes by place', async () => {
    await finish(3_000, { at: onDay(DAYS[0]), queue: "'q' || n % 3" })
    const t = namesOf(app.schema)
    const from = Date.parse(dayStart(DAYS[0]))
    const day = { day: DAYS[0], from_ms: from, until_ms: from + 86_400_000, now_ms: from }
    const nil = '00000000-0000-0000-0000-000000000000'
    await withClient(async (client) => {
      const given = parseRuleNode(rule.queue.eq('q1').toJSON())
      for (const [queue, index] of [
        [null, `finished_jobs_${DAYS[0]}_id_idx`],
        ['q1', `finished_jobs_${DAYS[0]}_queue_id_idx`],
      ] as const) {
        // Not in a transaction: the plan of a statement is logged when its portal is closed.
        await client.query(limitStep.text(t).replaceAll(', true)', ', false)'), ['100'])
        const scan = pageScan(given, queue)
        const text = scan.statement.text(t)
        const values = [...scan.values(day, nil, 500)]
        const nodes = (await plansOf(client, text, values)).filter((node) => node.relation !== null)
        expect(nodes).toEqual([
          expect.objectContaining({ node: 'Index Scan', index, kept: 500, dropped: 0 }),
        ])
        const { rows } = await client.query(text, values)
        expect(rows[0]).toMatchObject({
          read: 500,
          matched: queue === null ? expect.any(Number) : 500,
        })
        const removed = rows[0].matched
        const removal = [day.from_ms, day.until_ms, rows[0].ctids, rows[0].ids]
        const scans = (await plansOf(client, removeRows.text(t), removal)).filter(
          (node) => node.relation?.startsWith('finished_jobs_') && node.node.endsWith('Scan'),
        )
        expect(scans.map((node) => node.node)).toEqual(['Tid Scan', 'Tid Scan'])
        expect(scans.map((node) => node.kept + node.dropped)).toEqual([removed, removed])
      }
    })
  })

  it('leaves a row alone that is locked, and a job that is retried meanwhile', async () => {
    const chancy = app.chancy()
    await finish(2, { at: onDay(DAYS[0]), name: "'f' || n", state: "'failed'" })
    const [row] = await app.sql<{ id: string }>(`SELECT id FROM $finished_jobs WHERE name = 'f1'`)
    const client = await app.client()
    await client.query('BEGIN')
    await client.query(`SELECT 1 FROM ${app.schema}.finished_jobs WHERE name = 'f1' FOR UPDATE`)
    expect(await prune(chancy, rule.state.eq('failed'))).toEqual({ matched: 2, removed: 1 })
    await client.query('ROLLBACK')
    await chancy.retry(Reference.from(row!.id))
    expect(await prune(chancy, rule.state.eq('failed'))).toEqual({ matched: 0, removed: 0 })
    expect(await names()).toEqual(['f1'])
  })

  it('waits a while for a day that is being changed, and says so when it does not end', async () => {
    const chancy = app.chancy()
    await finish(1, { at: onDay(DAYS[0]) })
    const client = await app.client()
    await client.query('BEGIN')
    await client.query(`LOCK TABLE ${app.schema}.finished_jobs_${DAYS[0]}`)
    await expect(prune(chancy, rule.name.eq('tick'))).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      details: { sqlState: '55P03' },
    })
    await client.query('ROLLBACK')
    expect(await prune(chancy, rule.name.eq('tick'))).toEqual({ matched: 1, removed: 1 })
  })

  it('is a command too, which takes the rule as a text', async () => {
    const chancy = app.chancy()
    await finish(3, { at: onDay(DAYS[0]) })
    const command = pruner().commands?.find(({ name }) => name === 'prune')
    const run = (given: Record<string, string | boolean>): unknown =>
      command?.run(pluginAccess(chancy, 'chancy.pruner'), given)
    const where = '{"name":{"eq":"tick"}}'
    expect(await run({ where, 'dry-run': true })).toEqual({ matched: 3, removed: 0 })
    expect(await run({ where, 'dry-run': false })).toEqual({ matched: 3, removed: 3 })
    expect(() => run({ 'dry-run': true })).toThrow('--where is missing')
    expect(() => run({ where: 'name tick' })).toThrow('expected =, !=')
    await finish(2, { at: onDay(DAYS[0]) })
    const given = { where: 'name = tick', 'dry-run': false }
    const access = pluginAccess(chancy, 'chancy.pruner')
    expect(await command?.ask?.(access, given)).toBe('Remove 2 finished jobs?')
    expect(await command?.ask?.(access, { ...given, 'dry-run': true })).toBeNull()
    expect(await command?.ask?.(access, { ...given, where: 'name = none' })).toBeNull()
  })

  it('refuses what is no rule, and a Chancy without the plugin', async () => {
    const chancy = app.chancy()
    await expect(prune(chancy, { queue: 'mail' } as never)).rejects.toThrow('rule.queue: expected')
    await expect(prune(chancy, rule.name.eq('a'), { dry: true } as never)).rejects.toThrow('dryRun')
    const bare = app.chancy({ defaultPlugins: false })
    await expect(prune(bare, rule.name.eq('a'))).rejects.toMatchObject({ code: 'PLUGIN_MISSING' })
  })
})

describe('the plugin pruner', () => {
  const RULES = [rule.name.in(['tick', 'ping']), rule.queue.eq('mail').and(rule.age.gt('1h'))]

  it('removes in the worker that leads, and reads a day that is over once', async () => {
    const chancy = app.chancy({
      jobs,
      plugins: [pruner({ rules: RULES, every: '1s', batch: 100 })],
    })
    await finish(500, {
      at: onDay(DAYS[0]),
      name: "CASE n % 2 WHEN 0 THEN 'tick' ELSE 'stays' END",
    })
    await finish(20, { at: onDay(DAYS[1]), name: "'stays'", queue: "'mail'" })
    await finish(1, { at: ago('11 minutes'), name: "'ping'" })
    await finish(1, { at: ago('5 minutes'), name: "'ping'" })
    const first = passOf(chancy)
    await app.worker(chancy)
    // Those of the queue are read twice: by their index too.
    expect(await first).toMatchObject({ read: 520 + 2 + 20, matched: 271, removed: 271 })
    expect(await app.count()).toBe(251)
    // The present day may get rows that fit until it is over. It is the one that is read again.
    expect(await passOf(chancy)).toMatchObject({ read: 1, matched: 0, removed: 0 })
    await app.sql(`UPDATE $finished_jobs SET finished_at = now() - interval '12 minutes'
                    WHERE name = 'ping'`)
    // A pass that was under way may have read it before.
    let pass = await passOf(chancy)
    while (pass.matched === 0) {
      expect(pass).toMatchObject({ read: 1, removed: 0 })
      pass = await passOf(chancy)
    }
    expect(pass).toMatchObject({ read: 1, matched: 1, removed: 1 })
  })

  it('removes each row once under two leaders', async () => {
    const both = [0, 1].map(() =>
      app.chancy({
        jobs,
        plugins: [alwaysLeads(), pruner({ rules: RULES, every: '1s', batch: 50 })],
      }),
    )
    await finish(2_000, { at: onDay(DAYS[0]) })
    const passes = both.map(passOf)
    await Promise.all(both.map((chancy) => app.worker(chancy)))
    const removed = (await Promise.all(passes)).map((pass) => pass.removed)
    expect(removed[0]! + removed[1]!).toBe(2_000)
    expect(await app.count()).toBe(0)
  })

  it('continues with the other days when one cannot be read', async () => {
    const chancy = app.chancy({ jobs, plugins: [pruner({ rules: RULES, every: '1s' })] })
    await finish(1, { at: onDay(DAYS[0]) })
    await finish(1, { at: onDay(DAYS[1]) })
    const client = await app.client()
    await client.query('BEGIN')
    await client.query(`LOCK TABLE ${app.schema}.finished_jobs_${DAYS[0]}`)
    const first = passOf(chancy)
    await app.worker(chancy)
    expect(await first).toMatchObject({ read: 1, removed: 1 })
    await client.query('ROLLBACK')
    // A pass that was under way may have given the day up just before.
    let pass = await passOf(chancy)
    while (pass.removed === 0) pass = await passOf(chancy)
    expect(pass).toMatchObject({ read: 1, removed: 1 })
  })

  it('removes nothing without rules, and nothing where it is left out', async () => {
    const chancy = app.chancy({ jobs })
    const bare = app.chancy({ jobs, defaultPlugins: false, plugins: [leadership()] })
    for (const one of [chancy, bare]) {
      one.on('plugin.passed', ({ plugin }) => expect(plugin).not.toBe('chancy.pruner'))
      const passed = new Promise((resolve) => one.on('leadership.gained', resolve))
      const worker = new Worker(one, { signals: false })
      await worker.start()
      await passed
      await worker.stop()
    }
  })

  it.each([
    [{ rules: 'all' }, 'pruner: rules: expected an array'],
    [{ rules: [{ sql: 'true' }] }, 'unknown field "sql"'],
    [{ every: '10ms' }, 'pruner: every: expected 1s to 1d'],
    [{ batch: 0 }, 'pruner: batch: expected a whole number from 1 to 10000'],
    [{ rule: [] }, 'unknown option "rule"'],
  ])('refuses %j', (options, message) => {
    expect(() => pruner(options as never)).toThrow(message)
  })
})
