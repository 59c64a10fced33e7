/** A row and a job in one transaction of `pg`: both exist, or neither. */
import { Chancy, job, pgDriver, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'

const welcome = job({ name: 'welcome' }, ({ email }: { email: string }) => `sent to ${email}`)

const embedded = process.env.DATABASE_URL === undefined ? embeddedPostgres() : null
const connectionString = embedded === null ? process.env.DATABASE_URL : await embedded.url()
const pool = new pg.Pool({ connectionString })
const chancy = new Chancy(pgDriver(pool), { jobs: welcome })
await chancy.migrate()
await pool.query('CREATE TABLE users (email text PRIMARY KEY)')
const worker = new Worker(chancy)
await worker.start()

async function signUp(email: string, isRefused: boolean): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO users VALUES ($1)', [email])
    await chancy.push(welcome.job.withArgs({ email }), { session: client })
    await client.query(isRefused ? 'ROLLBACK' : 'COMMIT')
  } finally {
    client.release()
  }
}

await signUp('ada@example.com', false)
await signUp('mallory@example.com', true)

const { rows } = await pool.query('SELECT email FROM users')
console.log('users:', rows.map(({ email }) => email).join(', '))
const jobs = await chancy.listJobs({ name: 'welcome' })
for (const done of await chancy.waitForJobs(jobs)) console.log(done.state, done.result)

await worker.stop()
await chancy.close()
await pool.end()
await embedded?.close()
