import { stripVTControlCharacters } from 'node:util'
import { Chancy, type ChancyOptions, grant, Job, job, Queue, Worker } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { definePlugin } from 'chancy/plugin'
import { cron, schedule } from 'chancy/plugins/cron'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../dist/core/clock.js'
import { hooked } from '../support/application.ts'
import { type CommandSurroundings, runCommand } from '../support/command.ts'
import { findPgBouncer, NO_PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts'
import { feedBack } from '../support/standby.ts'
import { until } from '../support/until.ts'

/** A server of its own: what makes it sick concerns all of it. It vacuums nothing while the tests run. */
const database = embeddedPostgres({
  settings: {
    max_prepared_transactions: '5',
    wal_level: 'logical',
    autovacuum_naptime: '1h',
    fsync: 'on',
  },
})
const LIVING = '01900000-0000-7000-8000-000000000001'
const DEAD = '01900000-0000-7000-8000-000000000002'
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const task = Job.named('task', { queue: 'mail' })

let url = ''
let admin: pg.Client
let chancy: Chancy

const as = (role: string): string => {
  const address = new URL(url)
  address.username = role
  address.password = 'word'
  return address.href
}
const open = (options: ChancyOptions = {}, address: string = url): Chancy =>
  new Chancy(address, { plugins: [cron()], logger: quiet, ...options })
const run = async (text: string): Promise<pg.QueryResult> => admin.query(text)
const inDatabase = (text: string): string =>
  text.replace('$db', `"${new URL(url).pathname.slice(1)}"`)

async function findingsOf(of: Chancy = chancy, mayBeLate = false) {
  for (let left = 5; ; left--) {
    const found = await of.diagnose()
    // On a busy machine a check may take too long, which only one test is about.
    if (mayBeLate || left === 0 || !found.some((one) => one.found.includes('within 2 s')))
      return new Map(found.map((one) => [one.id, one]))
  }
}

async function finding(id: string, of: Chancy = chancy) {
  const found = (await findingsOf(of)).get(id)
  if (found === undefined) throw new Error(`there is no check ${id}`)
  return found
}

/** The clocks of the findings, and nothing else of an idle schema, go by this function. */
async function moveClock(by: string): Promise<void> {
  await run(`CREATE OR REPLACE FUNCTION chancy.clock_1() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
    AS 'SELECT pg_catalog.clock_timestamp() + interval ''${by}'''`)
}

async function atLater<T>(by: string, work: () => Promise<T>): Promise<T> {
  await moveClock(by)
  try {
    return await work()
  } finally {
    await moveClock('0')
  }
}

async function client(name: string): Promise<pg.Client> {
  const one = new pg.Client({ connectionString: url, application_name: name })
  one.on('error', () => {})
  await one.connect()
  return one
}

beforeAll(async () => {
  url = await database.url()
  admin = await client('admin')
  chancy = open()
  await chancy.migrate()
  for (const kind of ['worker', 'reader', 'producer'] as const) {
    await run(`CREATE ROLE app_${kind} LOGIN PASSWORD 'word'`)
    await grant(chancy, kind, `app_${kind}`)
  }
  await run(`CREATE ROLE stranger LOGIN PASSWORD 'word'`)
})
afterAll(async () => {
  await chancy.close()
  await admin.end()
  await database.close()
})

describe('on a healthy installation', () => {
  it('there is no finding, with and without a worker', async () => {
    const well = (found: ReadonlyMap<string, { level: string }>) =>
      expect([...found.values()].filter(({ level }) => level !== 'ok')).toEqual([])
    well(await findingsOf())
    await using app = open({ jobs: job({ name: 'task', queue: 'mail' }, () => 1) })
    await using worker = new Worker(app, { signals: false })
    await worker.start()
    await app.waitForJob(await app.push(task))
    await until(async () => (await run('SELECT 1 FROM chancy.leader')).rowCount === 1)
    const found = await findingsOf(app)
    well(found)
    expect([...found.keys()]).toEqual([
      ...['server', 'schema', 'rights', 'durability', 'isolation', 'time-zone', 'pooler'],
      ...['notifications', 'connections', 'clock', 'horizon', 'autovacuum', 'wraparound'],
      ...['dead-rows', 'history', 'workers', 'zone-data', 'queues', 'paused', 'stalled', 'names'],
      ...['groups', 'waiters', 'leadership.leader', 'cron.schedules'],
    ])
    expect(found.get('zone-data')?.found).toContain(process.versions.tz)
    await worker.stop()
    await chancy.deleteQueue('mail')
    await chancy.deleteQueue('default').catch(() => {})
  })

  it('a role of a reader sees the same, and none is a finding', async () => {
    await using reader = open({}, as('app_reader'))
    const found = await findingsOf(reader)
    expect([...found.values()].filter(({ level }) => level !== 'ok')).toEqual([])
    expect(found.get('rights')?.found).toBe('"app_reader" has all rights of: reader.')
  })
})

describe('what holds back the horizon', () => {
  it('a prepared transaction is named, and how to end it', async () => {
    await run(`BEGIN; INSERT INTO chancy.waiters VALUES ('${DEAD}', now() + interval '1 day');
      PREPARE TRANSACTION 'left over'`)
    expect(await finding('horizon')).toMatchObject({ level: 'ok' })
    await atLater('11 minutes', async () =>
      expect(await finding('horizon')).toMatchObject({
        level: 'warning',
        found: expect.stringMatching(
          /the prepared transaction "left over" of "\w+", open for 11 min/,
        ),
        todo: expect.stringContaining("ROLLBACK PREPARED 'left over'"),
      }),
    )
    await atLater('2 hours', async () =>
      expect(await finding('horizon')).toMatchObject({ level: 'error' }),
    )
    await run("ROLLBACK PREPARED 'left over'")
    expect(await finding('horizon')).toMatchObject({ level: 'ok' })
  })

  it('a session that is idle in a transaction is named by its pid, and what is advised ends it', async () => {
    const idle = await client('forgotten')
    const { rows } = await idle
      .query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_backend_pid() AS pid')
      .then((results) => (results as unknown as pg.QueryResult[])[1]!)
    const { pid } = rows[0] as { pid: number }
    const found = await atLater('90 minutes', () => finding('horizon'))
    expect(found.level).toBe('error')
    expect(found.found).toMatch(
      new RegExp(
        `the session ${pid} of "forgotten", role "\\w+", idle in transaction, open for 90 min, its last statement began 90 min ago`,
      ),
    )
    // What such a role may not see of the sessions of others is said.
    const [hidden] = await atLater('90 minutes', async () => {
      await using reader = open({}, as('app_reader'))
      return [await finding('horizon', reader)]
    })
    expect(hidden).toMatchObject({ level: 'ok', found: expect.stringContaining('may not see') })
    const ended = new Promise<void>((resolve) => idle.on('end', resolve))
    await run(/SELECT pg_terminate_backend\(\d+\)/.exec(found.todo ?? '')![0])
    await ended
    expect(await finding('horizon')).toMatchObject({ level: 'ok' })
  })

  it('a slot that nothing reads is named, and what is advised drops it', async () => {
    await run("SELECT pg_create_logical_replication_slot('left_slot', 'pgoutput')")
    const found = await finding('horizon')
    expect(found).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('the replication slot "left_slot" (inactive)'),
    })
    await run(/SELECT pg_drop_replication_slot\('left_slot'\)/.exec(found.todo ?? '')![0])
    expect(await finding('horizon')).toMatchObject({ level: 'ok' })
  })

  it('a standby whose queries hold it back is named', async () => {
    const { rows } = await run('SELECT txid_current()::int AS xid')
    const standby = await feedBack(url, { name: 'replica7', xmin: rows[0].xid })
    try {
      await until(async () => (await finding('horizon')).found.includes('replica7'), {
        what: 'the feedback of the standby',
      })
      expect((await finding('horizon')).found).toMatch(
        /a query of the standby "replica7", \d+ transactions? back/,
      )
    } finally {
      standby.end()
    }
  })
})

