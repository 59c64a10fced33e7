import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { chancy, welcome } from './app.ts'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const db = new Kysely<{ users: { email: string } }>({ dialect: new PostgresDialect({ pool }) })

export async function signUp(email: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.insertInto('users').values({ email }).execute()
    await chancy.push(welcome.job.withArgs({ email }), { session: trx })
  })
}
