import { randomBytes } from 'node:crypto'
import {
  Chancy,
  DatabaseError,
  grant,
  grantSql,
  Job,
  job,
  type Plugin,
  Queue,
  type RoleKind,
  rule,
  Worker,
} from 'chancy'
import { definePlugin, migration } from 'chancy/plugin'
import { prune } from 'chancy/plugins/pruner'
import { reprioritize } from 'chancy/plugins/reprioritize'
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
  plugins: readonly Plugin[] = [],
): Promise<T> {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  await using chancy = new Chancy(as(role), { jobs: [pay, slow], plugins, logger: quiet })
  const troubles: unknown[] = []
  chancy.on('database.error', (trouble) => void troubles.push(trouble))
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
  it('pushes in every way, waits, reads and cancels the jobs whose id it has', () =>
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
        const ended = await chancy.waitForJobs([...refs, rows[0].id], { timeout: '50s' })
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
      'list_jobs_2(NULL, NULL, NULL, NULL, 10)',
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
      "SELECT setval('chancy.positions', 1)",
      "SELECT nextval('chancy.positions')",
      "SELECT chancy.drop_partition_1('finished_jobs_20200101')",
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

  it('gets an error with the missing grant when it does what it may not', () =>
    withApp('producer', async (chancy) => {
      await expect(chancy.listJobs()).rejects.toThrow(
        /Grant the role of this Chancy what it does, as the owner of the schema: chancy grant producer, worker.*with --app/,
      )
    }))
})

describe('a worker that owns nothing', () => {
  it('runs jobs with limits, rates, retries and progress, and receives cancels', () =>
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
        for (const { state } of await chancy.waitForJobs(refs, { timeout: '50s' })) {
          expect(state).toBe('succeeded')
        }
        const running = await chancy.push(slow)
        await chancy.waitForJob(running, { states: ['running'], timeout: '50s' })
        expect(await chancy.cancel(running)).toBe('requested')
        expect((await chancy.waitForJob(running, { timeout: '50s' })).state).toBe('cancelled')
      })
    }))

  it('makes the next days of the history, analyzes it, and drops a day that is over', async () => {
    expect(await sql('worker', 'SELECT chancy.create_partitions_1(9) AS made')).toEqual([
      { made: 2 },
    ])
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
      until(async () => !(await days()).includes('finished_jobs_20200101'), { timeoutMs: 45_000 }),
    )
    // A row of the other is still to be kept.
    expect(await days()).toEqual(['finished_jobs_20200102'])
    const today = `finished_jobs_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`
    for (const name of [today, 'finished_jobs_20200102', 'jobs', 'finished_jobs']) {
      expect(
        await sql('worker', `SELECT chancy.drop_partition_1('${name}') AS dropped`),
        name,
      ).toEqual([{ dropped: false }])
    }
  })

  it('does not start without a right, and names the missing GRANT, which is enough', async () => {
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

    await sql(
      'owner',
      `REVOKE EXECUTE ON FUNCTION chancy.create_partitions_1 FROM ${roleOf('stranger')}`,
    )
    await expect(start()).rejects.toThrow(
      `GRANT EXECUTE ON FUNCTION "chancy"."create_partitions_1" TO "${roleOf('stranger')}";`,
    )
    await sql(
      'owner',
      `GRANT EXECUTE ON FUNCTION chancy.create_partitions_1 TO ${roleOf('stranger')}`,
    )

    // A migration of the next release, before it is granted: the former one restarts meanwhile.
    await sql(
      'owner',
      'CREATE FUNCTION chancy.claim_2() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    )
    await sql('owner', 'REVOKE EXECUTE ON FUNCTION chancy.claim_2 FROM PUBLIC')
    await start()
    await sql('owner', 'DROP FUNCTION chancy.claim_2')
  })
})

