// Makes test/schema.sql, the whole schema after all migrations (--write), or says that it is stale.
// Uses the server of DATABASE_URL, else an embedded one, and the built package.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { embeddedPostgres } from '../dist/database/drivers/embedded-postgres.js'
import { Chancy } from '../dist/index.js'
import { writeOrCompare } from './compare.mjs'
import { dumpSchema } from './schema-catalogue.mjs'

/** Catalogue functions write some things differently from version to version. */
const MAJOR = 18

const embedded = process.env.DATABASE_URL ? null : embeddedPostgres()
const url = process.env.DATABASE_URL || (await embedded.url())
const client = new pg.Client({ connectionString: url })
try {
  await client.connect()
  const { rows } = await client.query('SHOW server_version_num')
  const major = Math.trunc(rows[0].server_version_num / 10_000)
  if (major === MAJOR) writeOrCompare('test/schema.sql', await dumpFresh())
  else console.log(`skipped: the server is PostgreSQL ${major}, and test/schema.sql is of ${MAJOR}`)
} finally {
  await client.end()
  await embedded?.close()
}

async function dumpFresh() {
  const schema = `dump_${randomBytes(6).toString('hex')}`
  const chancy = new Chancy(url, { schema })
  try {
    await chancy.migrate()
    return await dumpSchema(client, schema)
  } finally {
    await chancy.close()
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  }
}
