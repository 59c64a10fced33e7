/**
 * Takes the guards of workflows away one by one, and looks whether a trial finds it.
 *
 *   node --import tsx test/chaos/flow-mutants.ts [--rounds 12] [--only text]
 */
import { parseArgs } from 'node:util'
import { runBatchTrial } from '../support/flows/batch-trial.ts'
import { cut } from '../support/flows/cut.ts'
import { flowProbes } from '../support/flows/flow-probes.ts'
import { heldProbe } from '../support/flows/held-probe.ts'
import { FLOW_MUTANTS, type FlowMutant } from '../support/flows/mutants.ts'
import { withServer } from '../support/flows/own-server.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'
import { trialOf } from '../support/flows/trial-of.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '12' }, only: { type: 'string', default: '' } },
})
const schema = 'flow_mutants'

async function found(
  url: string,
  { of, from, to, isOfBatch = false }: FlowMutant,
): Promise<string | null> {
  for (let seed = 1; seed <= Number(values.rounds); seed++) {
    await freshSchema(url, schema, seed % 2 === 0 ? undefined : 7)
    await cut(url, schema, of, from, to)
    if (isOfBatch) {
      const size = { batches: 12, jobs: 60, sessions: 8 }
      const { problems } = await runBatchTrial({ url, schema, seed, ...size })
      if (problems.length > 0) return `trial ${seed}: ${problems[0]}`
      continue
    }
    const { problems } = await trialOf({ url, schema, seed, isHard: true })
    const probes = [...(await heldProbe(url, schema)), ...(await flowProbes(url, schema))]
    const all = [...problems, ...probes]
    if (all.length > 0) return `trial ${seed}: ${all[0]}`
  }
  return null
}

const missed = await withServer(async (url) => {
  let count = 0
  for (const mutant of FLOW_MUTANTS.filter(({ name }) => name.includes(values.only))) {
    const by = await found(url, mutant)
    if (by === null) count++
    const how = by === null ? '' : `: ${by.slice(0, 150)}`
    console.log(`${by === null ? 'MISSED' : 'found '}  ${mutant.name}${how}`)
  }
  await dropSchema(url, schema)
  return count
})
process.exitCode = missed === 0 ? 0 : 1