describe('on a server or a schema that is set wrong', () => {
  it.each([
    [
      'durability',
      'warning',
      'ALTER ROLE app_worker SET synchronous_commit = off',
      'ALTER ROLE app_worker RESET synchronous_commit',
      /off for the role "app_worker": a crash of the server loses jobs/,
      /RESET synchronous_commit/,
    ],
    [
      'isolation',
      'warning',
      "ALTER DATABASE $db SET default_transaction_isolation = 'repeatable read'",
      'ALTER DATABASE $db RESET default_transaction_isolation',
      /"repeatable read" for .*the database "/,
      /ALTER DATABASE … RESET default_transaction_isolation/,
    ],
    [
      'time-zone',
      'warning',
      "ALTER ROLE app_producer SET TimeZone = 'Asia/Tokyo'",
      'ALTER ROLE app_producer RESET TimeZone',
      /Asia\/Tokyo for the role "app_producer"/,
      /write the zone with each time/,
    ],
    [
      'rights',
      'error',
      'REVOKE EXECUTE ON FUNCTION chancy.claim_1 FROM app_worker',
      'GRANT EXECUTE ON FUNCTION chancy.claim_1 TO app_worker',
      /"app_worker" is a worker and lacks 1 right, such as EXECUTE on claim_1/,
      /chancy grant worker app_worker/,
    ],
    [
      'autovacuum',
      'error',
      'ALTER TABLE chancy.jobs SET (autovacuum_enabled = off)',
      'ALTER TABLE chancy.jobs RESET (autovacuum_enabled)',
      /off for jobs/,
      /ALTER TABLE chancy\.jobs RESET \(autovacuum_enabled\)/,
    ],
    [
      'history',
      'error',
      `DO $$ BEGIN EXECUTE 'DROP TABLE chancy.finished_jobs_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD'); END $$`,
      'SELECT chancy.create_partitions_1(7)',
      /no partition for tomorrow/,
      /A worker creates them/,
    ],
    [
      'history',
      'warning',
      `DO $$ BEGIN EXECUTE 'DROP TABLE chancy.finished_jobs_' || to_char(now() AT TIME ZONE 'UTC' + interval '3 days', 'YYYYMMDD'); END $$`,
      'SELECT chancy.create_partitions_1(7)',
      /partitions for 2 days ahead, where 7 should be/,
      /A worker creates them/,
    ],
    [
      'schema',
      'error',
      "INSERT INTO chancy.migrations (line, version, breaking, applied_at) VALUES ('chancy.core', 99, true, now())",
      'DELETE FROM chancy.migrations WHERE version = 99',
      /of a release that this one cannot work with: chancy\.core is at 99/,
      /Use the release of Chancy/,
    ],
    [
      'waiters',
      'warning',
      `INSERT INTO chancy.waiters VALUES ('${DEAD}', now() - interval '3 hours')`,
      'DELETE FROM chancy.waiters',
      /1 row of waits/,
      /A worker removes them each hour/,
    ],
    [
      'clock',
      'warning',
      `CREATE OR REPLACE FUNCTION chancy.clock_1() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''3 s'''`,
      `CREATE OR REPLACE FUNCTION chancy.clock_1() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_catalog.clock_timestamp()'`,
      /that of this machine is [2-9] s behind/,
      /NTP/,
    ],
    [
      'clock',
      'error',
      `CREATE OR REPLACE FUNCTION chancy.clock_1() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() - interval ''1 hour'''`,
      `CREATE OR REPLACE FUNCTION chancy.clock_1() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_catalog.clock_timestamp()'`,
      /that of this machine is (59|60) min ahead/,
      /NTP/,
    ],
    [
      'cron.schedules',
      'error',
      `INSERT INTO chancy.cron_schedules (key, timing, policy, job, state, created_at, error) VALUES
        ('daily', '{}', '{}', '{}', 'broken', now(), 'cannot read the schedule')`,
      'DELETE FROM chancy.cron_schedules',
      /Broken, and not fired any more: "daily": cannot read the schedule/,
      /chancy schedule resume/,
    ],
    [
      'workers',
      'error',
      `INSERT INTO chancy.workers (id, label, expires_at) VALUES ('${DEAD}', 'box 7', now() - interval '10 minutes');
       INSERT INTO chancy.claims VALUES ('${DEAD}', 1, '{${LIVING},${DEAD}}')`,
      `DELETE FROM chancy.workers; DELETE FROM chancy.claims`,
      /Without a lease: "box 7", for (9|10) min, holds 2 jobs\..*No other worker recovers/,
      /Start a worker/,
    ],
    [
      'zone-data',
      'warning',
      `INSERT INTO chancy.workers (id, label, environment, expires_at) VALUES
        ('${DEAD}', 'old', '{"tz": "2019c"}', 'infinity'), ('${LIVING}', 'new', '{"tz": "2025b"}', 'infinity')`,
      'DELETE FROM chancy.workers',
      /It differs: 2019c on "old"; 2025b on "new"/,
      /the same release of Node/,
    ],
    [
      'leadership.leader',
      'error',
      `INSERT INTO chancy.workers (id, started_at, expires_at) VALUES ('${LIVING}', now() - interval '1 hour', 'infinity')`,
      'DELETE FROM chancy.workers',
      /None of the 1 workers leads/,
      /have the plugin leadership/,
    ],
  ] as const)(
    '%s: %s, says what is there and what to do',
    async (id, level, sicken, cure, found, todo) => {
      await run(inDatabase(sicken))
      // A setting of a database or a role is for sessions to come.
      const app = open()
      try {
        expect(await finding(id, app)).toMatchObject({
          id,
          level,
          found: expect.stringMatching(found),
          todo: expect.stringMatching(todo),
        })
      } finally {
        await app.close()
        await run(inDatabase(cure))
      }
      expect(await finding(id)).toMatchObject({ level: 'ok', todo: null })
    },
  )

  it('autovacuum that is off on the server is an error', async () => {
    const set = async (text: string, value: string) => {
      await run(text)
      await run('SELECT pg_reload_conf()')
      await until(async () => (await run('SHOW autovacuum')).rows[0].autovacuum === value)
    }
    await set('ALTER SYSTEM SET autovacuum = off', 'off')
    await using app = open()
    expect(await finding('autovacuum', app)).toMatchObject({
      level: 'error',
      found: expect.stringContaining('autovacuum is off on the server'),
      todo: expect.stringContaining('ALTER SYSTEM SET autovacuum = on'),
    })
    await set('ALTER SYSTEM RESET autovacuum', 'on')
  })

  it('a table that autovacuum does not get to is named, and so are many dead rows', async () => {
    await run(`BEGIN; DROP INDEX chancy.rate_starts_at; INSERT INTO chancy.rate_starts SELECT 'q', now() FROM generate_series(1, 1000001);
      ROLLBACK`)
    await until(async () => (await finding('dead-rows')).level === 'warning', {
      what: 'the figures of the dead rows',
    })
    expect(await finding('dead-rows')).toMatchObject({
      found: expect.stringMatching(/rate_starts \(1,000,001 dead rows beside 0 rows\)/),
      todo: expect.stringContaining('VACUUM chancy.rate_starts'),
    })
    const found = await atLater('11 hours', () => finding('autovacuum'))
    expect(found).toMatchObject({
      level: 'warning',
      found: expect.stringMatching(/rate_starts \(1,000,001 dead rows, not vacuumed for 1[01] h\)/),
    })
    await run('VACUUM (TRUNCATE) chancy.rate_starts')
    await until(async () => (await finding('dead-rows')).level === 'ok')
  })

  it('a day that is half detached is named, and what is advised completes it', async () => {
    const day = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
    const name = `chancy.finished_jobs_${day}`
    const reader = await client('reader')
    await reader.query(`BEGIN; SELECT FROM ${name}`)
    await run("SET lock_timeout = '200ms'")
    await expect(
      run(`ALTER TABLE chancy.finished_jobs DETACH PARTITION ${name} CONCURRENTLY`),
    ).rejects.toMatchObject({ code: '55P03' })
    await run('RESET lock_timeout')
    await reader.end()
    const found = await finding('history')
    expect(found).toMatchObject({
      level: 'warning',
      found: expect.stringMatching(new RegExp(`Half detached: finished_jobs_${day}`)),
    })
    await run(/ALTER TABLE .* FINALIZE/.exec(found.todo ?? '')![0])
    await run(`DROP TABLE ${name}; SELECT chancy.create_partitions_1(7)`)
    expect(await finding('history')).toMatchObject({ level: 'ok' })
  })

  it('a schema that is not there is one error, and the server is checked too', async () => {
    await using other = open({ schema: 'elsewhere' })
    const found = await findingsOf(other)
    expect(found.get('schema')).toMatchObject({
      level: 'error',
      found: 'The schema "elsewhere" is not there.',
      todo: expect.stringContaining('chancy migrate'),
    })
    expect([...found.values()].filter(({ level }) => level !== 'ok')).toHaveLength(1)
    expect(found.get('connections')).toMatchObject({ level: 'ok' })
    expect(found.has('queues')).toBe(false)
  })

  it('connections that run out are counted by what limits them', async () => {
    await run('ALTER ROLE app_reader CONNECTION LIMIT 3')
    const pool = new pg.Pool({ connectionString: as('app_reader'), max: 2 })
    const app = new Chancy(pgDriver(pool), { logger: quiet })
    expect(await finding('connections', app)).toMatchObject({
      level: 'error',
      found: expect.stringMatching(/[0-2] of 3 connections of the role "app_reader" are left/),
      todo: expect.stringContaining('ALTER ROLE … CONNECTION LIMIT'),
    })
    await app.close()
    await pool.end()
    await run('ALTER ROLE app_reader CONNECTION LIMIT -1')
  })
})

