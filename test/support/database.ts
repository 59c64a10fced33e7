import { randomBytes } from 'node:crypto'
import { Chancy, grant } from 'chancy'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { until } from './until.ts'

/** Databases of their own, by the schemas in them. */
const databases = new Map<string, string>()

/**
 * The address of the tests' server. With a schema, its sessions carry the schema's name as their
 * `application_name`, which is how the leak check of `testSchema` finds them.
 */
export function databaseUrl(schema?: string): string {
  const url = new URL(inject('databaseUrl'))
  if (schema === undefined) return url.href
  const database = databases.get(schema)
  if (database !== undefined) url.pathname = database
  url.searchParams.set('application_name', schema)
  if (ROLE !== undefined) url.username = ROLE
  return url.href
}

/** Who an application of a test connects as: in the project `roles` one that owns nothing. */
const ROLE = process.env.CHANCY_TEST_ROLE

/** The address of a schema's database, for its owner. */
export function ownerUrl(schema: string): string {
  const url = new URL(databaseUrl(schema))
  url.username = new URL(databaseUrl()).username
  return url.href
}

/** Migrates a schema as its owner, and grants it to the role of the applications. */
export async function prepareSchema(schema: string): Promise<void> {
  await using chancy = new Chancy(ownerUrl(schema), { schema, notifications: false })
  await chancy.migrate()
  if (ROLE !== undefined) await grant(chancy, 'worker', ROLE)
}

/**
 * A fresh schema name for a test file, to be asked for at its top level or in a `describe`. When the
 * tests are through it is dropped, if they passed; kept, if one failed; and the file fails when a
 * session of `databaseUrl(schema)` is still open.
 */
export function testSchema(): string {
  const schema = `test_${randomBytes(6).toString('hex')}`
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of the fixtures from it
  afterAll(async ({}, suite) => {
    const hasFailed = failedIn(suite)
    if (hasFailed) sayWhereItIs(schema)
    const open = await openSessions(schema)
    if (!hasFailed)
      await withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`))
    if (open.length > 0) throw new Error(`${schema} left sessions open: ${open.join(' | ')}`)
  })
  return schema
}

/**
 * The same in a database of its own, which goes with it, for tests that must not deadlock: other tests
 * bring deadlocks about, and the server counts them by database. The file fails when there was one.
 */
export function testDatabase(): string {
  const schema = testSchema()
  beforeAll(async () => {
    await withClient((client) => client.query(`CREATE DATABASE ${schema}`))
    databases.set(schema, schema)
  })
  // The sessions of the tests are closed by now: the server counts what a session met when it ends.
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of the fixtures from it
  afterAll(async ({}, suite) => {
    const deadlocks = await deadlocksOf(schema)
    databases.delete(schema)
    const drop = `DROP DATABASE ${schema}`
    if (!failedIn(suite)) await withClient((client) => client.query(drop))
    expect(deadlocks, 'deadlocks').toBe(0)
  })
  return schema
}

async function deadlocksOf(schema: string): Promise<number> {
  return withClient(async (client) => {
    const { rows } = await client.query<{ n: number }>(
      'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
    )
    return rows[0]!.n
  }, databaseUrl(schema))
}

/** Runs `work` with a client of its own. */
export async function withClient<T>(
  work: (client: pg.Client) => Promise<T>,
  url = databaseUrl(),
): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** What the sessions of a schema did last. A session that is just ending gets a moment to do so. */
async function openSessions(schema: string): Promise<string[]> {
  return withClient(async (client) => {
    const text = `SELECT pid || ' ' || coalesce(state, '') || ': ' || left(query, 100) AS line
      FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()`
    let lines: string[] = []
    const none = async () => {
      lines = (await client.query<{ line: string }>(text, [schema])).rows.map(({ line }) => line)
      return lines.length === 0
    }
    await until(none, { timeoutMs: 2_000 }).catch(() => {})
    return lines
  })
}

interface Tree {
  readonly result?: { readonly state: string } | undefined
  readonly tasks?: readonly Tree[]
}

function failedIn(tree: Tree): boolean {
  return tree.result?.state === 'fail' || (tree.tasks ?? []).some(failedIn)
}

function sayWhereItIs(schema: string): void {
  if (!process.env.DATABASE_URL) {
    console.error(`${schema} was removed with the embedded server; give DATABASE_URL to keep it.`)
    return
  }
  const { username, hostname, port, pathname } = new URL(databaseUrl())
  const address = `-h ${hostname} -p ${port || 5432} -U ${username} ${pathname.slice(1)}`
  console.error(`${schema} is kept: PGOPTIONS='-c search_path=${schema}' psql ${address}`)
}
