import { job, Queue } from 'chancy'
import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { judge, keepHistory } from '../support/limit-history.ts'
import { endedOrWaiting } from '../support/lock-wait.ts'

const schema = testSchema()
const WORKER = '01890000-0000-7000-8000-000000000001'
const work = job({ name: 'work' }, (_: { ms: number; group: number; fails?: number }) => {})

beforeAll(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await keepHistory(schema)
})

interface Mutant {
  readonly from: RegExp
  readonly to: string
}

const COUNT = /SELECT array_agg\(c\.used\)[\s\S]*?ORDER BY k\.n\) c;/
/** As if claimed from a moment ago: a claim that moved its bound would fail the second by itself. */
const GROUP =
  "INSERT INTO $schema.concurrency_groups SELECT 'work', last_value FROM $schema.claim_numbers"
const LOCK = /SELECT array_agg\(l\.key\), array_agg\(l\.scan_from\)[\s\S]*?FOR NO KEY UPDATE\) l;/

describe('the checker', () => {
  const claim =
    "SELECT id FROM $schema.claim_1('default', $1, 1, '{work}', true) WHERE id IS NOT NULL"

  /** Two claims from a group of max 1, the second while the first has not committed. */
  async function twoClaims(begin: string, meanwhile: 'nothing' | 'sweep'): Promise<string[]> {
    await empty(schema)
    await sql(schema, 'TRUNCATE $schema.concurrency_groups')
    await keepHistory(schema)
    await using app = await startApp({ schema })
    await app.chancy.declare(new Queue('default', { executor: 'inline' }))
    await sql(schema, "INSERT INTO $schema.workers (id, expires_at) VALUES ($1, 'infinity')", [
      WORKER,
    ])
    const connect = async () => {
      const client = new pg.Client({ connectionString: databaseUrl(schema) })
      await client.connect()
      return client
    }
    const clients = await Promise.all([connect(), connect(), connect()])
    const [one, two, sweeper] = clients as [pg.Client, pg.Client, pg.Client]
    const run = (client: pg.Client, text: string, values?: unknown[]) =>
      client.query(text.replaceAll('$schema', schema), values)
    try {
      const jobs = Array.from({ length: 3 }, () =>
        work.job.withArgs({ ms: 0, group: 0 }).withConcurrency(1),
      )
      if (meanwhile === 'sweep') {
        // The row of the group goes while the first claim waits for it.
        await sql(schema, GROUP)
        await run(sweeper, 'BEGIN')
        await run(sweeper, 'SELECT $schema.sweep_groups_1(NULL, 10)')
      } else {
        await sql(schema, GROUP)
      }
      await app.chancy.pushMany(jobs)
      await run(one, begin)
      const first = run(one, claim, [WORKER]).catch(() => {})
      if (meanwhile === 'sweep') await endedOrWaiting(one, first)
      await run(sweeper, 'COMMIT')
      await first
      await run(two, begin)
      const second = run(two, claim, [WORKER]).catch(() => {})
      await endedOrWaiting(two, second)
      await run(one, 'COMMIT')
      await second
      await run(two, 'COMMIT')
      return [...(await judge(schema)).faults]
    } finally {
      await Promise.all(clients.map((client) => client.end()))
    }
  }

  const READ_COMMITTED = 'BEGIN ISOLATION LEVEL READ COMMITTED'
  const REPEATABLE_READ = 'BEGIN ISOLATION LEVEL REPEATABLE READ'
  const mutants: [string, Mutant, string, 'nothing' | 'sweep'][] = [
    [
      'a count in the statement that locks',
      {
        from: new RegExp(`(${LOCK.source})([\\s\\S]*?)${COUNT.source}`),
        to: `SELECT array_agg(l.key), array_agg(l.scan_from), array_agg(l.used), array_agg(l.oldest)
               INTO locked, lows, used, oldest
               FROM (SELECT g.key, g.scan_from,
                            (SELECT count(*)::int FROM SCHEMA.jobs j WHERE j.state = 'running'
                                AND j.concurrency_key = g.key) AS used, NULL::bigint AS oldest
                       FROM SCHEMA.concurrency_groups g WHERE g.key = ANY (keys)
                      ORDER BY g.key FOR NO KEY UPDATE) l;$2all_fit := false;`,
      },
      READ_COMMITTED,
      'nothing',
    ],
    [
      'no lock',
      {
        from: /(WHERE g\.key = ANY \(keys\)\s+ORDER BY g\.key)\s+FOR NO KEY UPDATE\) l;/,
        to: '$1) l;',
      },
      READ_COMMITTED,
      'nothing',
    ],
    [
      'a job of each group, whatever runs there',
      { from: /bool_and\(c\.used = 0 AND c\.seq IS NULL\)/, to: 'bool_and(c.seq IS NULL)' },
      READ_COMMITTED,
      'nothing',
    ],
    [
      'a max of the group and not of the job',
      { from: /used\[c\.g\] \+ c\.rank <= c\.own_max/, to: 'used[c.g] + c.rank <= 3' },
      READ_COMMITTED,
      'nothing',
    ],
    [
      'no check of the isolation',
      { from: /IF current_setting\('transaction_isolation'\)/, to: "IF 'read committed'" },
      REPEATABLE_READ,
      'nothing',
    ],
    [
      'no check of the rows of groups',
      { from: /IF cardinality\(locked\) IS DISTINCT FROM cardinality\(keys\)/, to: 'IF false' },
      READ_COMMITTED,
      'sweep',
    ],
  ]

  it.each(mutants)('catches a claim with %s', async (_, { from, to }, begin, meanwhile) => {
    const text = `SELECT pg_get_functiondef('$schema.claim_1'::regproc) AS text`
    const [original] = await sql<{ text: string }>(schema, text)
    expect(original!.text).toMatch(from)
    expect(await twoClaims(begin, meanwhile)).toEqual([])
    await runAsIs(original!.text.replace(from, to.replaceAll('SCHEMA', schema)))
    try {
      expect(await twoClaims(begin, meanwhile)).toContain('work: 2 run, and 1 may')
    } finally {
      await runAsIs(original!.text)
    }
  })
})