describe('workers, queues and jobs', () => {
  it('a queue that no worker runs is a warning, and an error when jobs wait in it', async () => {
    await chancy.declare(new Queue('mail', { tags: ['gpu'] }))
    expect(await finding('queues')).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('No worker runs "mail" (0 jobs)'),
    })
    await chancy.pushMany([task, task])
    await chancy.push(Job.named('task', { queue: 'nowhere' }))
    expect(await finding('queues')).toMatchObject({
      level: 'error',
      found: 'No worker runs "mail" (2 jobs), "nowhere" (1 job, not declared).',
      todo: expect.stringMatching(/^Start a worker .*; declare the queue\.$/),
    })
    await run('TRUNCATE chancy.jobs, chancy.queues')
  })

  it('a paused queue with a backlog is named, and what is advised resumes it', async () => {
    await chancy.declare(new Queue('mail'))
    await chancy.pauseQueue('mail')
    expect(await finding('paused')).toMatchObject({ level: 'ok' })
    await chancy.push(task)
    const found = await finding('paused')
    expect(found).toMatchObject({
      level: 'warning',
      found: 'Paused with a backlog: "mail" (1 job, paused without an end).',
    })
    await run(/SELECT .*\)/.exec(found.todo ?? '')![0])
    expect(await finding('paused')).toMatchObject({ level: 'ok' })
    await run('TRUNCATE chancy.jobs, chancy.queues')
  })

  it('a queue whose workers are all paused is named, and does not stand still', async () => {
    await chancy.declare(new Queue('mail'))
    const worker = (paused: boolean) =>
      run(
        `INSERT INTO chancy.workers (id, queues, names, paused, expires_at)
         VALUES (gen_random_uuid(), '["mail"]', '["task"]', ${paused}, 'infinity')`,
      )
    await worker(true)
    await chancy.push(task)
    expect(await finding('paused')).toMatchObject({
      level: 'warning',
      found: 'Paused with a backlog: "mail" (1 job, all of its workers are paused).',
      todo: 'When they may run: call resume() of a worker, or start one.',
    })
    expect(await finding('queues')).toMatchObject({ level: 'ok' })
    await atLater('6 minutes', async () =>
      expect(await finding('stalled')).toMatchObject({ level: 'ok' }),
    )
    await worker(false)
    expect(await finding('paused')).toMatchObject({ level: 'ok' })
    await run('TRUNCATE chancy.jobs, chancy.queues, chancy.workers')
  })

  it('a queue that stands still is named, and one whose jobs run is not', async () => {
    await chancy.declare(new Queue('mail'))
    await run(
      `INSERT INTO chancy.workers (id, queues, names, expires_at) VALUES ('${LIVING}', '["mail"]', '["task"]', 'infinity')`,
    )
    const ref = await chancy.push(task)
    await chancy.push(task)
    expect(await finding('stalled')).toMatchObject({ level: 'ok' })
    await atLater('6 minutes', async () =>
      expect(await finding('stalled')).toMatchObject({
        level: 'error',
        found: '"mail": its first job has waited for 6 min, and none runs.',
      }),
    )
    await run(`UPDATE chancy.jobs SET state = 'running', worker_id = '${LIVING}', started_at = now() WHERE id = '${ref.id}';
      INSERT INTO chancy.claims VALUES ('${LIVING}', 1, '{${ref.id}}')`)
    await atLater('6 minutes', async () =>
      expect(await finding('stalled')).toMatchObject({ level: 'ok' }),
    )
    await run('TRUNCATE chancy.jobs, chancy.queues, chancy.workers, chancy.claims')
  })

  it('a job that became due and that no worker stages is named', async () => {
    await chancy.push(task.withDelay('1s'))
    await atLater('10 minutes', async () =>
      expect(await finding('stalled')).toMatchObject({
        level: 'error',
        found: expect.stringMatching(/"mail": a job has been due for (9|10) min/),
      }),
    )
    await run('TRUNCATE chancy.jobs')
  })

  it('a name that no worker knows, a clock that is ahead and a group that is held are seen beside a worker', async () => {
    const held = job({ name: 'held', queue: 'mail' }, (_: object, { signal }) => {
      return new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    await using app = open({ jobs: held, clock: aheadBy(20_000) })
    await chancy.declare(new Queue('mail', { executor: 'inline', concurrency: 5 }))
    await using worker = new Worker(app, { signals: false, label: 'box 9' })
    await worker.start()
    const started = new Promise((resolve) => app.on('job.started', resolve))
    const [first, second] = await chancy.pushMany([1, 2].map(() => held.job.withConcurrency(1)))
    await started
    await chancy.pushMany([Job.named('mystery', { queue: 'mail' })])
    await until(async () => (await finding('names')).level === 'error', { what: 'the name' })
    const found = await findingsOf()
    expect(found.get('names')).toMatchObject({
      found: 'No worker of the queue knows "mystery" in "mail" (1 job).',
      todo: expect.stringContaining('Add the module'),
    })
    expect(found.get('clock')).toMatchObject({
      level: 'error',
      found: expect.stringMatching(/the worker "box 9" is (1[2-9]|20) s ahead/),
    })
    expect(found.get('groups')).toMatchObject({ level: 'ok' })
    const holder = (await chancy.getJob(first!))?.state === 'running' ? first! : second!
    expect(await atLater('2 hours', () => finding('groups'))).toMatchObject({
      level: 'warning',
      found: expect.stringMatching(
        new RegExp(`"held" \\(1 blocked job\\), held by the job ${holder.id} for 2 h`),
      ),
      todo: expect.stringContaining(`chancy job cancel ${holder.id}`),
    })
    for (const ref of [second!, first!]) await chancy.cancel(ref)
    await worker.stop()
    await run('TRUNCATE chancy.jobs, chancy.queues, chancy.workers, chancy.claims')
  })

  it('a group whose holder lost its lease is named, and one that nothing holds', async () => {
    const limited = task.withConcurrency(1)
    const [holder] = await chancy.pushMany([limited, limited])
    await run(`UPDATE chancy.jobs SET state = 'running', claim_seq = 1, worker_id = '${DEAD}', started_at = now() WHERE id = '${holder!.id}';
      UPDATE chancy.jobs SET blocked = true, position = NULL WHERE id <> '${holder!.id}'`)
    expect(await finding('groups')).toMatchObject({
      level: 'error',
      found: expect.stringContaining(
        `"task" (1 blocked job), held by the job ${holder!.id} of a worker without a lease`,
      ),
      todo: expect.stringContaining('Start a worker'),
    })
    await run(`DELETE FROM chancy.jobs WHERE id = '${holder!.id}'`)
    expect(await finding('groups')).toMatchObject({ level: 'ok' })
    expect(await atLater('2 minutes', () => finding('groups'))).toMatchObject({
      level: 'error',
      found: expect.stringContaining('and nothing of the group runs'),
    })
    await run('TRUNCATE chancy.jobs')
  })

  it('a schedule that is due and not fired is named', async () => {
    await schedule(chancy, { key: 'hourly', every: '1h', job: task })
    await run(`UPDATE chancy.cron_schedules SET due_at = now() - interval '10 minutes'`)
    expect(await finding('cron.schedules')).toMatchObject({
      level: 'warning',
      found: expect.stringMatching(/Due and not fired: "hourly", due (9|10) min ago/),
    })
    await run('DELETE FROM chancy.cron_schedules')
  })
})

