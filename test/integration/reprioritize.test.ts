import { type Chancy, type EventMap, type Job, job, Queue, rule } from 'chancy'
import { type PriorityRaise, reprioritize } from 'chancy/plugins/reprioritize'
import { describe, expect, it } from 'vitest'
import { namesOf } from '../../dist/database/names.js'
import { parseRaises } from '../../dist/plugins/reprioritize/raise.js'
import { limitStep, raiseStatements } from '../../dist/plugins/reprioritize/statements.js'
import { testApplication } from '../support/application.ts'
import { withClient } from '../support/database.ts'
import { plansOf } from '../support/plans.ts'
import { alwaysLeads } from '../support/plugins/always-leads.ts'

const app = testApplication()
const RAISES: PriorityRaise[] = [
  { where: rule.queue.eq('mail').and(rule.waiting.gt('5m')), by: 2, per: '5m', to: 10 },
  { where: rule.name.eq('urgent'), by: 1, per: '1m', to: 4 },
]
const NIL = '00000000-0000-0000-0000-000000000000'

/** Puts jobs into a queue; columns beside the usual ones by their names, as expressions. */
async function wait(name: string, columns: Readonly<Record<string, string>> = {}): Promise<void> {
  const all = {
    id: '$new_id()',
    queue: "'mail'",
    seq: "nextval('$positions')",
    position: "currval('$positions')",
    ...columns,
    name: `'${name}'`,
  }
  await app.sql(
    `INSERT INTO $jobs (${Object.keys(all)}) VALUES (${Object.values(all)})`.replaceAll(
      "'$positions'",
      `'${app.schema}.positions'`,
    ),
  )
}

const since = (interval: string) => ({ run_at: `now() - interval '${interval}'` })

/** One pass of the plugin, as the leader makes it. */
async function pass(raises: readonly PriorityRaise[] = RAISES): Promise<number> {
  const statements = raiseStatements(parseRaises(raises))
  const t = namesOf(app.schema)
  return withClient(async (client) => {
    const scan = statements.scan.text(t)
    const { rows } = await client.query(scan, [...statements.scanValues(NIL, 10_000)])
    if (rows[0].ids === null) return 0
    const raised = await client.query(statements.raise.text(t), [
      ...statements.raiseValues(rows[0].ids),
    ])
    const { keys, raised: count } = raised.rows[0]
    if (keys !== null) await client.query(`SELECT * FROM ${app.schema}.make_ready_1($1)`, [keys])
    return count
  })
}

const priorities = async (): Promise<Record<string, number>> => {
  const rows = await app.sql<{ name: string; priority: number }>('SELECT name, priority FROM $jobs')
  return Object.fromEntries(rows.map(({ name, priority }) => [name, priority]))
}

/** In the order of the queue. */
const order = async (): Promise<string[]> => {
  const rows = await app.sql<{ name: string }>(
    'SELECT name FROM $jobs WHERE position IS NOT NULL ORDER BY priority DESC, position',
  )
  return rows.map(({ name }) => name)
}

