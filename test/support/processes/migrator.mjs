// Migrates a schema on command, and prints the result. `wait` stops it in the middle.
import { createInterface } from 'node:readline'
import { Chancy } from 'chancy'

const say = (value) => console.log(JSON.stringify(value))
const [url, schema] = process.argv.slice(2)
const chancy = new Chancy(url, { schema })
say('ready')
createInterface({ input: process.stdin }).once('line', async () => {
  try {
    await chancy.migrate()
    say({ upToDate: await chancy.isUpToDate() })
  } catch (error) {
    say({ error: `${error.name}: ${error.message}` })
  }
  await chancy.close()
  process.exit(0)
})
