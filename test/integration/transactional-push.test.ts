import { PGlite } from '@electric-sql/pglite'
import {
  type Chancy,
  ConfigError,
  Job,
  job,
  pgDriver,
  pgliteDriver,
  postgresJsDriver,
  Queue,
} from 'chancy'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const task = Job.named('task')

/** One client library: how its user begins a transaction, and what he may take for one by mistake. */
interface Library {
  readonly name: string
  /** Runs `work` with the library's own transaction and a way to send a statement on it. */
  transaction<T>(
    work: (session: unknown, send: (text: string) => Promise<unknown[]>) => Promise<T>,
    isolation?: string,
  ): Promise<T>
  /** Another session, to see what is committed. */
  count(): Promise<number>
  chancy(): Chancy
  readonly wrong: () => readonly (readonly [string, unknown])[]
  /** Listens on the channel and passes on each payload. */
  listen(onPayload: (payload: string) => void): Promise<() => Promise<unknown>>
}

const pool = new pg.Pool({ connectionString: databaseUrl(app.schema), max: 3 })
// Each driver over it listens for its errors.
pool.setMaxListeners(100)
const root = postgres(databaseUrl(), {
  max: 3,
  connection: { application_name: app.schema },
  onnotice: () => {},
})
const lite = await PGlite.create()

beforeAll(async () => {
  await app.chancy({ notifications: false }, pgliteDriver(lite)).migrate()
})
afterAll(async () => {
  await pool.end()
  await root.end()
  await lite.close()
})

