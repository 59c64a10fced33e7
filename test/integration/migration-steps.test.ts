import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../dist/core/clock.js'
import { Database } from '../../dist/database/database.js'
import { pgDriver } from '../../dist/database/drivers/pg.js'
import { coreMigrations } from '../../dist/database/migrations/core.js'
import { type Migration, migration } from '../../dist/database/migrations/migration.js'
import { checkVersions, migrate } from '../../dist/database/migrator.js'
import { namesOf } from '../../dist/database/names.js'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'

const schema = testSchema()
const names = namesOf(schema)
const pools: pg.Pool[] = []

beforeEach(() => withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)))
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.end()
})

/** A release of Chancy that has these versions beside the first. */
function release(migrations: readonly Migration[] = [], max = 4, options?: string) {
  const pool = new pg.Pool({
    connectionString: databaseUrl(schema),
    max,
    ...(options === undefined ? {} : { options }),
  })
  pools.push(pool)
  const database = new Database(pgDriver(pool), names, { clock: systemClock, prepare: true })
  const lines = [{ ...coreMigrations, steps: [...coreMigrations.steps.slice(0, 1), ...migrations] }]
  return {
    database,
    migrate: (to?: number) => migrate(database, lines, { to }),
    check: () => checkVersions(database, lines),
  }
}

async function rows<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  return withClient(async (client) => (await client.query<Row>(text, values)).rows)
}

const isIndex = async (): Promise<boolean | null> => {
  const found = await rows<{ valid: boolean }>(
    'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [`${schema}.queues_label`],
  )
  return found[0]?.valid ?? null
}

/** A column that the first release does not know. */
const column = (step: Partial<Migration> = {}): Migration =>
  migration(2, {
    up: (t) => [
      `ALTER TABLE ${t.queues} ADD COLUMN label text, ADD COLUMN moved int NOT NULL DEFAULT 0`,
    ],
    down: (t) => [`ALTER TABLE ${t.queues} DROP COLUMN label, DROP COLUMN moved`],
    ...step,
  })

const index: Migration = column({
  after: [
    {
      kind: 'outside',
      up: (t) => `CREATE UNIQUE INDEX CONCURRENTLY queues_label ON ${t.queues} (label)`,
      undo: (t) => `DROP INDEX CONCURRENTLY IF EXISTS ${t.own('queues_label')}`,
    },
  ],
})

const fill: Migration = column({
  after: [
    {
      kind: 'batches',
      up: (t) => `
        WITH few AS (
          SELECT q.name FROM ${t.queues} q WHERE q.label IS NULL ORDER BY q.name LIMIT 10 FOR UPDATE
        ), done AS (
          UPDATE ${t.queues} q
             SET label = 'of ' || q.name, moved = q.moved + 1
            FROM few, pg_catalog.pg_sleep(0.05)
           WHERE q.name = few.name
          RETURNING 1
        )
        SELECT pg_catalog.count(*)::int AS moved FROM done`,
    },
  ],
})

const addQueues = (count: number): Promise<object[]> =>
  rows(`INSERT INTO ${schema}.queues (name) SELECT 'q' || n FROM generate_series(1, $1) n`, [count])

