import { Chancy, type Driver, Job, job, Queue } from 'chancy'
import { postgresJsDriver } from 'chancy/drivers/postgres-js'
import postgres from 'postgres'
import { afterAll, describe, expect, it } from 'vitest'
import { TestApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { sized } from '../support/size.ts'

/** Settings of a role or a database that must make no difference. */
const HARMLESS: readonly (readonly [setting: string, ...values: string[]])[] = [
  ['DateStyle', 'SQL, DMY', 'German, DMY', 'Postgres, MDY'],
  ['IntervalStyle', 'sql_standard', 'iso_8601', 'postgres_verbose'],
  ['TimeZone', 'America/St_Johns', 'Asia/Kathmandu'],
  ['extra_float_digits', '0', '3'],
  ['bytea_output', 'escape'],
  ['client_encoding', 'LATIN1', 'SQL_ASCII'],
  ['standard_conforming_strings', 'off'],
  ['backslash_quote', 'off'],
  ['quote_all_identifiers', 'on'],
  ['transform_null_equals', 'on'],
  ['xmlbinary', 'hex'],
  ['plpgsql.extra_errors', 'all'],
  ['plpgsql.extra_warnings', 'all'],
  ['plpgsql.variable_conflict', 'use_column', 'use_variable'],
  ['check_function_bodies', 'off'],
  ['default_transaction_isolation', 'serializable', 'repeatable read'],
  ['default_transaction_deferrable', 'on'],
  ['statement_timeout', '10s'],
  ['lock_timeout', '10s'],
  ['idle_in_transaction_session_timeout', '10s'],
  ['idle_session_timeout', '1s'],
  ['search_path', 'nowhere', 'pg_temp', ''],
  ['row_security', 'off'],
  ['synchronous_commit', 'off'],
  ['session_replication_role', 'replica'],
  ['lc_messages', 'C'],
  ['lc_numeric', 'C'],
  ['client_min_messages', 'debug5', 'error'],
  ['jit_above_cost', '0'],
  ['plan_cache_mode', 'force_generic_plan', 'force_custom_plan'],
  ['enable_partition_pruning', 'off'],
  ['constraint_exclusion', 'on'],
  ['debug_parallel_query', 'on'],
  ['default_statistics_target', '1'],
  ['work_mem', '64kB'],
  ['exit_on_error', 'on'],
]

/** Settings that are refused, and the message. */
const REFUSED: readonly (readonly [setting: string, value: string, ...says: string[]])[] = [
  ['extra_float_digits', '-15', 'extra_float_digits', 'RESET extra_float_digits'],
  ['array_nulls', 'off', 'array_nulls', 'RESET array_nulls'],
  ['default_transaction_read_only', 'on', 'default_transaction_read_only'],
]

const AT = new Date('2030-02-03T04:05:06.789Z')
const noted = job({ name: 'noted', maxAttempts: 2 }, async (args: { n: number }, { attempt }) => {
  if (attempt === 1) throw new Error('the first attempt, ü')
  return { n: args.n, text: 'ü\\\'"{}', pi: Math.PI }
})
const a = Job.named('noted', { args: { n: 0.1 }, maxAttempts: 2, backoff: 'none' })

const roles: string[] = []
afterAll(() =>
  withClient(async (client) => {
    for (const role of roles) {
      await client.query(`DROP OWNED BY ${role} CASCADE`)
      await client.query(`DROP ROLE ${role}`)
    }
  }),
)

type Setting = readonly [setting: string, value: string]

/** An address of the tests' server under a role with these settings. */
async function urlUnder(schema: string, ...settings: Setting[]): Promise<string> {
  const role = `${schema}_${roles.length}`
  roles.push(role)
  await withClient(async (client) => {
    await client.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'word'`)
    for (const [setting, value] of settings) {
      const literal = setting === 'search_path' ? value || "''" : client.escapeLiteral(value)
      await client.query(`ALTER ROLE ${role} SET ${setting} = ${literal}`)
    }
  })
  const url = new URL(databaseUrl(schema))
  url.username = role
  url.password = 'word'
  return url.href
}

/** One of everything, in a schema that is made under the same setting. */
async function tryEverything(app: TestApp): Promise<void> {
  const { chancy } = app
  await chancy.migrate()
  await chancy.declare(
    new Queue('q', {
      executor: 'inline',
      pollingInterval: '1.5s',
      rateLimit: { max: 99, per: '1m' },
    }),
  )
  const later = await chancy.push(
    a.withQueue('q').withScheduledAt(AT).withUniqueKey("it's {one}, ü"),
  )
  await app.start()
  const pushed = await Promise.all([
    chancy.push(a.withQueue('q').withConcurrency(2)),
    chancy.push(a.withQueue('q').withRetention('90m')),
  ])
  const many = await chancy.pushMany(Array.from({ length: 5 }, () => a.withQueue('q')))
  const done = await chancy.waitForJobs([...pushed, ...many], { timeout: '50s' })
  for (const one of done) {
    expect(one).toMatchObject({
      state: 'succeeded',
      args: { n: 0.1 },
      result: { n: 0.1, text: 'ü\\\'"{}', pi: Math.PI },
      attempts: 2,
      errors: [{ message: expect.stringContaining('the first attempt, ü') }],
    })
    for (const at of [one!.createdAt, one!.startedAt!, one!.finishedAt!])
      expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(60_000)
  }
  expect(await chancy.getJob(later)).toMatchObject({ scheduledAt: AT, uniqueKey: "it's {one}, ü" })
  expect(await chancy.getQueue('q')).toMatchObject({ pollingIntervalMs: 1_500 })
  expect(await chancy.explain(later)).toMatchObject({ runnable: false })
  expect(await chancy.cancel(later)).toBe('cancelled')
  // Under another isolation than its own a statement may have to be sent again, which is said.
  const troubles = app.lines.filter(
    ({ level, fields }) => level === 'error' && fields.sqlState !== '40001',
  )
  expect(troubles).toEqual([])
}

const CASES: readonly Setting[] = HARMLESS.flatMap(([setting, ...values]) =>
  values.map((value) => [setting, value] as const),
)

/** Each setting with a few others, no two of them the same; at full size each by itself. */
const GROUPS = sized(8, CASES.length)
const groups = Array.from({ length: GROUPS }, (_, n) => CASES.filter((_, i) => i % GROUPS === n))
const shown = (settings: readonly Setting[]): string =>
  settings.map(([setting, value]) => `${setting} = ${value}`).join(', ')

describe('Under settings of its role', () => {
  const schema = testSchema()
  it.each(groups.map((settings) => ({ settings, name: shown(settings) })))(
    '$name everything works, and values are whole',
    async ({ settings }) => {
      const url = await urlUnder(schema, ...settings)
      await using app = new TestApp(url, { jobs: noted, schema: roles.at(-1)! })
      try {
        await tryEverything(app)
      } finally {
        for (const worker of app.workers) await worker.stop()
        await withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${roles.at(-1)} CASCADE`))
      }
    },
  )
})

