import { afterAll, describe, expect, it } from 'vitest'
import { databaseUrl, testDatabase } from '../support/database.ts'
import { runBatchTrial } from '../support/flows/batch-trial.ts'
import { cut } from '../support/flows/cut.ts'
import { flowProbes } from '../support/flows/flow-probes.ts'
import { diamond, fanIn, layers, randomOf, randomPlan, wideMap } from '../support/flows/graph.ts'
import { heldProbe } from '../support/flows/held-probe.ts'
import { FLOW_MUTANTS } from '../support/flows/mutants.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'
import { trialOf } from '../support/flows/trial-of.ts'
import { chance } from '../support/seed.ts'
import { sized } from '../support/size.ts'
import { runWorkerTrial } from './flow-workers/trial.ts'

const schema = testDatabase()
const SEEDS = sized([1, 2], [1, 2, 3, 4, 5, 6])

afterAll(() => dropSchema(databaseUrl(schema), schema))

describe('workflows under sessions that vanish, cancel, and forget what they were to follow up', () => {
  it.each(SEEDS)(
    'end every step once, when its dependencies say so, and hang nowhere (seed %i)',
    async (seed) => {
      const url = databaseUrl(schema)
      // With seven steps a transaction, most of what is counted is counted by a later one.
      await freshSchema(url, schema, seed % 2 === 0 ? undefined : 7)
      const { problems } = await trialOf({ url, schema, seed, isHard: true })
      expect(problems).toEqual([])
      expect(await heldProbe(url, schema)).toEqual([])
      expect(await flowProbes(url, schema)).toEqual([])
    },
  )

  it('end every step once also by worker processes that are killed, stopped and cut off', async () => {
    const url = databaseUrl(schema)
    await freshSchema(url, schema)
    const random = randomOf(3)
    const { problems, figures } = await runWorkerTrial({
      ...{ url, schema, own: null, luck: chance('flow workers') },
      plans: [
        ...[fanIn(60), diamond(40), wideMap(50), layers(5, 6)],
        ...Array.from({ length: 8 }, () => randomPlan(random, 12)),
      ],
      ...{ processes: 3, concurrency: 3, slow: 0.4, leaseMs: 1_500 },
      ...{ faultsMs: 20_000, stillMs: 20_000 },
    })
    expect(problems).toEqual([])
    expect(figures.kills).toBeGreaterThan(0)
  })

  it('count each job of a batch once, and end it when none of its jobs lives', async () => {
    const url = databaseUrl(schema)
    await freshSchema(url, schema)
    const size = { batches: sized(12, 40), jobs: sized(60, 150), sessions: 16 }
    const { problems } = await runBatchTrial({ url, schema, seed: 1, ...size })
    expect(problems).toEqual([])
  })

  it('are found to hang where a lost follow-up is not swept', async () => {
    const url = databaseUrl(schema)
    const { of, from, to } = FLOW_MUTANTS.find(({ name }) => name === 'the sweep finds no ends')!
    await freshSchema(url, schema, 7)
    await cut(url, schema, of, from, to)
    const { problems } = await trialOf({ url, schema, seed: 1, isHard: true })
    expect(problems.join('\n')).toContain('hangs')
  })
})