describe('the rights that a plugin names', () => {
  const notes = definePlugin({
    name: 'test.notes',
    migrations: [
      migration(1, {
        up: (t) => [
          `CREATE TABLE ${t.own('test_notes_all')} (n bigint GENERATED ALWAYS AS IDENTITY, said text)`,
          `CREATE SEQUENCE ${t.own('test_notes_ids')}`,
          `CREATE FUNCTION ${t.own('test_notes_add_1')}(said text) RETURNS void LANGUAGE sql
             SECURITY DEFINER SET search_path = pg_catalog, pg_temp
             AS $$ INSERT INTO ${t.own('test_notes_all')} (said) VALUES ($1) $$`,
          `REVOKE EXECUTE ON FUNCTION ${t.own('test_notes_add_1')} FROM PUBLIC`,
        ],
        down: (t) => [
          `DROP FUNCTION ${t.own('test_notes_add_1')}`,
          `DROP SEQUENCE ${t.own('test_notes_ids')}`,
          `DROP TABLE ${t.own('test_notes_all')}`,
        ],
      }),
    ],
    rights: {
      worker: {
        tables: [
          { privileges: ['SELECT', 'DELETE'], on: ['test_notes_all'] },
          { privileges: ['USAGE'], on: ['test_notes_ids'] },
        ],
        functions: ['test_notes_add_1'],
      },
      producer: { functions: ['test_notes_add_1'] },
    },
  })
  const withNotes = <T>(role: Role, work: (chancy: Chancy) => Promise<T>) =>
    withApp(role, work, [notes])
  const start = () =>
    withNotes('worker', async (chancy) => {
      const worker = new Worker(chancy, { signals: false })
      await worker.start().finally(() => worker.stop())
    })

  it('are granted with the others, and asked for by a worker at its start', async () => {
    await withNotes('owner', (chancy) => chancy.migrate())
    const error: unknown = await start().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'RIGHTS_MISSING' })
    const { grants } = (error as DatabaseError).details as { grants: string[] }
    const to = `TO "${roleOf('worker')}";`
    expect(grants.toSorted()).toEqual([
      `GRANT DELETE ON TABLE "chancy"."test_notes_all" ${to}`,
      `GRANT EXECUTE ON FUNCTION "chancy"."test_notes_add_1" ${to}`,
      `GRANT SELECT ON TABLE "chancy"."test_notes_all" ${to}`,
      `GRANT USAGE ON SEQUENCE "chancy"."test_notes_ids" ${to}`,
    ])
    await withNotes('owner', async (chancy) => {
      for (const kind of ['worker', 'producer'] as const) await grant(chancy, kind, roleOf(kind))
    })
    await start()
    await sql('producer', `SELECT chancy.test_notes_add_1('hello')`)
    await refused(sql('producer', 'SELECT said FROM chancy.test_notes_all'))
    await refused(sql('reader', `SELECT chancy.test_notes_add_1('hello')`))
    expect(await sql('worker', 'SELECT said FROM chancy.test_notes_all')).toEqual([
      { said: 'hello' },
    ])
    const text = grantSql('producer', 'app', { plugins: [notes] })
    expect(text).toContain(
      'GRANT EXECUTE\n   ON FUNCTION "chancy"."test_notes_add_1"\n   TO "app";',
    )
    expect(grantSql('producer', 'app')).not.toContain('test_notes')
    await withNotes('owner', (chancy) => chancy.migrate({ plugin: 'test.notes', to: 0 }))
  })
})

