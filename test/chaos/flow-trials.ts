/**
 * Workflows under sessions that vanish, forget and cancel, with figures.
 *
 *   node --import tsx test/chaos/flow-trials.ts [--seeds 100] [--steps 20000] [--width 1000] [--batches 40] [--jobs 150]
 *
 * `--seeds`: as many trials of random graphs, every other one with seven steps a transaction. `--steps`: one trial of
 * that many steps, in fan-ins and diamonds of `--width` and dense layers, beside random graphs.
 * `--batches`: a trial of that many batches, of `--jobs` jobs at most, by 16 sessions, for each of the `--seeds`.
 *
 *   npm run chaos:flows -- --workers [--steps 100000] [--width 1000] [--processes 5] [--lease 5000] [--minutes 30]
 *
 * `--workers`: that many steps by real worker processes and a server of their own. Processes are killed and stopped,
 * replies and sessions lost, the server restarted, and meanwhile workflows and steps are cancelled and retried.
 */
import { parseArgs } from 'node:util'
import { runBatchTrial } from '../support/flows/batch-trial.ts'
import { plansOf, randomOf } from '../support/flows/graph.ts'
import { withServer } from '../support/flows/own-server.ts'
import { dropSchema, freshSchema } from '../support/flows/schema.ts'
import { runTrial, type TrialReport } from '../support/flows/trial.ts'
import { trialOf } from '../support/flows/trial-of.ts'
import { runOnOwnServer } from './flow-workers/own-server.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0' },
    steps: { type: 'string' },
    width: { type: 'string', default: '1000' },
    batches: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '150' },
    workers: { type: 'boolean', default: false },
    processes: { type: 'string', default: '5' },
    lease: { type: 'string', default: '5000' },
    minutes: { type: 'string', default: '30' },
  },
})
const schema = 'flow_trials'
let failed = 0

function say(name: string, { figures, problems }: TrialReport): void {
  const parts = Object.entries(figures).map(
    ([key, value]) => `${value.toLocaleString('en')} ${key}`,
  )
  console.log(`${name}: ${parts.join(', ')}`)
  for (const problem of problems.slice(0, 20)) console.log(`  WRONG ${problem}`)
  if (problems.length > 0) failed++
}

if (values.workers) {
  const steps = Number(values.steps ?? 100_000)
  say(
    `${steps} steps by ${values.processes} workers`,
    await runOnOwnServer({
      plans: plansOf(steps, Number(values.width), randomOf(1)),
      processes: Number(values.processes),
      leaseMs: Number(values.lease),
      faultsMs: Number(values.minutes) * 60_000,
    }),
  )
} else await withServer(bySessions)

async function bySessions(url: string): Promise<void> {
  const batches = Number(values.batches)
  for (let seed = 1; batches > 0 && seed <= Number(values.seeds); seed++) {
    await freshSchema(url, schema)
    const trial = { url, schema, seed, batches, jobs: Number(values.jobs), sessions: 16 }
    say(`batches, seed ${seed}`, await runBatchTrial(trial))
  }
  for (let seed = 1; batches === 0 && seed <= Number(values.seeds); seed++) {
    await freshSchema(url, schema, seed % 2 === 0 ? undefined : 7)
    say(`seed ${seed}`, await trialOf({ url, schema, seed, isHard: true }))
  }
  const wanted = Number(values.steps ?? 0)
  if (wanted > 0) {
    await freshSchema(url, schema)
    const plans = plansOf(wanted, Number(values.width), randomOf(1))
    const trial = {
      ...{ url, schema, seed: 1, plans, sessions: 16, batch: 100 },
      ...{ failing: 0.1, dropping: 0.3, vanishing: 0.02, cancelling: 0.1 },
    }
    say(`${wanted} steps`, await runTrial(trial))
  }
  await dropSchema(url, schema)
}
process.exitCode = failed === 0 ? 0 : 1
