/**
 * Durable jobs whose workers are lost at each statement and at each await, and stopped beyond their leases.
 *
 *   npm run chaos:durable-faults -- [--rounds 1] [--each 100]
 *
 * `--rounds`: how often each kill is tried. `--each`: jobs that are held at each place of the second trial.
 */
import { parseArgs } from 'node:util'
import { allKills, runKills } from '../support/durable-kills.ts'
import { runStops } from '../support/durable-stops.ts'
import { withServer } from '../support/flows/own-server.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    each: { type: 'string', default: '100' },
  },
})
const schema = 'durable_faults'

await withServer(async (url) => {
  const wrong: string[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    await freshSchema(url, schema)
    const { problems, kills } = await runKills(url, schema, allKills(), 8)
    console.log(
      `${allKills().length} jobs, ${kills} workers lost or cut off: ${problems.length} wrong`,
    )
    wrong.push(...problems)
  }
  await freshSchema(url, schema)
  const { problems, jobs } = await runStops(url, schema, Number(values.each), 3_000)
  console.log(`${jobs} jobs whose worker was stopped beyond its lease: ${problems.length} wrong`)
  wrong.push(...problems)
  await dropSchema(url, schema)
  for (const one of wrong.slice(0, 20)) console.log(`  WRONG ${one}`)
  process.exitCode = wrong.length === 0 ? 0 : 1
})
