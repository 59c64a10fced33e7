import { randomBytes } from 'node:crypto'
import { Chancy, job, type Plugin, Worker } from 'chancy'
import { migration } from 'chancy/plugin'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { coreMigrations } from '../../src/database/migrations/core.ts'
import { databaseUrl, withClient } from '../support/database.ts'
import { until } from '../support/until.ts'

let schema = ''
const opened: Chancy[] = []
const open = (...plugins: Plugin[]): Chancy => {
  const chancy = new Chancy(databaseUrl(), { schema, notifications: false, plugins })
  opened.push(chancy)
  return chancy
}
/** A plugin with a table in each of its versions. */
const tables = (name: string, versions: number, made = `${name.replace('.', '_')}_t`): Plugin => ({
  name,
  migrations: Array.from({ length: versions }, (_, index) =>
    migration(index + 1, {
      up: (t) => [`CREATE TABLE ${t.own(`${made}${index + 1}`)} (id bigserial PRIMARY KEY)`],
      down: (t) => [`DROP TABLE ${t.own(`${made}${index + 1}`)}`],
    }),
  ),
})
const found = async (like: string): Promise<string[]> => {
  const text = `SELECT relname FROM pg_class
                 WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND relname LIKE $2 ORDER BY 1`
  const { rows } = await withClient((client) => client.query(text, [schema, like]))
  return rows.map(({ relname }: { relname: string }) => relname)
}

beforeEach(() => {
  schema = `plugin_migrate_${randomBytes(5).toString('hex')}`
})
afterEach(async () => {
  for (const chancy of opened.splice(0)) await chancy.close()
  await withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`))
})

describe('the tables of plugins', () => {
  it('come with the core, one line moves by itself, and go before the core goes down', async () => {
    const chancy = open(tables('test.a', 2), tables('test.b', 1))
    await chancy.migrate()
    expect(await found('test%')).toEqual(['test_a_t1', 'test_a_t2', 'test_b_t1'])
    await chancy.migrate({ plugin: 'test.a', to: 1 })
    expect(await found('test%')).toEqual(['test_a_t1', 'test_b_t1'])
    expect(await chancy.isUpToDate()).toBe(false)
    await chancy.migrate({ plugin: 'test.a' })
    expect(await chancy.isUpToDate()).toBe(true)
    await chancy.migrate({ to: 0 })
    expect(await found('%')).toEqual(['migrations'])
    await chancy.migrate({ to: coreMigrations.steps.length })
    expect(await chancy.isUpToDate()).toBe(true)
  })

  it('are required by a command that has the application', async () => {
    await open().migrate()
    const task = job({ name: 'task' }, () => 1)
    const plugins = [tables('test.a', 1)]
    const chancy = new Chancy(databaseUrl(), { schema, jobs: task, plugins })
    opened.push(chancy)
    const worker = new Worker(chancy, { signals: false })
    const missing = await worker.start().catch((error: Error) => error)
    expect(missing).toMatchObject({
      code: 'MIGRATIONS_NEEDED',
      message: expect.stringContaining('Run "chancy --app ./app.ts migrate"'),
      details: { line: 'test.a', have: 0, want: 1 },
    })
  })

  it('are of a plugin that is there and has some, and of a version that it has', async () => {
    const chancy = open(tables('test.a', 2), { name: 'test.none' })
    await chancy.migrate()
    await expect(chancy.migrate({ plugin: 'test.b' })).rejects.toMatchObject({
      code: 'PLUGIN_MISSING',
    })
    await expect(chancy.migrate({ plugin: 'test.none' })).rejects.toThrow(/has no tables/)
    await expect(chancy.migrate({ plugin: 'test.a', to: 3 })).rejects.toThrow(
      /"to" takes a version from 0 to 2 of "test.a", got 3/,
    )
    expect(await found('test%')).toEqual(['test_a_t1', 'test_a_t2'])
  })

  it('have names of their plugin: one that makes another name changes nothing', async () => {
    const chancy = open(tables('test.a', 1, 'entries'))
    await expect(chancy.migrate()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /make "entries1.*", and the names of that plugin begin with "test_a_"/,
      ),
    })
    expect(await found('entries%')).toEqual([])
    expect(await open().isUpToDate()).toBe(true)
  })

  it('are checked without the partitions that a worker creates meanwhile', async () => {
    await open().migrate()
    const { name, migrations = [] } = tables('test.a', 1)
    const lock = `SELECT pg_advisory_xact_lock(hashtext('${schema}'))`
    const waits = {
      name,
      migrations: [
        migration(1, {
          ...migrations[0]!,
          up: (t) => [lock, ...(migrations[0]!.up(t) as string[])],
        }),
      ],
    }
    await withClient(async (client) => {
      await client.query('BEGIN')
      await client.query(lock)
      const migrating = open(waits).migrate()
      const isWaiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                          AND objid = (hashtext('${schema}')::bigint & 4294967295)::oid`
      await until(async () => (await client.query(isWaiting)).rows.length > 0)
      await client.query(`SELECT ${schema}.create_partitions_1(9)`)
      await client.query('COMMIT')
      await migrating
    })
    expect(await found('test%')).toEqual(['test_a_t1'])
  })

  it('are all taken away on the way down to 0: one that is left is named', async () => {
    const { name, migrations = [] } = tables('test.a', 1)
    const [first] = migrations
    const keeps = { name, migrations: [migration(1, { up: first!.up, down: () => [] })] }
    const chancy = open(keeps)
    await chancy.migrate()
    await expect(chancy.migrate({ plugin: name, to: 0 })).rejects.toThrow(
      /leave "test_a_t1.*" behind on the way down to 0. Drop it in "down"/,
    )
    expect(await chancy.isUpToDate()).toBe(true)
  })
})