describe('a waiting job', () => {
  it('has the priority of its waiting, by the rule that gives it the highest', async () => {
    await wait('young', since('4 minutes'))
    await wait('five', since('5 minutes 30 seconds'))
    await wait('nine', since('9 minutes 50 seconds'))
    await wait('ten', since('10 minutes 1 second'))
    await wait('hours', since('5 hours'))
    await wait('high', { ...since('10 minutes 1 second'), priority: '7' })
    await wait('above', { ...since('5 hours'), priority: '12' })
    await wait('below', { ...since('10 minutes 1 second'), priority: '-3' })
    await wait('urgent', since('6 minutes'))
    await wait('other', { ...since('5 hours'), queue: "'other'" })
    expect(await pass()).toBe(6)
    expect(await priorities()).toEqual({
      young: 0,
      five: 2,
      nine: 2,
      ten: 4,
      hours: 10,
      high: 7,
      above: 12,
      below: 4,
      urgent: 4,
      other: 0,
    })
    expect(await pass()).toBe(0)
  })

  it('waits from when it could run: pushed, due, or after the backoff', async () => {
    await wait('pushed', { created_at: "now() - interval '11 minutes'" })
    await wait('scheduled', {
      created_at: "now() - interval '1 day'",
      scheduled_at: "now() - interval '6 minutes'",
    })
    await wait('retried', {
      ...since('6 minutes'),
      created_at: "now() - interval '1 day'",
      state: "'retrying'",
    })
    await wait('later', { ...since('-1 hour'), created_at: "now() - interval '1 day'" })
    await wait('odd', { created_at: "'-infinity'" })
    expect(await pass()).toBe(3)
    expect(await priorities()).toEqual({ pushed: 4, scheduled: 2, retried: 2, later: 0, odd: 0 })
  })

  it('goes before its new equals, and keeps its order among those raised with it', async () => {
    await wait('equal', { ...since('1 second'), priority: '2' })
    await wait('first', since('9 minutes'))
    await wait('second', since('6 minutes'))
    await wait('highest', { ...since('1 second'), priority: '3' })
    await wait('low', since('1 second'))
    expect(await pass()).toBe(2)
    expect(await order()).toEqual(['highest', 'first', 'second', 'equal', 'low'])
  })

  it('keeps its place when it is blocked, parked, or not staged yet', async () => {
    const group = { concurrency_key: "'g'", concurrency_max: '1', position: 'NULL' }
    await app.sql(`INSERT INTO $concurrency_groups (key) VALUES ('g')`)
    await wait('holder', {
      ...group,
      state: "'running'",
      worker_id: 'gen_random_uuid()',
      claim_seq: '1',
      position: '1',
    })
    await wait('blocked', { ...since('6 minutes'), ...group, blocked: 'true' })
    await wait('parked', { ...since('6 minutes'), parked: 'true', position: 'NULL' })
    await wait('due', { ...since('6 minutes'), position: 'NULL', seq: 'NULL' })
    await wait('running', {
      ...since('6 minutes'),
      state: "'running'",
      worker_id: 'gen_random_uuid()',
    })
    expect(await pass()).toBe(3)
    expect(await priorities()).toEqual({ holder: 0, blocked: 2, parked: 2, due: 2, running: 0 })
    const rows = await app.sql('SELECT name, blocked, parked FROM $jobs WHERE position IS NULL')
    expect(rows).toHaveLength(3)
    expect(rows).toContainEqual({ name: 'blocked', blocked: true, parked: false })
    expect(rows).toContainEqual({ name: 'parked', blocked: false, parked: true })
  })

  it('that is locked is left to the next pass, which does not wait for it', async () => {
    await wait('locked', since('6 minutes'))
    await wait('free', since('6 minutes'))
    const client = await app.client()
    await client.query('BEGIN')
    await client.query(`SELECT 1 FROM ${app.schema}.jobs WHERE name = 'locked' FOR UPDATE`)
    expect(await pass()).toBe(1)
    await client.query('ROLLBACK')
    expect(await pass()).toBe(1)
  })

  it('is found by a claim that begins behind the watermark of its new priority', async () => {
    // The watermark of priority 2 lies behind the position that the job has at first.
    await wait('old', since('6 minutes'))
    await app.sql(`SELECT count(nextval('${app.schema}.positions')) FROM generate_series(1, 10)`)
    await withClient(async (client) => {
      for (let n = 0; n < 2; n++) {
        await client.query(`SELECT ${app.schema}.advance_watermarks_1('mail', '{0,2}')`)
        await client.query(
          `UPDATE ${app.schema}.scan_watermarks SET advanced_at = advanced_at - interval '1 s'`,
        )
      }
    })
    const [mark] = await app.sql<{ beyond: boolean }>(
      `SELECT l.watermarks[array_position(l.priorities, 2)] > j.position AS beyond
         FROM $scan_watermarks l, $jobs j`,
    )
    expect(mark).toEqual({ beyond: true })
    expect(await pass()).toBe(1)
    const chancy = app.chancy({ jobs: job({ name: 'old', queue: 'mail' }, () => {}) })
    await chancy.declare(new Queue('mail', { executor: 'inline' }))
    const saved = new Promise((resolve) => chancy.on('outcomes.saved', resolve))
    await app.worker(chancy)
    await saved
    expect(await app.count()).toBe(1)
  })

  it('is found and raised by its id, however many wait', async () => {
    await app.sql(
      `INSERT INTO $jobs (id, queue, name, seq, position, run_at)
       SELECT gen_random_uuid(), 'mail', 'many', n, n, now() - n * interval '50 ms'
         FROM generate_series(1, 20000) AS n`,
    )
    const statements = raiseStatements(parseRaises(RAISES))
    const t = namesOf(app.schema)
    await withClient(async (client) => {
      await client.query(limitStep.text(t).replaceAll(', true)', ', false)'), ['5000'])
      const scan = [statements.scan.text(t), [...statements.scanValues(NIL, 1_000)]] as const
      const read = (await plansOf(client, ...scan)).filter((node) => node.relation === 'jobs')
      expect(read).toEqual([
        expect.objectContaining({
          node: 'Index Scan',
          index: 'jobs_pkey',
          kept: 1_000,
          dropped: 0,
        }),
      ])
      const { rows } = await client.query(scan[0], [...scan[1]])
      const ids = rows[0].ids as string
      const count = ids.split(',').length
      const nodes = await plansOf(client, statements.raise.text(t), [
        ...statements.raiseValues(ids),
      ])
      const wrote = nodes.filter((node) => node.relation === 'jobs' && node.node.endsWith('Scan'))
      expect(wrote.map(({ node, index }) => [node, index])).toEqual([
        ['Index Scan', 'jobs_pkey'],
        ['Tid Scan', null],
      ])
      for (const { kept, dropped } of wrote) expect(kept + dropped).toBe(count)
    })
  })
})

