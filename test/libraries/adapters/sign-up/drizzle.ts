import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import { chancy, welcome } from './app.ts'

const users = pgTable('users', { email: text().primaryKey() })
const db = drizzle(process.env.DATABASE_URL ?? '')

export async function signUp(email: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.insert(users).values({ email })
    await chancy.push(welcome.job.withArgs({ email }), { session: tx })
  })
}
