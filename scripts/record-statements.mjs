// Writes test/fixtures/statements-N.json: every bare statement of this release for the schema "chancy", by its name,
// with the types of its parameters. Run once at a release; the tests run them on newer schemas, as workers of this
// release do while their successors roll out. Uses the server of DATABASE_URL, else an embedded one.
//
//   node scripts/record-statements.mjs
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { embeddedPostgres } from '../dist/database/drivers/embedded-postgres.js'
import { coreMigrations } from '../dist/database/migrations/core.js'
import { namesOf } from '../dist/database/names.js'
import { Chancy } from '../dist/index.js'
import { root } from './source-tree.mjs'

const SCHEMA = 'chancy'
/** In place of one partition of the history, which is another one each day. */
const PARTITION = 'finished_jobs'
const names = namesOf(SCHEMA)

const embedded = process.env.DATABASE_URL ? null : embeddedPostgres()
const server = process.env.DATABASE_URL || (await embedded.url())
const name = `statements_${process.pid}`
const admin = new pg.Client({ connectionString: server })
await admin.connect()
try {
  await admin.query(`CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const chancy = new Chancy(url.href, { schema: SCHEMA })
  await chancy.migrate()
  await chancy.close()
  const client = new pg.Client({ connectionString: url.href })
  client.on('error', () => {})
  await client.connect()
  const found = await record(client)
  await client.end()
  const file = `test/fixtures/statements-${coreMigrations.steps.length}.json`
  writeFileSync(join(root, file), `${JSON.stringify(found, null, 2)}\n`)
  execFileSync('npx', ['biome', 'format', '--write', file], { cwd: root, stdio: 'ignore' })
  console.log(`${file} holds ${Object.keys(found).length} statements`)
} finally {
  await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  await admin.end()
  await embedded?.close()
}

async function record(client) {
  const found = {}
  for (const folder of ['database/statements', 'plugins/leadership']) {
    const files = readdirSync(join(root, 'dist', folder)).filter((file) =>
      folder === 'database/statements' ? /\.js$/.test(file) : file === 'statements.js',
    )
    for (const file of files) {
      for (const value of Object.values(await import(`../dist/${folder}/${file}`))) {
        const one = typeof value === 'function' && value.length === 1 ? ofPartition(value) : value
        if (typeof one?.name !== 'string' || typeof one.text !== 'function') continue
        const text = one.text(names).trim()
        // The others are those of the migrator, whose own rows may change, those of doctor, which is no worker, and
        // grants.
        if (
          !/^(SELECT|INSERT|UPDATE|DELETE|WITH)/.test(text) ||
          /^(migrations|diagnosis-)/.test(file)
        )
          continue
        found[one.name] = { text, types: await typesOf(client, text) }
      }
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function ofPartition(make) {
  try {
    return make(PARTITION)
  } catch {
    return null
  }
}

async function typesOf(client, text) {
  await client.query(`PREPARE one AS ${text}`)
  const { rows } = await client.query(
    `SELECT parameter_types::text[] AS types FROM pg_prepared_statements WHERE name = 'one'`,
  )
  await client.query('DEALLOCATE one')
  return rows[0].types
}
