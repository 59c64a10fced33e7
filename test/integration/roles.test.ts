import { randomBytes } from 'node:crypto'
import {
  Chancy,
  DatabaseError,
  grant,
  grantSql,
  Job,
  job,
  Queue,
  type RoleKind,
  Worker,
} from 'chancy'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withClient } from '../support/database.ts'
import { ownDatabase, ROLE_PASSWORD } from '../support/own-database.ts'
import { until } from '../support/until.ts'

const url = ownDatabase()
const mark = randomBytes(4).toString('hex')
const roleOf = (name: string): string => `${name}_${mark}`
const ROLES = ['owner', 'producer', 'other', 'worker', 'reader', 'operator', 'stranger'] as const
const KINDS: Readonly<Record<string, RoleKind>> = {
  producer: 'producer',
  other: 'producer',
  worker: 'worker',
  reader: 'reader',
  operator: 'operator',
}
type Role = (typeof ROLES)[number]
const as = (role: Role): string => url(roleOf(role))

const pay = job({ name: 'pay', queue: 'money' }, ({ card }: { card: string }) => `charged ${card}`)
const limited = Job.named('pay', { queue: 'money', args: { card: 'limited' } })
const slow = job({ name: 'slow', queue: 'money' }, (_: object, { signal }) => {
  return new Promise((resolve) => signal.addEventListener('abort', resolve))
})

/** One statement as a role. */
function sql(role: Role, text: string): Promise<Record<string, unknown>[]> {
  return withClient(async (client) => (await client.query(text)).rows, as(role))
}

/** Runs `work` with an application of a role, and gives what it said of the database by events. */
async function withApp<T>(
  role: Role,
  work: (chancy: Chancy, troubles: unknown[]) => Promise<T>,
): Promise<T> {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  await using chancy = new Chancy(as(role), { jobs: [pay, slow], logger: quiet })
  const troubles: unknown[] = []
  chancy.on('database.troubled', (trouble) => void troubles.push(trouble))
  const result = await work(chancy, troubles)
  expect(troubles).toEqual([])
  return result
}

/** Runs jobs as the role of a worker while `work` runs. */
async function whileWorking<T>(work: () => Promise<T>): Promise<T> {
  return withApp('worker', async (chancy) => {
    const worker = new Worker(chancy, { signals: false, lease: '3s', heartbeat: '300ms' })
    await worker.start()
    try {
      return await work()
    } finally {
      await worker.stop()
    }
  })
}

const refused = (work: Promise<unknown>) =>
  expect(work).rejects.toThrow(/permission denied|must be owner/)

beforeAll(async () => {
  await withClient(async (client) => {
    for (const role of ROLES) {
      await client.query(`CREATE ROLE ${roleOf(role)} LOGIN PASSWORD '${ROLE_PASSWORD}'`)
    }
    await client.query(`CREATE SCHEMA chancy AUTHORIZATION ${roleOf('owner')}`)
  }, url())
  await withApp('owner', async (chancy) => {
    await chancy.migrate()
    await chancy.declare(new Queue('money', { executor: 'inline' }))
    for (const [name, kind] of Object.entries(KINDS)) await grant(chancy, kind, roleOf(name))
  })
})

afterAll(async () => {
  await withClient(async (client) => {
    for (const role of ROLES) await client.query(`DROP OWNED BY ${roleOf(role)} CASCADE`)
  }, url())
  await withClient(async (client) => {
    for (const role of ROLES) await client.query(`DROP ROLE ${roleOf(role)}`)
  }, url())
})

