import pg from 'pg'
import { chancy } from './adapters/sign-up/app.ts'

/**
 * Calls `signUp` of each program of the page on transactions, and once more, when the row is there already and the
 * transaction fails. Prints the jobs that are there as JSON.
 */
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
await chancy.migrate()
await pool.query('CREATE TABLE users (email text PRIMARY KEY)')
for (const name of process.argv.slice(2)) {
  const { signUp } = (await import(`./adapters/sign-up/${name}.ts`)) as {
    signUp(email: string): Promise<void>
  }
  const email = `${name}@example.com`
  await signUp(email)
  const hasFailed = await signUp(email).then(
    () => false,
    () => true,
  )
  if (!hasFailed) throw new Error(`${name}: the second row was written`)
}
const jobs = await chancy.listJobs({ name: 'welcome', limit: 100 })
console.log(JSON.stringify(jobs.map(({ args }) => args)))
// Their pools would keep the process.
process.exit(0)
