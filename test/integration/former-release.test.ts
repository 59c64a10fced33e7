import { readFileSync } from 'node:fs'
import { Chancy, job, Queue, Worker } from 'chancy'
import pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../dist/core/clock.js'
import { Database } from '../../dist/database/database.js'
import { pgDriver } from '../../dist/database/drivers/pg.js'
import { coreMigrations } from '../../dist/database/migrations/core.js'
import { type Migration, migration } from '../../dist/database/migrations/migration.js'
import { checkVersions, migrate } from '../../dist/database/migrator.js'
import { namesOf } from '../../dist/database/names.js'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'

interface Recorded {
  readonly text: string
  readonly types: readonly string[]
}
type Row = readonly (string | null)[]
interface Answer {
  /** The name and the type of each column. */
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

const schema = testSchema()
/** The version that the fixture is of. */
const FORMER = 1
const former = JSON.parse(
  readFileSync(new URL(`../fixtures/statements-${FORMER}.json`, import.meta.url), 'utf8'),
) as Readonly<Record<string, Recorded>>

const WORKER = '00000000-0000-7000-8000-000000000001'
const JOBS = ['00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b']
const THIRD = '00000000-0000-7000-8000-00000000000c'
/** The type of a ctid. */
const TID = 27
const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** What a later release adds. */
const later: Migration = migration(coreMigrations.steps.length + 1, {
  up: (t) => [
    `ALTER TABLE ${t.jobs} ADD COLUMN label text`,
    `ALTER TABLE ${t.queues} ADD COLUMN label text NOT NULL DEFAULT 'none'`,
    `ALTER TABLE ${t.workers} ADD COLUMN label_2 text`,
  ],
  down: (t) => [
    `ALTER TABLE ${t.jobs} DROP COLUMN label`,
    `ALTER TABLE ${t.queues} DROP COLUMN label`,
    `ALTER TABLE ${t.workers} DROP COLUMN label_2`,
  ],
})

beforeEach(() => withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)))

async function migrateTo(steps: readonly Migration[], to?: number): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl(schema), max: 4 })
  try {
    const options = { clock: systemClock, prepare: true }
    const database = new Database(pgDriver(pool), namesOf(schema), options)
    const lines = [{ ...coreMigrations, steps }]
    await migrate(database, lines, { to })
    if (to === undefined) await checkVersions(database, lines)
  } finally {
    await pool.end()
  }
}

/** A value of the type that a statement casts a parameter to: one that changes nothing or the rows of the test. */
const HARMLESS: Readonly<Record<string, string>> = {
  boolean: 'false',
  int: '1',
  bigint: '1',
  float8: '60000',
  text: 'default',
  uuid: JOBS[1]!,
  jsonb: '[]',
  timestamptz: '2020-01-01',
  'int[]': '{1}',
  'bigint[]': '{1}',
  'text[]': '{default}',
  'uuid[]': `{${JOBS[1]}}`,
}

function harmless(text: string, index: number): string {
  // A setting of a session: a timeout.
  if (new RegExp(`set_config\\('\\w+', \\$${index}\\b`).test(text)) return '60000'
  const cast = new RegExp(`\\$${index}(?:::text)?::(\\w+(?:\\[\\])?)`).exec(text)?.[1] ?? 'text'
  const value = HARMLESS[cast]
  if (value === undefined) throw new Error(`no value of the type ${cast} of $${index}: ${text}`)
  return value
}

/** Executes all statements in a transaction that is rolled back: those of the road of a job first, then the others. */
async function executeAll(): Promise<Map<string, Answer>> {
  return withClient(async (client) => {
    const answers = new Map<string, Answer>()
    const execute = async (name: string, values?: readonly unknown[]): Promise<Answer> => {
      const { text, types } = former[name]!
      const own = text.replaceAll('"chancy"', `"${schema}"`).replaceAll("'chancy'", `'${schema}'`)
      const given = values ?? types.map((_, index) => harmless(text, index + 1))
      const query = { text: own, values: [...given], rowMode: 'array' as const }
      const { fields, rows } = await client.query<Row[]>(query).catch((error: Error) => {
        throw new Error(`${name}: ${error.message}`, { cause: error })
      })
      const columns = fields.map((field) => `${field.name} ${field.dataTypeID}`)
      const answer = { columns, rows: rows as unknown as Row[] }
      answers.set(name, answer)
      return answer
    }
    const alone: string[] = []
    await client.query('BEGIN')
    await takeRoad(execute)
    for (const name of Object.keys(former).filter((one) => !answers.has(one))) {
      await client.query('SAVEPOINT before')
      await execute(name, SPECIAL[name]).catch(() => alone.push(name))
      await client.query('ROLLBACK TO before')
    }
    await client.query('ROLLBACK')
    // Watermarks are advanced in a transaction that has written nothing.
    for (const name of alone) {
      await client.query('BEGIN')
      await execute(name, SPECIAL[name])
      await client.query('ROLLBACK')
    }
    expect(alone.length, String(alone)).toBeLessThan(2)
    return answers
  })
}