describe('the plugin reprioritize', () => {
  type Raised = EventMap['reprioritize.raised']
  const raisedIn = (chancy: Chancy): Promise<Raised> =>
    new Promise((resolve) => chancy.on('reprioritize.raised', resolve))

  it('lets what has waited too long run first, under two leaders as under one', async () => {
    const ran: string[] = []
    const task = job({ name: 'task', queue: 'mail' }, ({ as }: { as: string }) => void ran.push(as))
    const plugins = () => [
      alwaysLeads(),
      reprioritize([{ where: rule.name.eq('task'), by: 1, per: '1h', to: 5 }], { every: '1s' }),
    ]
    const both = [0, 1].map(() => app.chancy({ jobs: task, plugins: plugins() }))
    const [chancy] = both as [Chancy, Chancy]
    await chancy.declare(new Queue('mail', { executor: 'inline', concurrency: 1, state: 'paused' }))
    const as = (how: string): Job<void, { as: string }> => task.job.withArgs({ as: how }) as never
    await chancy.push(as('high').withPriority(2))
    const older = await chancy.push(as('older'))
    const old = await chancy.push(as('old'))
    for (const [ref, hours] of [
      [old, 2.1],
      [older, 2.9],
    ] as const)
      await app.sql("UPDATE $jobs SET run_at = now() - $1 * interval '1 hour' WHERE id = $2", [
        hours,
        ref.id,
      ])
    const raised = Promise.race(both.map(raisedIn))
    await app.worker(chancy)
    // Leads as well, and runs no job.
    await app.worker(both[1]!, { queues: ['other'] })
    expect(await raised).toMatchObject({ raised: 2 })
    const rows = await app.sql('SELECT position, priority FROM $jobs ORDER BY seq')
    const passed = new Promise<void>((resolve) => {
      let left = 4
      for (const one of both)
        one.on(
          'plugin.passed',
          ({ plugin }) => plugin === 'chancy.reprioritize' && --left === 0 && resolve(),
        )
    })
    await passed
    // A pass more of both has changed nothing.
    expect(await app.sql('SELECT position, priority FROM $jobs ORDER BY seq')).toEqual(rows)
    await chancy.resumeQueue('mail')
    for (const ref of [old, older]) await chancy.waitForJob(ref)
    expect(ran.slice(0, 2)).toEqual(['older', 'old'])
  })

  it('keeps the limit of a group whose jobs it raises', async () => {
    let [running, most] = [0, 0]
    const task = job({ name: 'task', queue: 'mail', concurrency: { max: 2 } }, async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 2))
      running--
    })
    const chancy = app.chancy({
      jobs: task,
      plugins: [
        reprioritize([{ where: rule.name.eq('task'), by: 1, per: '1s', to: 1_000 }], {
          every: '1s',
        }),
      ],
    })
    await chancy.declare(
      new Queue('mail', { executor: 'inline', concurrency: 20, state: 'paused' }),
    )
    const refs = await chancy.pushMany(Array.from({ length: 100 }, () => task.job))
    // The first waits longest, as where nothing was retried.
    await app.sql(
      `UPDATE $jobs j SET run_at = now() - interval '5 s' + (j.seq - f.seq) * interval '3 ms'
         FROM (SELECT min(seq) AS seq FROM $jobs) f`,
    )
    const raised = raisedIn(chancy)
    await app.worker(chancy)
    await raised
    await chancy.resumeQueue('mail')
    await chancy.waitForJobs(refs)
    expect(most).toBe(2)
    const blocked = await app.sql('SELECT 1 FROM $jobs')
    expect(blocked).toEqual([])
  })

  it.each([
    [[], 'reprioritize: expected an array of 1 to 100'],
    [[{ by: 1, per: '5m', to: 10 }], 'rule: expected an object'],
    [[{ where: rule.name.eq('a'), by: 0, per: '5m', to: 10 }], 'reprioritize[0].by: expected'],
    [[{ where: rule.name.eq('a'), by: 1, per: '5ms', to: 10 }], 'reprioritize[0].per: expected at'],
    [[{ where: rule.name.eq('a'), by: 1, per: '5m' }], 'reprioritize[0].to: expected a whole'],
    [[{ where: rule.name.eq('a'), by: 1, per: '5m', to: 1, upTo: 2 }], 'unknown option "upTo"'],
  ])('refuses %j', (raises, message) => {
    expect(() => reprioritize(raises as never)).toThrow(message)
  })

  it('refuses options that are out of their range', () => {
    expect(() => reprioritize(RAISES, { every: 5 })).toThrow('every: expected 1s to 1d')
    expect(() => reprioritize(RAISES, { batch: 0 })).toThrow('batch: expected a whole number')
  })
})
