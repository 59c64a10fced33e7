import assert from 'node:assert/strict'
import { type Chancy, type ChancyOptions, ConfigError, Job, job, Worker } from 'chancy'
import { getSchedule, pauseSchedule, runNow, schedule, unschedule } from 'chancy/plugins/cron'
import { increment } from 'chancy/plugins/metrics'
import { addTrigger, getTriggers, pauseTrigger, removeTrigger } from 'chancy/plugins/triggers'
import { sqlStateOf } from '../../src/database/sql-state.ts'
import type { Library, Transaction } from './library.ts'

export interface Setting {
  readonly library: Library
  /** Of the same database, with the plugins cron and triggers. */
  readonly chancy: Chancy
  /** A table with one column, `email`, of the application. */
  readonly table: string
  /** Another one of the same database and schema. */
  again(options: ChancyOptions): Chancy
  select(text: string): Promise<readonly unknown[]>
  /** Whether there is one session for everything, so that nothing else is read during a transaction. */
  readonly isAlone: boolean
  /** How many rows a table of Chancy has. */
  rowsOf(table: string): Promise<number>
}

export interface Case {
  readonly title: string
  run(setting: Setting): Promise<void>
}

const ON_PURPOSE = new Error('rolled back on purpose')
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** What holds for the transaction of every library. Each case uses names of its own. */
export const cases: readonly Case[] = [
  {
    title: 'a job and a row are there after the commit and not before',
    async run({ library, chancy, table, isAlone }) {
      let id = ''
      await library.transaction(async ({ session, send }) => {
        await send(`INSERT INTO ${table} VALUES ('commit')`)
        const job = Job.named('commit').withArgs({ text: "it's $1 ?:a", n: 1.5, none: null })
        const pushed = await chancy.push(job, { session })
        assert.equal(pushed.created, true)
        id = pushed.id
        if (!isAlone) assert.equal(await jobsOf(chancy, 'commit'), 0)
      })
      const found = await chancy.getJob(id)
      assert.deepEqual(found?.args, { text: "it's $1 ?:a", n: 1.5, none: null })
    },
  },
  {
    title: 'nothing is left of a rollback, of push and of pushMany',
    async run({ library, chancy }) {
      await rejects(
        library.transaction(async ({ session }) => {
          await chancy.push(Job.named('rollback'), { session })
          assert.equal((await chancy.pushMany(many('rollback', 30), { session })).length, 30)
          throw ON_PURPOSE
        }),
      )
      assert.equal(await jobsOf(chancy, 'rollback'), 0)
    },
  },
  {
    title: 'many jobs go with the commit, in several batches',
    async run({ library, chancy }) {
      await library.transaction(async ({ session }) => {
        const jobs = new Set(many('many', 30))
        assert.equal((await chancy.pushMany(jobs, { session, batchSize: 7 })).length, 30)
      })
      assert.equal(await jobsOf(chancy, 'many'), 30)
    },
  },
  {
    title: 'a unique key that is pushed twice gives the reference of the first',
    async run({ library, chancy }) {
      const keyed = Job.named('keyed').withUniqueKey('once')
      const ids: string[] = []
      await library.transaction(async ({ session }) => {
        const first = await chancy.push(keyed, { session })
        const [second] = await chancy.pushMany([keyed], { session })
        assert.deepEqual([first.created, second?.created], [true, false])
        ids.push(first.id, second?.id ?? '')
      })
      const third = await chancy.push(keyed)
      assert.deepEqual([...ids, third.id], Array(3).fill(third.id))
    },
  },
  {
    title: 'a push after a database error rejects with 25P02, without the arguments of the job',
    async run({ library, chancy }) {
      const errors: unknown[] = []
      await rejects(
        library.transaction(async ({ session, send }) => {
          await send('SELECT 1/0').catch(() => {})
          const job = Job.named('aborted').withArgs({ password: 'not for logs' })
          for (const push of [
            () => chancy.push(job, { session }),
            () => chancy.pushMany([job], { session }),
          ]) {
            errors.push(await push().then(String, (error: unknown) => error))
          }
          throw ON_PURPOSE
        }),
      )
      for (const error of errors) {
        assert.equal(sqlStateOf(error), '25P02', String(error))
        assert.match(message(error), /current transaction is aborted/)
        assert.doesNotMatch(message(error), /not for logs/)
      }
      assert.equal(errors.length, 2)
      assert.equal(await jobsOf(chancy, 'aborted'), 0)
    },
  },
  {
    title: 'what is no transaction is refused by name, and nothing is written',
    async run({ library, chancy }) {
      const job = Job.named('refused')
      assert.ok(library.roots.length > 0)
      for (const [expected, session] of library.roots) {
        for (const refused of [
          chancy.push(job, { session }),
          chancy.pushMany([job], { session }),
          schedule(chancy, { key: 'refused', cron: '0 7 * * *', job }, { session }),
        ]) {
          const error = await errorOf(refused)
          assert.ok(error instanceof ConfigError, String(error))
          assert.match(error.message, expected)
          assert.doesNotMatch(error.message, /\n/)
        }
      }
      assert.equal(await jobsOf(chancy, 'refused'), 0)
    },
  },
  {
    title: 'a transaction that has ended is refused, committed or rolled back',
    async run({ library, chancy }) {
      const { ended } = library
      // Of such a library the page of transactions says that it is not refused.
      if (ended === null) return
      const old: unknown[] = []
      await library.transaction(async ({ session }) => void old.push(session))
      await rejects(
        library.transaction(async ({ session }) => {
          old.push(session)
          throw ON_PURPOSE
        }),
      )
      for (const session of old) {
        const error = await errorOf(chancy.push(Job.named('ended'), { session }))
        assert.match(message(error), ended)
      }
      assert.deepEqual([old.length, await jobsOf(chancy, 'ended')], [2, 0])
    },
  },
  {
    title: 'a nested transaction takes its jobs with it when it is rolled back, and only them',
    async run({ library, chancy }) {
      let hasNested = true
      await library.transaction(async ({ session, nested }) => {
        hasNested = nested !== undefined
        await chancy.push(Job.named('outer'), { session })
        if (nested === undefined) return
        await rejects(
          nested(async (inner) => {
            await chancy.push(Job.named('inner'), { session: inner.session })
            throw ON_PURPOSE
          }),
        )
        await nested((inner) => pushIn(chancy, inner, 'kept'))
        await chancy.push(Job.named('outer'), { session })
      })
      const expected = hasNested ? [2, 0, 1] : [1, 0, 0]
      const names = ['outer', 'inner', 'kept']
      const found = await Promise.all(names.map((name) => jobsOf(chancy, name)))
      assert.deepEqual(found, expected)
    },
  },
  {
    title: 'a schedule is made, paused, run and removed with the commit, and stays with a rollback',
    async run({ library, chancy }) {
      const key = 'nightly'
      const job = Job.named('scheduled')
      await library.transaction(async ({ session }) => {
        await schedule(chancy, { key, cron: '0 7 * * *', job }, { session })
        await pauseSchedule(chancy, key, { reason: 'tried' }, { session })
        await runNow(chancy, key, { session })
      })
      assert.equal((await getSchedule(chancy, key))?.state, 'paused')
      assert.equal(await jobsOf(chancy, 'scheduled'), 1)
      const remove = (after?: Error) =>
        library.transaction(async ({ session }) => {
          assert.equal(await unschedule(chancy, key, { session }), true)
          if (after !== undefined) throw after
        })
      await rejects(remove(ON_PURPOSE))
      assert.notEqual(await getSchedule(chancy, key), null)
      await remove()
      assert.equal(await getSchedule(chancy, key), null)
    },
  },
  {
    title: 'an error of a plugin in a transaction that has failed names its SQLSTATE',
    async run({ library, chancy }) {
      let error: unknown
      await rejects(
        library.transaction(async ({ session, send }) => {
          await send('SELECT 1/0').catch(() => {})
          error = await errorOf(unschedule(chancy, 'none', { session }))
          throw ON_PURPOSE
        }),
      )
      const { code, details } = error as { code?: unknown; details?: unknown }
      assert.deepEqual([code, details], ['DATABASE_FAILED', { sqlState: '25P02' }])
    },
  },
  {
    title: 'a trigger and a counter are written with the commit, and not with a rollback',
    async run({ library, chancy, table, rowsOf }) {
      const key = 'mails'
      const job = Job.named('mail')
      const add = (after?: Error) =>
        library.transaction(async ({ session, send }) => {
          await addTrigger(chancy, { key, table, on: ['insert'], each: 'row', job }, { session })
          await send(`INSERT INTO ${table} VALUES ('mail')`)
          await pauseTrigger(chancy, key, { session })
          await increment(chancy, 'mails', 2, { session })
          if (after !== undefined) throw after
        })
      await rejects(add(ON_PURPOSE))
      assert.deepEqual(await getTriggers(chancy), [])
      await add()
      const [found] = await getTriggers(chancy)
      assert.deepEqual([found?.key, found?.state], [key, 'paused'])
      assert.equal(await jobsOf(chancy, 'mail'), 1)
      assert.equal(await rowsOf('metrics_live'), 1)
      await library.transaction(async ({ session }) => {
        assert.equal(await removeTrigger(chancy, key, { session }), true)
      })
      assert.deepEqual(await getTriggers(chancy), [])
    },
  },
  {
    title:
      'ctx.transaction of a durable job writes with its record, once, and nothing where it throws',
    async run({ library: { own }, again, select, table }) {
      if (own === undefined) return
      let attempts = 0
      const book = job(
        { name: 'book', durable: true, maxAttempts: 3, backoff: 'none' },
        async (_: object, ctx) => {
          const attempt = ++attempts
          const booked = await ctx.transaction('book', own.database as never, async (tx) => {
            await own.send(tx, `INSERT INTO ${table} VALUES ('book ${attempt}')`)
            if (attempt === 1) throw ON_PURPOSE
            return attempt
          })
          if (attempt === 2) throw new Error('after the commit')
          return booked
        },
      )
      await using chancy = again({ jobs: [book], logger: silent })
      await using worker = new Worker(chancy, { signals: false, queues: ['default'] })
      await worker.start()
      const done = await chancy.waitForJob(await chancy.push(book), { timeout: '30s' })
      assert.deepEqual([done.state, done.result, attempts], ['succeeded', 2, 3])
      const rows = await select(`SELECT email FROM ${table} WHERE email LIKE 'book%'`)
      assert.deepEqual(rows, [{ email: 'book 2' }])
    },
  },
]

function many(name: string, count: number) {
  return Array.from({ length: count }, (_, n) => Job.named(name).withArgs({ n }))
}

async function pushIn(chancy: Chancy, { session }: Transaction, name: string): Promise<void> {
  await chancy.push(Job.named(name), { session })
}

async function jobsOf(chancy: Chancy, name: string): Promise<number> {
  return (await chancy.listJobs({ name, limit: 100 })).length
}

/** The transaction was ended by this error, which a library may wrap. */
async function rejects(work: Promise<unknown>): Promise<void> {
  const error = await errorOf(work)
  assert.ok(error instanceof Error)
  if (error instanceof assert.AssertionError) throw error
}

function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.fail('it should have been rejected'),
    (error: unknown) => error,
  )
}

function message(error: unknown): string {
  return (error as Error).message
}