describe('a check that cannot look', () => {
  it('is a finding that says so, for a role without rights', async () => {
    await using stranger = open({}, as('stranger'))
    const found = await findingsOf(stranger)
    expect(found.get('server')).toMatchObject({ level: 'ok' })
    for (const id of ['workers', 'queues', 'waiters', 'clock'])
      expect(found.get(id) ?? found.get('schema')).toMatchObject({
        level: 'warning',
        found: expect.stringContaining('may not see it: permission denied'),
        todo: expect.stringContaining('chancy grant reader'),
      })
  })

  it('is a finding when it takes too long, throws, loses its session or finds nothing, and the others run', async () => {
    const end = { name: 'end_own', text: () => 'SELECT pg_terminate_backend(pg_backend_pid())' }
    const write = { name: 'write_own', text: () => 'DELETE FROM chancy.queues' }
    const sick = definePlugin({
      name: 'test.sick',
      checks: [
        {
          id: 'test.sick.throws',
          title: 'throws',
          run: () => Promise.reject(new Error('on purpose')),
        },
        { id: 'test.sick.nothing', title: 'nothing', run: () => undefined as never },
        {
          id: 'test.sick.ends',
          title: 'ends',
          run: async ({ read }) => ({
            level: 'ok',
            found: String(await read(end, [])),
            todo: null,
          }),
        },
        {
          id: 'test.sick.writes',
          title: 'writes',
          run: async ({ read }) => ({
            level: 'ok',
            found: String(await read(write, [])),
            todo: null,
          }),
        },
      ],
    })
    const pool = new pg.Pool({ connectionString: url, max: 4 })
    const deaf = hooked(pgDriver(pool), (_, send) => send())
    await using unheard = new Chancy(
      { ...deaf, listen: async () => async () => {} },
      { logger: quiet, plugins: [sick] },
    )
    const locker = await client('locker')
    await locker.query('BEGIN; LOCK TABLE chancy.waiters')
    const found = await findingsOf(unheard, true)
    await locker.end()
    await pool.end()
    expect(found.get('waiters')).toMatchObject({
      level: 'warning',
      found: 'Not found out within 2 s.',
      todo: expect.stringContaining('pg_locks'),
    })
    expect(found.get('notifications')).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('did not arrive within 2 s'),
    })
    expect(found.get('test.sick.throws')).toMatchObject({
      level: 'error',
      found: 'Not checked: on purpose.',
    })
    expect(found.get('test.sick.nothing')).toMatchObject({
      level: 'error',
      found: expect.stringContaining('returned no finding'),
    })
    expect(found.get('test.sick.ends')).toMatchObject({ level: 'error' })
    expect(found.get('test.sick.writes')).toMatchObject({
      level: 'error',
      found: expect.stringContaining('read-only transaction'),
    })
    expect(found.get('workers')).toMatchObject({ level: 'ok' })
  })

  it('is no finding of a server that cannot be reached: the call rejects', async () => {
    await using away = open({}, 'postgresql://none@127.0.0.1:1/none')
    await expect(away.diagnose()).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  })
})

