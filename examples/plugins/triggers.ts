// Makes jobs of the rows that SQL changes, in the transaction of each statement.
import { Chancy, job, Worker } from 'chancy'
import { addTrigger, getTriggers, type TriggerArgs, triggers } from 'chancy/plugins/triggers'
import pg from 'pg'

const url = process.env.DATABASE_URL ?? 'postgresql://localhost/postgres'
const onOrder = job({ name: 'on-order' }, ({ operation, key, row, old }: TriggerArgs) => {
  const total =
    row === undefined ? '' : `, total ${old === undefined ? '' : `${old.total} to `}${row.total}`
  console.log(`${operation} of order ${key?.id}${total}`)
})
const chancy = new Chancy(url, { jobs: onOrder, plugins: [triggers()] })
await chancy.migrate()
const client = new pg.Client({ connectionString: url })
await client.connect()
await client.query('CREATE TABLE orders (id int PRIMARY KEY, total int)')
await addTrigger(chancy, {
  key: 'orders',
  table: 'public.orders',
  on: ['insert', 'update'],
  each: 'row',
  payload: ['total'],
  job: onOrder,
})
for (const { key, table, state } of await getTriggers(chancy)) console.log(key, table, state)

await client.query('INSERT INTO orders VALUES (1, 10), (2, 20)')
await client.query('UPDATE orders SET total = 25 WHERE id = 2')
await client.query('BEGIN')
await client.query('INSERT INTO orders VALUES (3, 30)')
await client.query('ROLLBACK')
await client.end()

let finished = 0
const all = new Promise<void>((resolve) => {
  chancy.on('job.finished', () => ++finished === 3 && resolve())
})
const worker = new Worker(chancy)
await worker.start()
await all
await worker.stop()
await chancy.close()