const viaPg: Library = {
  name: 'pg',
  async transaction(work, isolation = 'READ COMMITTED') {
    const client = await pool.connect()
    try {
      await client.query(`BEGIN ISOLATION LEVEL ${isolation}`)
      const given = await work(client, async (text) => (await client.query(text)).rows)
      await client.query('COMMIT')
      return given
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  },
  count: () => app.count(),
  chancy: () => app.chancy({ notifications: true }, pgDriver(pool)),
  wrong: () => [
    ['the pool', pool],
    ['a client that is not connected', new pg.Client({ connectionString: databaseUrl() })],
  ],
  listen: (onPayload) => listenWithPg(onPayload),
}

const viaPostgresJs: Library = {
  name: 'postgres.js',
  transaction: (work, isolation = 'READ COMMITTED') =>
    root.begin(`ISOLATION LEVEL ${isolation}`, (sql) =>
      work(sql, (text) => sql.unsafe(text) as unknown as Promise<unknown[]>),
    ) as never,
  count: () => app.count(),
  chancy: () => app.chancy({}, postgresJsDriver(root)),
  wrong: () => [['the root', root]],
  listen: (onPayload) => listenWithPg(onPayload),
}

const viaPGlite: Library = {
  name: 'PGlite',
  transaction: (work, isolation = 'READ COMMITTED') =>
    lite.transaction(async (tx) => {
      await tx.query(`SET TRANSACTION ISOLATION LEVEL ${isolation}`)
      return work(tx, async (text) => (await tx.query(text)).rows)
    }) as never,
  async count() {
    const { rows } = await lite.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${app.schema}.all_jobs`,
    )
    return rows[0]!.n
  },
  chancy: () => app.chancy({}, pgliteDriver(lite)),
  wrong: () => [['the database', lite]],
  listen: (onPayload) => lite.listen(`chancy_${app.schema}`, onPayload),
}

async function listenWithPg(onPayload: (payload: string) => void) {
  const client = await app.client()
  client.on('notification', ({ payload }) => onPayload(payload ?? ''))
  await client.query(`LISTEN chancy_${app.schema}`)
  // Notifications that were sent before arrive with the answer to a statement.
  return () => client.query('SELECT 1')
}

describe.each([viaPg, viaPostgresJs, viaPGlite])('inside a transaction of $name', (library) => {
  const { transaction } = library

  it('a job is there after the commit and not before', async () => {
    const chancy = library.chancy()
    const before = await library.count()
    const ref = await transaction(async (session) => {
      const pushed = await chancy.push(task.withArgs({ a: 1 }), { session })
      expect(pushed.created).toBe(true)
      // PGlite has one session for all, so no other one can read meanwhile.
      if (library !== viaPGlite) {
        expect(await library.count()).toBe(before)
        expect(await chancy.getJob(pushed)).toBe(null)
        await expect(chancy.waitForJob(pushed)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
      }
      return pushed
    })
    expect(await chancy.getJob(ref)).toMatchObject({ id: ref.id, args: { a: 1 }, state: 'pending' })
  })

  it('nothing is left of a rollback, of push and of pushMany', async () => {
    const chancy = library.chancy()
    const before = await library.count()
    const own = new Error('rolled back on purpose')
    const rolledBack = transaction(async (session) => {
      await chancy.push(task, { session })
      const jobs = Array.from({ length: 30 }, (_, n) => task.withArgs({ n }))
      expect(await chancy.pushMany(jobs, { session, batchSize: 7 })).toHaveLength(30)
      throw own
    })
    await expect(rolledBack).rejects.toBe(own)
    expect(await library.count()).toBe(before)
  })

  it('a batch of any kind goes with the commit', async () => {
    const chancy = library.chancy()
    const jobs = (key: string) =>
      Array.from({ length: 20 }, (_, n) => task.withUniqueKey(`${key}${(n * 7) % 20}`))
    await transaction(async (session) => {
      const refs = await chancy.pushMany(jobs('array'), { session, batchSize: 6 })
      const more = await chancy.pushMany(new Set(jobs('set')), { session, batchSize: 6 })
      expect(new Set([...refs, ...more].map(({ id }) => id)).size).toBe(40)
    })
    const again = await chancy.pushMany([...jobs('array'), ...jobs('set')])
    expect(again.filter(({ created }) => created)).toEqual([])
  })

  it('the notification comes with the commit, and none with a rollback', async () => {
    const received: string[] = []
    const flush = await library.listen((payload) => received.push(payload))
    const chancy = library.chancy()
    const doomed = transaction(async (session) => {
      await chancy.push(task.withQueue('doomed'), { session })
      throw new Error('on purpose')
    })
    await expect(doomed).rejects.toThrow('on purpose')
    await transaction(async (session) => {
      await chancy.push(task.withQueue('mail'), { session })
      await chancy.push(task.withQueue('later').withDelay('1h'), { session })
      if (library !== viaPGlite) await flush()
      expect(received).toEqual([])
    })
    await flush()
    await until(() => received.length >= 2)
    expect(received.sort()).toEqual(['job.scheduled later', 'queue.pushed mail'])
  })

  it('a unique key holds, and its loser gets the reference of the first', async () => {
    const chancy = library.chancy()
    const keyed = task.withUniqueKey('tx')
    const [first, second] = await transaction(async (session) => [
      await chancy.push(keyed, { session }),
      await chancy.push(keyed, { session }),
    ])
    expect(first).toMatchObject({ created: true })
    expect(second).toMatchObject({ created: false, id: first?.id })
    expect(await chancy.push(keyed)).toMatchObject({ created: false, id: first?.id })
  })

  it('the error of a transaction that has failed before passes through', async () => {
    const chancy = library.chancy()
    const before = await library.count()
    let pushed: unknown
    const failed = transaction(async (session, send) => {
      await send('SELECT 1/0').catch(() => {})
      await chancy.push(task, { session }).catch((error) => {
        pushed = error
        throw error
      })
    })
    // postgres.js rejects with the first error of the transaction instead.
    await expect(failed).rejects.toThrow()
    expect(pushed).toMatchObject({ code: '25P02' })
    expect(await library.count()).toBe(before)
  })

  it('what is no transaction is refused, and nothing is written', async () => {
    const chancy = library.chancy()
    const before = await library.count()
    for (const [, session] of library.wrong()) {
      await expect(chancy.push(task, { session })).rejects.toThrow(ConfigError)
      await expect(chancy.pushMany([task], { session })).rejects.toThrow(/session/)
    }
    expect(await library.count()).toBe(before)
  })
})

describe('inside the transaction of a caller', () => {
  it.each([null, 7, 'tx', {}, () => {}])('%o is refused as a session', async (session) => {
    await expect(app.chancy().push(task, { session })).rejects.toThrow(/session/)
    expect(await app.count()).toBe(0)
  })

  it.each([viaPg, viaPostgresJs])(
    'a serialization failure comes through untouched, and is tried once ($name)',
    async (library) => {
      const chancy = library.chancy()
      const keyed = task.withUniqueKey('serial')
      const failed = library.transaction(async (session, send) => {
        await send('SELECT 1')
        // Committed after this transaction's snapshot, so that it conflicts and cannot be seen.
        await chancy.push(keyed)
        await chancy.push(keyed, { session })
      }, 'REPEATABLE READ')
      await expect(failed).rejects.toMatchObject({ code: '40001' })
      expect(await app.count()).toBe(1)
    },
  )

  it('a push without a key works in every isolation level', async () => {
    const chancy = app.chancy({}, pgDriver(pool))
    for (const level of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']) {
      await viaPg.transaction((session) => chancy.push(task, { session }), level)
    }
    expect(await app.count()).toBe(3)
  })

  it('nothing of the transaction is changed by a push', async () => {
    const chancy = app.chancy({}, pgDriver(pool))
    const show = `SELECT current_setting('lock_timeout') AS lock,
      current_setting('synchronous_commit') AS sync, current_setting('search_path') AS path`
    await viaPg.transaction(async (session, send) => {
      await send("SET LOCAL lock_timeout = '7s'")
      const before = await send(show)
      await chancy.push(task.withUniqueKey('a'), { session })
      await chancy.pushMany([task.withUniqueKey('b')], { session })
      expect(await send(show)).toEqual(before)
    })
  })

  it('a deadlock that the caller makes is his', async () => {
    const chancy = app.chancy({}, pgDriver(pool))
    const [a, b] = [task.withUniqueKey('dead a'), task.withUniqueKey('dead b')]
    let meet: () => void = () => {}
    const bothHold = new Promise<void>((resolve) => {
      meet = resolve
    })
    let holding = 0
    const crossing = (first: typeof a, second: typeof a) =>
      viaPg.transaction(async (session, send) => {
        await send("SET LOCAL deadlock_timeout = '50ms'")
        await chancy.push(first, { session })
        if (++holding === 2) meet()
        await bothHold
        await chancy.push(second, { session })
      })
    const results = await Promise.allSettled([crossing(a, b), crossing(b, a)])
    const failed = results.filter(({ status }) => status === 'rejected')
    expect(failed).toMatchObject([{ reason: { code: '40P01' } }])
    expect(await app.count()).toBe(2)
  })

  it('a worker runs the job soon after the commit', async () => {
    const done = new Promise<void>((resolve) => {
      ran = resolve
    })
    const chancy = app.chancy({ jobs: [quick] })
    await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    await app.worker(chancy)
    await viaPg.transaction((session) => chancy.push(quick, { session }))
    await done
  })
})

let ran: () => void = () => {}
const quick = job({ name: 'quick' }, () => ran())