describe('the checker of a max that changes', () => {
  /** Claims as many jobs of a group as may start, or puts one that waits among the running by force. */
  const claim = (room: number) =>
    sql(schema, "SELECT 1 FROM $schema.claim_1('default', $1, $2, '{work}', true)", [WORKER, room])
  const force = () =>
    sql(
      schema,
      `UPDATE $schema.jobs
          SET state = 'running', fence = fence + 1, position = 1, blocked = false, claim_seq = 1,
              worker_id = $1, started_at = now()
        WHERE state = 'pending'`,
      [WORKER],
    )

  it('goes by the max of each job that starts', async () => {
    await empty(schema)
    await sql(schema, 'TRUNCATE $schema.concurrency_groups')
    await keepHistory(schema)
    await using app = await startApp({ schema })
    await app.chancy.declare(new Queue('default', { executor: 'inline' }))
    await sql(schema, "INSERT INTO $schema.workers (id, expires_at) VALUES ($1, 'infinity')", [
      WORKER,
    ])
    const limited = (max: number) => work.job.withArgs({ ms: 0, group: 0 }).withConcurrency(max)
    // Up: one that may be alone, and two beside it in one commit. Then the first ends.
    const first = await app.chancy.push(limited(1))
    await claim(1)
    await app.chancy.pushMany([limited(2), limited(3)])
    await claim(2)
    await sql(schema, 'DELETE FROM $schema.jobs WHERE id = $1', [first.id])
    // Down: it waits, for as long as it is let.
    await app.chancy.push(limited(1))
    await claim(1)
    const { most, faults } = await judge(schema)
    expect(faults).toEqual([])
    expect(most.get('work')).toBe(3)
    await force()
    expect((await judge(schema)).faults).toEqual(['work: 3 run, and 1 may'])
  })
})

