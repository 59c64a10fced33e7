// Pushes one job by itself, one in a transaction that commits and one in a transaction that is rolled back. For
// other runtimes than Node.
import { Chancy, Job } from 'chancy'
import pg from 'pg'

const chancy = new Chancy(process.env.DATABASE_URL, { schema: 'runtimes_producer' })
await chancy.migrate()
const alone = await chancy.push(Job.named('greet', { args: { name: 'Ada' } }))
const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
await client.connect()
const pushed = []
for (const end of ['COMMIT', 'ROLLBACK']) {
  await client.query('BEGIN')
  pushed.push(await chancy.push(Job.named('greet', { args: { name: end } }), { session: client }))
  await client.query(end)
}
const stored = await chancy.getJobs([alone, ...pushed])
console.log(stored.map(({ state, args }) => `${state} ${args.name}`).join(', '))
await client.end()
await chancy.close()