describe('a producer', () => {
  it('pushes in every way, waits, reads and cancels what it knows the id of', () =>
    whileWorking(() =>
      withApp('producer', async (chancy) => {
        expect(await chancy.isUpToDate()).toBe(true)
        const named = Job.named('pay', { queue: 'money', args: { card: '1' } })
        const client = new pg.Client(as('producer'))
        await client.connect()
        await client.query('BEGIN')
        const refs = [
          await chancy.push(named),
          await chancy.push(named.withUniqueKey(`k${mark}`)),
          await chancy.push(named.withDelay('200ms').withMeta({ a: 1 })),
          await chancy.push(named.withConcurrency(1)),
          ...(await chancy.pushMany(Array.from({ length: 600 }, () => named))),
          await chancy.push(named, { session: client }),
          ...(await chancy.pushMany([named, named], { session: client })),
        ]
        const { rows } = await client.query(
          `SELECT chancy.push('pay', args => '{"card":"sql"}', queue => 'money') AS id`,
        )
        await client.query('COMMIT')
        await client.end()
        const ended = await chancy.waitForJobs([...refs, rows[0].id], { timeoutMs: '20s' })
        expect(ended.every(({ state }) => state === 'succeeded')).toBe(true)
        expect(ended[0]).toMatchObject({ result: 'charged 1' })
        expect((await chancy.getJob(refs[0]!))?.state).toBe('succeeded')

        const waiting = await chancy.push(named.withDelay('1h').withConcurrency(1))
        expect(await chancy.cancel(waiting)).toBe('cancelled')
        expect((await chancy.waitForJob(waiting)).state).toBe('cancelled')
      }),
    ))

  it('reads nothing of what others pushed, neither waiting nor finished', async () => {
    await withApp('other', (chancy) => chancy.push(pay.job.withArgs({ card: 'secret' })))
    for (const table of [
      'jobs',
      'finished_jobs',
      'all_jobs',
      'queues',
      'workers',
      'claims',
      'waiters',
    ]) {
      await refused(sql('producer', `SELECT * FROM chancy.${table}`))
    }
    await withApp('producer', async (chancy) => {
      await refused(chancy.listJobs())
      await refused(chancy.explainQueue('money'))
      await refused(chancy.getWorkers())
    })
    for (const call of [
      "claim_1('money', gen_random_uuid(), 10, '{pay}', true)",
      "held_1(gen_random_uuid(), '{1}')",
      'list_jobs_1(NULL, NULL, NULL, NULL, 10)',
      "make_ready_1('{pay}')",
    ]) {
      await refused(sql('producer', `SELECT * FROM chancy.${call}`))
    }
  })

  it('neither changes, deletes nor replaces a job, nor writes one that looks as if it ran', async () => {
    const row = `(id, queue, name, state, concurrency_key, claim_seq, worker_id)
      VALUES (gen_random_uuid(), 'money', 'pay', 'running', 'pay', 1, gen_random_uuid())`
    for (const text of [
      `UPDATE chancy.jobs SET args = '{}'`,
      'DELETE FROM chancy.jobs',
      `INSERT INTO chancy.jobs ${row}`,
      `INSERT INTO chancy.jobs (id, queue, name) VALUES (gen_random_uuid(), 'money', 'pay')`,
      'DELETE FROM chancy.waiters',
      "SELECT setval('chancy.line', 1)",
      "SELECT nextval('chancy.line')",
      "SELECT chancy.drop_day_1('finished_jobs_20200101')",
      'SELECT chancy.recover_1(10, 3, 0)',
      'SELECT chancy.retry_1(gen_random_uuid(), true)',
      'CREATE TABLE chancy.mine ()',
    ]) {
      await refused(sql('producer', text))
    }
    await withApp('producer', async (chancy) => {
      await refused(chancy.pauseQueue('money'))
      await refused(chancy.declare(new Queue('z')))
      await refused(chancy.retry(await chancy.push(limited)))
    })
  })

  it('hears which grant it lacks when it does what it may not', () =>
    withApp('producer', async (chancy) => {
      await expect(chancy.listJobs()).rejects.toThrow(
        /Grant the role of this Chancy what it does, as the owner of the schema: chancy grant producer, worker/,
      )
    }))
})

describe('a worker that owns nothing', () => {
  it('runs jobs with limits, rates, retries and progress, and is told to cancel', () =>
    whileWorking(async () => {
      await withApp('worker', async (chancy) => {
        await chancy.declare(
          new Queue('rated', { executor: 'inline', rateLimit: { max: 100, per: '1s' } }),
        )
        const refs = await chancy.pushMany([
          ...Array.from({ length: 20 }, (_, n) =>
            pay.job.withArgs({ card: `${n}` }).withConcurrency(2),
          ),
          ...Array.from({ length: 20 }, (_, n) =>
            pay.job.withArgs({ card: `${n}` }).withQueue('rated'),
          ),
        ])
        for (const { state } of await chancy.waitForJobs(refs, { timeoutMs: '20s' })) {
          expect(state).toBe('succeeded')
        }
        const running = await chancy.push(slow)
        await chancy.waitForJob(running, { states: ['running'], timeoutMs: '20s' })
        expect(await chancy.cancel(running)).toBe('requested')
        expect((await chancy.waitForJob(running, { timeoutMs: '20s' })).state).toBe('cancelled')
      })
    }))

  it('makes the next days of the history, analyzes it, and drops a day that is over', async () => {
    expect(await sql('worker', 'SELECT chancy.make_days_1(9) AS made')).toEqual([{ made: 2 }])
    await sql('worker', 'SELECT chancy.analyze_history_1()')
    await sql(
      'owner',
      `
      CREATE TABLE chancy.finished_jobs_20200101 PARTITION OF chancy.finished_jobs
        FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-01-02 00:00Z');
      CREATE TABLE chancy.finished_jobs_20200102 PARTITION OF chancy.finished_jobs
        FOR VALUES FROM ('2020-01-02 00:00Z') TO ('2020-01-03 00:00Z');
      INSERT INTO chancy.finished_jobs (id, fence, created_at, finished_at, priority, attempts, max_attempts,
             crashes, format, state, queue, name, args, retention)
      SELECT gen_random_uuid(), 1, now(), '2020-01-02 12:00Z', 0, 1, 1, 0, 1, 'succeeded', 'money', 'pay',
             '{}', interval '100 years'`,
    )
    await refused(sql('worker', 'DROP TABLE chancy.finished_jobs_20200101'))
    const days = async () =>
      (
        await sql(
          'owner',
          `SELECT relname FROM pg_class WHERE relname ~ '^finished_jobs_2020[0-9]{4}$'`,
        )
      ).map(({ relname }) => relname)
    await whileWorking(() =>
      until(async () => !(await days()).includes('finished_jobs_20200101'), { timeoutMs: 15_000 }),
    )
    // A row of the other is still to be kept.
    expect(await days()).toEqual(['finished_jobs_20200102'])
    const today = `finished_jobs_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`
    for (const name of [today, 'finished_jobs_20200102', 'jobs', 'finished_jobs']) {
      expect(await sql('worker', `SELECT chancy.drop_day_1('${name}') AS dropped`), name).toEqual([
        { dropped: false },
      ])
    }
  })

  it('does not start without a right, and says the missing GRANT, which is enough', async () => {
    const start = async (): Promise<void> => {
      await withApp('stranger', async (chancy) => {
        const worker = new Worker(chancy, { signals: false })
        try {
          await worker.start()
        } finally {
          await worker.stop()
        }
      })
    }
    const error: unknown = await start().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DatabaseError)
    expect(error).toMatchObject({ code: 'RIGHTS_MISSING', details: { role: roleOf('stranger') } })
    const { grants } = (error as DatabaseError).details as { grants: string[] }
    expect(grants).toContain(`GRANT USAGE ON SCHEMA "chancy" TO "${roleOf('stranger')}";`)
    for (const text of grants) await sql('owner', text)
    await start()

    await sql('owner', `REVOKE EXECUTE ON FUNCTION chancy.make_days_1 FROM ${roleOf('stranger')}`)
    await expect(start()).rejects.toThrow(
      `GRANT EXECUTE ON FUNCTION "chancy"."make_days_1" TO "${roleOf('stranger')}";`,
    )
  })
})