describe('a reader', () => {
  it('reads everything, waits, and changes nothing', async () => {
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
      const waiting = chancy.waitForJob(ref, { timeout: '50s' })
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
  it('reads, cancels, retries and pauses, and pushes nothing', async () => {
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

describe('a bulk action', () => {
  it('is started, carried on and undone by an operator, listed by a reader, and refused to others', async () => {
    const refs = await withApp('producer', (chancy) =>
      chancy.pushMany(Array.from({ length: 3 }, () => limited.withDelay('1h').withQueue('later'))),
    )
    const ids = refs.map(String)
    await withApp('operator', async (chancy) => {
      const run = async (work: Promise<{ readonly id: string }>) => {
        const { id } = await work
        await chancy.bulk.carry()
        return chancy.bulk.get(id)
      }
      const { bulk } = chancy
      for (const [action, more] of [
        ['reprioritise', { priority: 3 }],
        ['move', { queue: 'later2' }],
        ['run-now', {}],
        ['cancel', {}],
      ] as const) {
        const done = await run(bulk.start({ action, ids, ...more }))
        expect(done, action).toMatchObject({ done: 3 })
        expect(await run(bulk.undo(done?.id ?? '')), action).toMatchObject({ done: 3 })
      }
      await run(bulk.start({ action: 'cancel', where: 'queue:later' }))
      const retried = await run(bulk.start({ action: 'retry', ids }))
      expect(await run(bulk.undo(retried?.id ?? ''))).toMatchObject({ done: 3 })
      const window = { undoWindow: 0 }
      expect(await run(bulk.start({ action: 'delete', ids }, window))).toMatchObject({ done: 3 })
      expect((await chancy.audit.list({ verb: 'bulk.*' })).items).toHaveLength(12)
    })
    await withApp('reader', async (chancy) => {
      expect((await chancy.bulk.list()).items).toHaveLength(12)
      await refused(chancy.bulk.start({ action: 'cancel', ids }))
      await refused(chancy.audit.list())
    })
    await withApp('producer', (chancy) => refused(chancy.bulk.start({ action: 'cancel', ids })))
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
      `SELECT proname, prosecdef FROM pg_proc
      WHERE pronamespace = 'chancy'::regnamespace
        AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
      ORDER BY proname`,
    )
    // The two clocks have none, so that the planner inlines them; their bodies name pg_catalog.
    expect(unsafe).toEqual([
      { proname: 'clock_1', prosecdef: false },
      { proname: 'now_1', prosecdef: false },
    ])
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

describe('the plugins that change rows of the engine', () => {
  const old = rule.name.eq('old')
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

  it('need no more rights than those of a worker', async () => {
    const day = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10)
    await sql(
      'owner',
      `CREATE TABLE IF NOT EXISTS chancy.finished_jobs_${day.replaceAll('-', '')}
         PARTITION OF chancy.finished_jobs
         FOR VALUES FROM ('${day}T00:00:00Z') TO ('${day}T00:00:00Z'::timestamptz + interval '1 day')`,
    )
    await sql(
      'owner',
      `INSERT INTO chancy.finished_jobs (id, fence, created_at, finished_at, priority, attempts, crashes,
                                         format, args, name, queue, state)
       SELECT gen_random_uuid(), 1, now(), '${day}T12:00:00Z', 0, 1, 0, 1, '{}', 'old', 'money', 'failed'
         FROM generate_series(1, 3)`,
    )
    await withApp('reader', async (chancy) => {
      expect(await prune(chancy, old, { dryRun: true })).toEqual({ matched: 3, removed: 0 })
      await refused(prune(chancy, old))
    })
    await withApp('worker', async (chancy) => {
      expect(await prune(chancy, old)).toEqual({ matched: 3, removed: 3 })
    })

    const raises = [{ where: rule.queue.eq('raised'), by: 1, per: '1h', to: 9 }] as const
    const plugins = [reprioritize(raises, { every: '1s' })]
    await using chancy = new Chancy(as('worker'), { jobs: [pay], plugins, logger: quiet })
    for (const key of [null, 'group'])
      await sql(
        'owner',
        `INSERT INTO chancy.jobs (id, queue, name, seq, position, concurrency_key, run_at)
         SELECT gen_random_uuid(), 'raised', 'pay', p, p, ${key === null ? 'NULL' : `'${key}'`},
                now() - interval '150 minutes'
           FROM nextval('chancy.positions') AS p`,
      )
    const raised = new Promise((resolve) => chancy.on('reprioritize.raised', resolve))
    const worker = new Worker(chancy, { signals: false })
    await worker.start()
    expect(await raised).toMatchObject({ raised: 2 })
    await worker.stop()
    const rows = await sql(
      'owner',
      `SELECT priority, position < 0 AS is_front FROM chancy.jobs WHERE queue = 'raised'`,
    )
    expect(rows).toEqual(Array(2).fill({ priority: 2, is_front: true }))
  })
})