describe('chancy doctor', () => {
  const doctor = (args: string, surroundings: CommandSurroundings = {}) =>
    runCommand(['doctor', ...args.split(' ').filter(Boolean)], {
      ...surroundings,
      env: { DATABASE_URL: url },
    })

  it('prints a line a check and exits with 0 when all is well', async () => {
    const ran = await doctor('--strict')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/^ok {7}PostgreSQL: Version /)
    expect(ran.out).toMatch(/\nAll \d+ checks are ok\.\n$/)
  })

  it('exits with 1 at a warning with --strict alone, and says what to do', async () => {
    await run("SELECT pg_create_logical_replication_slot('left_slot', 'pgoutput')")
    const line =
      /^warning {2}horizon of dead rows: .*"left_slot" .* To do: .*pg_drop_replication_slot/m
    expect(await doctor('')).toMatchObject({ code: 0, out: expect.stringMatching(line) })
    const strict = await doctor('--strict')
    expect(strict).toMatchObject({ code: 1, out: expect.stringMatching(line) })
    expect(strict.out).toContain('checks: 0 errors, 1 warning.')
    const narrow = await doctor('', { columns: 60 })
    expect(narrow.out.split('\n').every((one) => stripVTControlCharacters(one).length <= 60)).toBe(
      true,
    )
    await run("SELECT pg_drop_replication_slot('left_slot')")
  })

  it('exits with 1 at an error, with --json as the list', async () => {
    await run('ALTER TABLE chancy.claims SET (autovacuum_enabled = off)')
    const ran = await doctor('--json')
    await run('ALTER TABLE chancy.claims RESET (autovacuum_enabled)')
    expect(ran).toMatchObject({ code: 1, err: '' })
    const list = JSON.parse(ran.out) as { level: string }[]
    expect(list.filter(({ level }) => level !== 'ok')).toEqual([
      {
        id: 'autovacuum',
        title: 'autovacuum',
        level: 'error',
        found: 'It is off for claims.',
        todo: 'ALTER TABLE chancy.claims RESET (autovacuum_enabled).',
      },
    ])
  })

  it('exits with 2 for an unknown option, and with 1 when the schema is not there', async () => {
    expect(await doctor('--stricter')).toMatchObject({ code: 2 })
    expect(await doctor('--schema elsewhere')).toMatchObject({
      code: 1,
      out: expect.stringContaining('error    schema and its versions: The schema "elsewhere"'),
    })
  })
})