const QUEUE = ['default', 'active', null, null, 'inline', '{}', '[".*"]', 5_000, null, null]
/** Whose texts have a meaning. */
const SPECIAL: Readonly<Record<string, readonly unknown[]>> = { declare_queue: QUEUE }

type Execute = (name: string, values?: readonly unknown[]) => Promise<Answer>

/** What a producer and a worker send for two jobs, with the values that they send. */
async function takeRoad(execute: Execute): Promise<void> {
  const none = (count: number): null[] => Array.from({ length: count }, () => null)
  await execute('upsert_queue', QUEUE)
  await execute('register_worker', [WORKER, 'host', '[]', 60_000, '["task"]', '{}'])
  await execute('renew_lease', [WORKER, 60_000])
  const ids = `{${JOBS.join(',')}}`
  const batch = [ids, '{default}', '{task}', '{"{}","{\\"n\\": 1}"}', '{0}', '{3}']
  await execute('push_jobs', [...batch, ...none(4), false, 0, '{}', null])

  const claimed = await execute('claim_jobs', claim(2))
  const ends = claimed.rows.filter(([id]) => JOBS.includes(id ?? ''))
  expect(ends.map(([id]) => id)).toEqual(JOBS)
  const at = (name: string): number =>
    claimed.columns.findIndex((column) => column.startsWith(`${name} `))
  const ctid = claimed.columns.findIndex((column) => column.endsWith(` ${TID}`))
  const first = ends[0]!
  const finished = await execute('complete_jobs', [
    ...[WORKER, `{"${first[ctid]}"}`, `{${first[0]}}`, `{${first[at('fence')]}}`],
    ...[null, '{"{\\"n\\": 2}"}'],
    ...none(12),
  ])
  // Only what was not saved as asked has an id; the last row says when it was.
  expect(finished.rows.map(([id]) => id)).toEqual([null])
  const states = await execute('get_states', [ids])
  expect(Object.fromEntries(states.rows)).toEqual({
    [JOBS[0]!]: 'succeeded',
    [JOBS[1]!]: 'running',
  })
  const lone = [`{${THIRD}}`, '{default}', '{task}', '{"{}"}', '{0}', '{3}', null, '{}']
  const taken = await execute('push_and_claim', [...lone, ...claim(1)])
  expect(taken.rows.map(([id]) => id)).toContain(THIRD)
}

const claim = (limit: number): unknown[] => [
  ...['default', WORKER, limit, '{task}', true],
  ...[null, null, null, null],
]

const columnsOf = (answers: Map<string, Answer>): Record<string, readonly string[]> =>
  Object.fromEntries([...answers].map(([name, { columns }]) => [name, columns]))

describe('on a schema that a newer release has migrated', () => {
  it('every statement of the release before runs, and its columns have their names and types', async () => {
    await migrateTo(coreMigrations.steps, FORMER)
    const before = columnsOf(await executeAll())
    await migrateTo([...coreMigrations.steps, later])
    const after = columnsOf(await executeAll())
    expect(Object.keys(after).sort()).toEqual(Object.keys(former).sort())
    expect(after).toEqual(before)
  })

  it('a worker of the release before starts again and again, and runs what its producer pushes', async () => {
    await migrateTo([...coreMigrations.steps, later])
    const double = job({ name: 'double' }, ({ n }: { n: number }) => n * 2)
    await using chancy = new Chancy(databaseUrl(schema), { schema, jobs: [double], logger })
    await chancy.migrate()
    expect(await chancy.isUpToDate()).toBe(true)
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    for (const n of [1, 2]) {
      const worker = new Worker(chancy)
      await worker.start()
      try {
        const reference = await chancy.push(double.job.withArgs({ n }))
        expect((await chancy.waitForJob(reference)).state).toBe('succeeded')
        const many = await chancy.pushMany([double.job.withArgs({ n }), double.job.withArgs({ n })])
        for (const { state } of await chancy.waitForJobs(many)) expect(state).toBe('succeeded')
      } finally {
        await worker.stop()
      }
    }
  })
})
