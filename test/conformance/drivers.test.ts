import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import { pgDriver } from '../../src/database/drivers/pg.ts'
import { pgFromDsn } from '../../src/database/drivers/pg-dsn.ts'
import { pgliteDriver } from '../../src/database/drivers/pglite.ts'
import { postgresJsDriver } from '../../src/database/drivers/postgres-js.ts'
import { databaseUrl } from '../support/database.ts'
import { describeDriver } from './driver.ts'

const observer = () => pgFromDsn(databaseUrl(), { max: 1, applicationName: 'conformance observer' })

describeDriver('pg pool', async () => {
  const applicationName = 'conformance pg pool'
  // Parsers that would spoil the rows, to see that they do not.
  const types = { getTypeParser: () => () => 'spoilt' }
  const pool = new pg.Pool({
    connectionString: databaseUrl(),
    max: 4,
    application_name: applicationName,
    types,
  })
  const other = observer()
  const driver = pgDriver(pool)
  const stop = async () => {
    await driver.close()
    await pool.end()
  }
  return { driver, stop, other, applicationName }
})

describeDriver('pg dsn', async () => {
  const applicationName = 'conformance pg dsn'
  const driver = pgFromDsn(databaseUrl(), { max: 4, applicationName })
  return { driver, stop: () => driver.close(), other: observer(), applicationName }
})

describeDriver('pg behind a pooler', async () => {
  const applicationName = 'conformance pg pooler'
  const direct = pgFromDsn(databaseUrl(), { max: 4, applicationName })
  const pooled = pgFromDsn(databaseUrl(), { max: 4, applicationName, pooler: 'transaction' })
  // LISTEN is refused behind a pooler, so that part is the direct driver's.
  const driver = Object.assign(pooled, { listen: direct.listen.bind(direct) })
  const stop = async () => {
    await pooled.close()
    await direct.close()
  }
  return { driver, stop, other: observer(), applicationName, isPooled: true }
})

for (const settings of [{}, { fetch_types: false }, { prepare: false }])
  describeDriver(`postgres.js ${JSON.stringify(settings)}`, async () => {
    const applicationName = `conformance postgres.js ${JSON.stringify(settings)}`
    const connection = { application_name: applicationName }
    const sql = postgres(databaseUrl(), { ...settings, max: 4, connection, onnotice: () => {} })
    const driver = postgresJsDriver(sql)
    const stop = async () => {
      await driver.close()
      await sql.end({ timeout: 5 })
    }
    return { driver, stop, other: observer(), applicationName }
  })

describeDriver('PGlite', async () => {
  const db = await PGlite.create()
  const driver = pgliteDriver(db)
  const stop = async () => {
    await driver.close()
    await db.close()
  }
  return { driver, stop, applicationName: 'none' }
})