describe('who holds a group', () => {
  const claim = `SELECT 1 FROM $schema.claim_1($1, $2, 1, '{work}', true)`

  /** How two transactions end that each do two things: the first of each, then the second. */
  async function crossed(ours: string[][], theirs: string[][]): Promise<string[]> {
    await empty(schema)
    await sql(schema, `TRUNCATE $schema.concurrency_groups`)
    await using app = await startApp({ schema })
    await sql(schema, "INSERT INTO $schema.workers (id, expires_at) VALUES ($1, 'infinity')", [
      WORKER,
    ])
    const declared = ['one', 'two'].map((name) => new Queue(name, { executor: 'inline' }))
    for (const queue of declared) await app.chancy.declare(queue)
    const limited = (group: number, queue: string) =>
      work.job.withArgs({ ms: 0, group }).withConcurrency(9, 'group').withQueue(queue)
    await app.chancy.pushMany(
      [1, 1, 2, 2].map((group) => limited(group, group === 1 ? 'one' : 'two')),
    )
    await sql(
      schema,
      `INSERT INTO $schema.concurrency_groups VALUES ('work:group=1'), ('work:group=2')`,
    )
    const clients = [ours, theirs].map(
      () => new pg.Client({ connectionString: databaseUrl(schema) }),
    )
    try {
      const errors: string[] = []
      const run = async (n: number, [text, ...values]: string[]) =>
        clients[n]!.query(text!.replaceAll('$schema', schema), values).catch(({ code }) =>
          errors.push(code),
        )
      for (const client of clients) await client.connect()
      for (const n of [0, 1]) await run(n, ['BEGIN'])
      await run(0, ours[0]!)
      const first = run(1, theirs[0]!)
      await endedOrWaiting(clients[1]!, first)
      await Promise.all([
        run(0, ours[1]!).then(() => run(0, ['COMMIT'])),
        first.then(() => run(1, theirs[1]!)).then(() => run(1, ['COMMIT'])),
      ])
      // What follows in a transaction that was chosen to end is no error of its own.
      return errors.filter((code) => code !== '25P02')
    } finally {
      await Promise.all(clients.map((client) => client.end()))
    }
  }
  const DEADLOCK = ['40P01']
  const NOTHING = ['SELECT 1']
  const one = [claim, 'one', WORKER]
  const two = [claim, 'two', WORKER]
  const making = ["SELECT 1 FROM $schema.make_ready_1('{work:group=1}')"]

  it('makes one pass a transaction: two deadlock, in other orders', async () => {
    expect(await crossed([one, NOTHING], [two, NOTHING])).toEqual([])
    expect(await crossed([one, two], [two, one])).toEqual(DEADLOCK)
  })

  it('does not wait for a ready job: a mutant that does so deadlocks with a claim', async () => {
    expect(await crossed([making, making], [one, NOTHING])).toEqual([])
    const text = `SELECT pg_get_functiondef('$schema.ready_1'::regproc) AS text`
    const [original] = await sql<{ text: string }>(schema, text)
    const waiting = `BEGIN PERFORM 1 FROM ${schema}.jobs j WHERE j.position IS NOT NULL
      AND j.concurrency_key = ANY (ready_1.keys) FOR NO KEY UPDATE;`
    await runAsIs(original!.text.replace(/\bBEGIN\b/, waiting))
    try {
      // The first takes the group alone, so that the claim comes to wait for it with its job in hand.
      const locking = ["SELECT 1 FROM $schema.lock_groups_1('{work:group=1}')"]
      expect(await crossed([locking, making], [one, NOTHING])).toEqual(DEADLOCK)
    } finally {
      await runAsIs(original!.text)
    }
  })
})

/** Runs the text of a function, which is full of dollars, as it stands. */
async function runAsIs(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(schema) })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