describe('the statements of a version', () => {
  it('are named where one is refused, and none of the others is kept', async () => {
    await release().migrate()
    const two = column({
      up: (t) => [
        `CREATE TABLE ${t.own('labels')} (name text)`,
        `CREATE TABLE ${t.queues} (name text)`,
        `CREATE TABLE ${t.own('others')} (name text)`,
      ],
    })
    await expect(release([two]).migrate()).rejects.toMatchObject({
      code: 'DATABASE_FAILED',
      message: expect.stringMatching(
        /^Version 2 of "chancy\.core": PostgreSQL refused statement 2 of 3 \(CREATE TABLE .*queues" \(name text\)\): relation "queues" already exists\.$/,
      ),
      details: { sqlState: '42P07', statement: expect.stringContaining('CREATE TABLE') },
    })
    expect(await rows('SELECT to_regclass($1) AS found', [`${schema}.labels`])).toEqual([
      { found: null },
    ])
    await release().check()
  })

  it('may be what no other statement can execute, and hold any dollar quote', async () => {
    await release().migrate()
    const two = column({
      up: (t) => [
        // PL/pgSQL cannot execute it.
        `SELECT 1 AS one INTO ${t.own('labels')}`,
        `CREATE FUNCTION ${t.own('quoted')}() RETURNS text LANGUAGE sql AS $chancy$ SELECT '$chancy_all$' $chancy$`,
      ],
      down: (t) => [`DROP TABLE ${t.own('labels')}`, `DROP FUNCTION ${t.own('quoted')}`],
    })
    await release([two]).migrate()
    expect(await rows(`SELECT one, ${schema}.quoted() AS quoted FROM ${schema}.labels`)).toEqual([
      { one: 1, quoted: '$chancy_all$' },
    ])
    await release([two]).migrate(1)
    await release().check()
  })

  it('may each take as long as one statement may, which is less than all together', async () => {
    await release().migrate()
    const two = column({
      up: () => ['SELECT pg_catalog.pg_sleep(1.1)', 'SELECT pg_catalog.pg_sleep(1.1)'],
      down: () => [],
    })
    await release([two], 4, '-c statement_timeout=2s').migrate()
    await release([two]).check()
  })
})

describe('a schema that a newer release has migrated', () => {
  it('serves the release before, which starts, migrates nothing and continues', async () => {
    await release().migrate()
    await release([column()]).migrate()
    await release().check()
    await release().migrate()
    await release([column()]).check()
    await expect(release().migrate(0)).rejects.toThrow(
      /version 2, which this release \(1\) does not know/,
    )
  })

  it('refuses the release before from the beginning of a breaking version, with what to do', async () => {
    await release().migrate()
    await release([column({ breaking: true })]).migrate()
    await expect(release().check()).rejects.toMatchObject({
      code: 'MIGRATIONS_NEEDED',
      message: expect.stringMatching(
        /serves releases that know version 2 .* knows 1\. Replace it by the release that migrated the schema, or go back with chancy\.migrate\(\{ to: 1 \}\)/,
      ),
    })
    await release([column({ breaking: true })]).migrate(1)
    await release().check()
  })

  it('goes up, down and up again', async () => {
    const newest = release([index])
    await newest.migrate()
    expect(await isIndex()).toBe(true)
    await newest.migrate(1)
    expect(await isIndex()).toBe(null)
    await release().check()
    await newest.migrate()
    expect(await isIndex()).toBe(true)
    await newest.migrate(0)
    expect(
      await rows(
        'SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relname = $2',
        [schema, 'queues'],
      ),
    ).toEqual([])
  })
})

describe('a step outside of a transaction', () => {
  it('runs again when it failed in the middle; until then the old release works, and the new one waits', async () => {
    const newest = release([index])
    await release().migrate()
    await addQueues(2)
    const two = column({
      up: (t) => [...(index.up(t) as string[]), `UPDATE ${t.queues} SET label = 'same'`],
      after: index.after!,
    })
    await expect(release([two]).migrate()).rejects.toMatchObject({ code: '23505' })
    // PostgreSQL leaves the half of an index behind, which every insert keeps up to date.
    expect(await isIndex()).toBe(false)
    await release().check()
    await expect(newest.check()).rejects.toThrow(
      /version 1 .*version 2 is under way or was interrupted.*needs 2/,
    )
    await rows(`UPDATE ${schema}.queues SET label = name`)
    await newest.migrate()
    expect(await isIndex()).toBe(true)
    await newest.check()
  })

  it('is taken back when it failed and the schema goes down', async () => {
    await release().migrate()
    await addQueues(2)
    const two = column({
      up: (t) => [...(index.up(t) as string[]), `UPDATE ${t.queues} SET label = 'same'`],
      after: index.after!,
    })
    await expect(release([two]).migrate()).rejects.toMatchObject({ code: '23505' })
    await release([two]).migrate(1)
    expect(await isIndex()).toBe(null)
    await release().check()
  })

  it('is done again on the way up when the way down was interrupted behind it', async () => {
    const keeps = column({
      after: [
        {
          kind: 'batches',
          up: () => 'SELECT 0 AS moved',
          down: (t) => `UPDATE ${t.queues} SET state = 'lost' RETURNING 1 AS moved`,
        },
        ...index.after!,
      ],
    })
    const newest = release([keeps])
    await newest.migrate()
    await addQueues(1)
    await expect(newest.migrate(1)).rejects.toMatchObject({ code: '23514' })
    expect(await isIndex()).toBe(null)
    await expect(newest.check()).rejects.toThrow(/version 2 is under way or was interrupted/)
    await newest.migrate()
    expect(await isIndex()).toBe(true)
    await newest.check()
  })

  it('is done once by several migrators, and by one with a single connection', async () => {
    await Promise.all(Array.from({ length: 3 }, () => release([index]).migrate()))
    expect(await isIndex()).toBe(true)
    await release([index], 1).migrate(1)
    await release([index], 1).migrate()
    expect(await isIndex()).toBe(true)
  })

  it('is not done again by one with a single connection that another was faster than', async () => {
    await release().migrate()
    const slow = release([index], 1)
    const { driver } = slow.database
    const reserve = driver.reserve.bind(driver)
    const oids: object[] = []
    const oidOf = () => rows('SELECT to_regclass($1)::oid AS oid', [`${schema}.queues_label`])
    driver.reserve = async () => {
      await release([index]).migrate()
      oids.push(...(await oidOf()))
      return reserve()
    }
    await slow.migrate()
    expect(oids).toHaveLength(1)
    expect(await oidOf()).toEqual(oids)
    await slow.check()
  })
})

describe('a step that moves data in batches', () => {
  it('continues where it was when its session is killed, and moves each row once', async () => {
    await release().migrate()
    await addQueues(200)
    const moving = release([fill]).migrate()
    let killed = 0
    // One session for all of it: to connect each time may take as long as the move.
    const movedBy = async (client: pg.Client): Promise<number> =>
      (
        await client
          .query(`SELECT count(*)::int AS n FROM ${schema}.queues WHERE moved > 0`)
          .catch(() => ({ rows: [{ n: 0 }] }))
      ).rows[0]!.n
    let isOver = false
    const over = moving.finally(() => {
      isOver = true
    })
    await withClient(async (client) => {
      while (!isOver && killed < 2) {
        if ((await movedBy(client)) === 0) continue
        const found = await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = $1 AND query LIKE '%pg_sleep(0.05)%' AND state = 'active'`,
          [schema],
        )
        killed += found.rows.length
      }
    })
    await over
    expect(killed).toBeGreaterThan(0)
    expect(
      await rows(`SELECT min(moved) AS low, max(moved) AS high FROM ${schema}.queues`),
    ).toEqual([{ low: 1, high: 1 }])
    await release([fill]).check()
  }, 60_000)

  it('continues with what is left when it failed and the migration is run again', async () => {
    await release().migrate()
    await addQueues(50)
    await rows(
      `ALTER TABLE ${schema}.queues ADD CONSTRAINT stop CHECK (name <> 'q5' OR executor_options = '{"go":1}' OR state = 'active') NOT VALID`,
    )
    await rows(`UPDATE ${schema}.queues SET state = 'paused' WHERE name = 'q4'`)
    await rows(
      `ALTER TABLE ${schema}.queues ADD CONSTRAINT halt CHECK (state = 'active') NOT VALID`,
    )
    await expect(release([fill]).migrate()).rejects.toMatchObject({ code: '23514' })
    const [before] = await rows<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${schema}.queues WHERE moved > 0`,
    )
    expect(before!.n).toBeGreaterThan(0)
    expect(before!.n).toBeLessThan(50)
    await rows(`UPDATE ${schema}.queues SET state = 'active'`)
    await release([fill]).migrate()
    expect(
      await rows(`SELECT min(moved) AS low, max(moved) AS high FROM ${schema}.queues`),
    ).toEqual([{ low: 1, high: 1 }])
  })
})
