// Starts an embedded server, prints its address, and then follows the commands on its standard input.
import { createInterface } from 'node:readline'
import { embeddedPostgres } from 'chancy/embedded-postgres'

const say = (value) => console.log(JSON.stringify(value))
const [directory] = process.argv.slice(2)
const database = embeddedPostgres({ directory })
const user = process.getuid()
try {
  const [row] = await database.query({ text: 'SELECT 1 + 1 AS two', values: [] })
  say({ url: await database.url(), two: row.two, user })
} catch (error) {
  say({ error: error.message, name: error.name })
  process.exit(1)
}
createInterface({ input: process.stdin }).on('line', async (line) => {
  const order = JSON.parse(line)
  if (order === 'close') await database.close()
  if (order === 'throw') throw new Error('thrown on purpose')
  process.exit(0)
})