describe.runIf(findPgBouncer() !== null)('behind PgBouncer', () => {
  it('in transaction mode the option that is missing is named, and none with it', async () => {
    await using pooler = await startPgBouncer(url)
    await using app = open({}, pooler.url)
    expect(await finding('pooler', app)).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('in transaction mode'),
      todo: expect.stringContaining("pooler: 'transaction'"),
    })
    await using named = open({ pooler: 'transaction' }, pooler.url)
    const found = await findingsOf(named)
    expect([...found.values()].filter(({ level }) => level !== 'ok')).toEqual([])
  })

  it('in session mode all is well', async () => {
    await using pooler = await startPgBouncer(url, 'session')
    const pool = new pg.Pool({ connectionString: pooler.url, max: 3 })
    const app = new Chancy(pgDriver(pool), { logger: quiet })
    const found = await findingsOf(app)
    await app.close()
    await pool.end()
    expect(found.get('pooler')?.found).toBe('There is one, and it keeps sessions.')
    expect([...found.values()].filter(({ level }) => level !== 'ok')).toEqual([])
  })
})
it.skipIf(findPgBouncer() !== null)(`PgBouncer is ${NO_PGBOUNCER}`, (context) => {
  context.skip(NO_PGBOUNCER)
})

function aheadBy(ms: number) {
  return { ...systemClock, now: () => Date.now() + ms }
}
