/**
 * A bulk action whose processes are killed and lose answers, paused, and undone, with an account of its own.
 *
 *   npm run chaos:bulk -- [--jobs 100000] [--rate 2000] [--kills 5]
 */
import { parseArgs } from 'node:util'
import { runBulkTrial } from '../support/bulk/bulk-trial.ts'
import { withServer } from '../support/flows/own-server.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '5' },
  },
})
const schema = 'bulk_trials'

await withServer(async (url) => {
  await freshSchema(url, schema)
  const { figures, problems } = await runBulkTrial({
    ...{ url, schema, jobs: Number(values.jobs) },
    ...{ ratePerSecond: Number(values.rate), kills: Number(values.kills) },
  })
  const parts = Object.entries(figures).map(
    ([key, value]) => `${value.toLocaleString('en')} ${key}`,
  )
  console.log(parts.join(', '))
  for (const problem of problems) console.log(`WRONG ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
  await dropSchema(url, schema)
})