/** All that can be set side by side. */
const TOGETHER = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'America/St_Johns',
  extra_float_digits: '0',
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  row_security: 'off',
} as const

describe('Under all of these settings together', () => {
  const schema = testSchema()

  it('postgres.js works, and values are whole', async () => {
    const sql = postgres(databaseUrl(schema), { max: 6, connection: TOGETHER, onnotice: () => {} })
    await using app = new TestApp(postgresJsDriver(sql), { jobs: noted, schema })
    await tryEverything(app)
    for (const worker of app.workers) await worker.stop()
    await app.chancy.close()
    await sql.end()
  })
})

async function refusalOf(database: string | Driver, schema: string): Promise<string> {
  await using chancy = new Chancy(database, { schema, notifications: false })
  const error = await chancy.migrate().catch((error) => error)
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
  return error.message
}

describe('A setting or a database under which values would be wrong', () => {
  const schema = testSchema()

  it.each(REFUSED)(
    '%s = %s is refused at migrate, with what to do',
    async (setting, value, ...says) => {
      const message = await refusalOf(await urlUnder(schema, [setting, value]), schema)
      for (const words of says) expect(message).toContain(words)
    },
  )

  it('extra_float_digits below 0 is refused at the start of a worker', async () => {
    await using migrated = new Chancy(databaseUrl(schema), { schema, notifications: false })
    await migrated.migrate()
    const url = await urlUnder(schema, ['extra_float_digits', '-15'])
    await using app = new TestApp(url, { jobs: noted, schema })
    await expect(app.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it.each(['SQL_ASCII', 'LATIN1'])('a database of the encoding %s is refused', async (encoding) => {
    const name = `${schema}_${encoding.toLowerCase()}`
    await withClient((client) =>
      client.query(
        `CREATE DATABASE ${name} ENCODING '${encoding}' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'`,
      ),
    )
    const url = new URL(databaseUrl(schema))
    url.pathname = `/${name}`
    try {
      const message = await refusalOf(url.href, schema)
      expect(message).toContain(encoding)
      expect(message).toContain("ENCODING 'UTF8'")
    } finally {
      await withClient((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`))
    }
  })
})
