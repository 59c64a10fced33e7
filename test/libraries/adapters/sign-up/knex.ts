import knex from 'knex'
import { chancy, welcome } from './app.ts'

const db = knex({ client: 'pg', connection: process.env.DATABASE_URL ?? '' })

export async function signUp(email: string): Promise<void> {
  await db.transaction(async (trx) => {
    await trx('users').insert({ email })
    await chancy.push(welcome.job.withArgs({ email }), { session: trx })
  })
}
