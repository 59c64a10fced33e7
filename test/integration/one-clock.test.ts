import { Chancy, grant, job, Queue, Worker } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { current } from '../../dist/database/current.js'
import { withClient } from '../support/database.ts'
import { ownDatabase, ROLE_PASSWORD } from '../support/own-database.ts'
import { until } from '../support/until.ts'

const SCHEMA = 'clocked'
const CLOCKS = ['now_1', 'clock_1']
const { claim, explain, finish, push_jobs: push, stage } = current
const STATEMENTS = [claim, explain, finish, push, stage]
const url = ownDatabase()
const roles = ['producer', 'worker', 'reader', 'operator'] as const
const mark = crypto.randomUUID().slice(0, 8)
const role = (kind: (typeof roles)[number]): string => `clock_${mark}_${kind}`

beforeAll(async () => {
  await withClient(async (client) => {
    // Counts the calls of each function, but not of one that the planner has put in place.
    await client.query(
      `ALTER DATABASE ${new URL(url()).pathname.slice(1)} SET track_functions = 'all'`,
    )
    for (const kind of roles)
      await client.query(`CREATE ROLE ${role(kind)} LOGIN PASSWORD '${ROLE_PASSWORD}'`)
  }, url())
  await using chancy = new Chancy(url(), { schema: SCHEMA })
  await chancy.migrate()
  for (const kind of roles) await grant(chancy, kind, role(kind))
})

afterAll(() =>
  withClient(async (client) => {
    for (const kind of roles) {
      await client.query(`DROP OWNED BY ${role(kind)}`)
      await client.query(`DROP ROLE ${role(kind)}`)
    }
  }, url()),
)

/** How often the functions of the schema were called in sessions that have ended, by name. */
const callsOf = (names: readonly string[]): Promise<Record<string, number>> =>
  withClient(async (client) => {
    const { rows } = await client.query<{ name: string; calls: number }>(
      `SELECT funcname AS name, calls::int FROM pg_stat_user_functions
        WHERE schemaname = $1 AND funcname = ANY ($2)`,
      [SCHEMA, names],
    )
    return Object.fromEntries(rows.map(({ name, calls }) => [name, calls]))
  }, url())

describe('the clock of the schema', () => {
  it('is put in place by the planner in every statement and function, for each kind of role', async () => {
    const quick = job({ name: 'quick' }, () => 'done')
    const fails = job({ name: 'fails', maxAttempts: 1 }, () => {
      throw new Error('no')
    })
    const open = (kind: (typeof roles)[number]) =>
      new Chancy(url(role(kind)), { schema: SCHEMA, jobs: [quick, fails] })
    {
      await using producer = open('producer')
      await using running = open('worker')
      await using operator = open('operator')
      await using reader = open('reader')
      await operator.declare(
        new Queue('default', { executor: 'inline', rateLimit: { max: 100, per: '1s' } }),
      )
      await operator.pauseQueue('default', { resumeAt: new Date(Date.now() + 100) })
      const worker = new Worker(running, { signals: false })
      await worker.start()
      const refs = [
        ...(await producer.pushMany([quick, quick.job.withConcurrency(1)])),
        await producer.push(quick.job.withDelay('100ms').withUniqueKey('later')),
        await producer.push(fails),
      ]
      const late = await producer.push(quick.job.withDelay('1h'))
      await withClient(
        (client) => client.query(`SELECT ${SCHEMA}.push('quick', scheduled_at => now())`),
        url(role('producer')),
      )
      await producer.waitForJobs(refs, { timeout: '30s' })
      await operator.retry(refs[3]!)
      await producer.waitForJob(refs[3]!, { timeout: '30s' })
      await reader.explain(late)
      await reader.explainQueue('default')
      await reader.getWorkers()
      await producer.cancel(late)
      await worker.stop()
    }
    // A session that ends counts its calls before it is gone.
    await until(() =>
      withClient(async (client) => {
        const text = 'SELECT 1 FROM pg_stat_activity WHERE usename = ANY ($1)'
        return (await client.query(text, [roles.map(role)])).rowCount === 0
      }, url()),
    )
    const calls = await callsOf([...CLOCKS, ...STATEMENTS])
    expect(Object.keys(calls).sort()).toEqual([...STATEMENTS].sort())
  }, 60_000)

  it('would be counted if the planner called it', async () => {
    await withClient(async (client) => {
      await client.query(`ALTER FUNCTION ${SCHEMA}.clock_1() SET search_path = pg_catalog`)
      await client.query(`SELECT ${SCHEMA}.stage_1(1, NULL)`)
      await client.query(`ALTER FUNCTION ${SCHEMA}.clock_1() RESET ALL`)
    }, url())
    await until(async () => ((await callsOf(CLOCKS)).clock_1 ?? 0) > 0)
  })

  it('is the only one that a function of the schema or the default of a column names', () =>
    withClient(async (client) => {
      const { rows } = await client.query(
        `SELECT p.proname AS name FROM pg_proc p
          WHERE p.pronamespace = $1::regnamespace AND NOT p.proname = ANY ($2)
            AND regexp_replace(p.prosrc, '--[^\\n]*', '', 'g')
                ~* '\\m(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday) *\\(|\\m(current_(timestamp|time|date)|localtime)'
         UNION ALL
         SELECT d.adrelid::regclass::text FROM pg_attrdef d
           JOIN pg_class c ON c.oid = d.adrelid
          WHERE c.relnamespace = $1::regnamespace
            AND pg_get_expr(d.adbin, d.adrelid) ~* '\\m(now|clock_timestamp) *\\(|CURRENT_'`,
        [SCHEMA, CLOCKS],
      )
      expect(rows).toEqual([])
    }, url()))

  it('moves for sessions that have planned their statements already when its body is replaced', () =>
    withClient(async (client) => {
      const stage = async (): Promise<number> => {
        const { rows } = await client.query(
          `SELECT sum(staged)::int AS n FROM ${SCHEMA}.stage_1(10, NULL)`,
        )
        return rows[0].n
      }
      await client.query(
        `SELECT ${SCHEMA}.push('quick', queue => 'still', scheduled_at => now() + interval '2 days')`,
      )
      for (let i = 0; i < 6; i++) expect(await stage()).toBe(0)
      await withClient(
        (other) =>
          other.query(
            `CREATE OR REPLACE FUNCTION ${SCHEMA}.clock_1() RETURNS timestamptz LANGUAGE sql VOLATILE
             AS $$ SELECT pg_catalog.clock_timestamp() + interval '3 days' $$`,
          ),
        url(),
      )
      expect(await stage()).toBe(1)
    }, url()))
})