describe('a reader', () => {
  it('sees everything, waits, and changes nothing', async () => {
    const ref = await withApp('producer', (chancy) => chancy.push(limited.withDelay('1h')))
    await withApp('reader', async (chancy) => {
      expect(await chancy.getJob(ref)).toMatchObject({ state: 'pending' })
      expect((await chancy.listJobs()).length).toBeGreaterThan(0)
      expect((await chancy.explain(ref)).runnable).toBe(false)
      await chancy.explainQueue('money')
      await chancy.getQueues()
      await chancy.getWorkers()
      expect(await sql('reader', 'SELECT count(*)::int > 0 AS some FROM chancy.all_jobs')).toEqual([
        { some: true },
      ])
      const waiting = chancy.waitForJob(ref, { timeoutMs: '20s' })
      await withApp('producer', (other) => other.cancel(ref))
      expect((await waiting).state).toBe('cancelled')

      await refused(chancy.push(limited))
      await refused(chancy.cancel(ref))
      await refused(chancy.retry(ref))
      await refused(chancy.pauseQueue('money'))
    })
    await refused(sql('reader', 'DELETE FROM chancy.finished_jobs'))
  })
})

describe('an operator', () => {
  it('sees, cancels, retries and pauses, and pushes nothing', async () => {
    const ref = await withApp('producer', (chancy) =>
      chancy.push(limited.withDelay('1h').withConcurrency(1)),
    )
    await withApp('operator', async (chancy) => {
      expect((await chancy.explain(ref)).runnable).toBe(false)
      expect(await chancy.cancel(ref)).toBe('cancelled')
      await chancy.retry(ref)
      expect((await chancy.getJob(ref))?.state).toBe('pending')
      expect(await chancy.cancel(ref)).toBe('cancelled')
      await chancy.pauseQueue('money')
      await chancy.resumeQueue('money')
      await chancy.declare(new Queue('other'))
      await chancy.deleteQueue('other')
      await refused(chancy.push(limited))
    })
    await refused(sql('operator', `UPDATE chancy.jobs SET args = '{}'`))
  })
})

describe('a role without a grant', () => {
  it('calls no function, though it may use the schema', async () => {
    const role = roleOf('other')
    await sql('owner', `REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA chancy FROM ${role}`)
    const functions = await sql(
      'owner',
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc p
      WHERE p.pronamespace = 'chancy'::regnamespace AND has_function_privilege('${role}', p.oid, 'EXECUTE')`,
    )
    expect(functions).toEqual([])
  })

  it('finds the rights of the owner behind no function without a search path of its own', async () => {
    const unsafe = await sql(
      'owner',
      `SELECT proname FROM pg_proc
      WHERE pronamespace = 'chancy'::regnamespace
        AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)`,
    )
    expect(unsafe).toEqual([])
  })
})

describe('the SQL of a grant', () => {
  it('quotes the role and the schema', () => {
    const text = grantSql('producer', 'a"b; DROP', { schema: 'my "own"' })
    expect(text).toContain('GRANT USAGE ON SCHEMA "my ""own""" TO "a""b; DROP";\n')
  })

  it.each([
    ['boss', 'app'],
    ['producer', ''],
    ['producer', 'x'.repeat(64)],
  ])('is refused for %s and %j', (kind, role) => {
    expect(() => grantSql(kind as RoleKind, role)).toThrow(/^grant: expected/)
  })
})
