/**
 * Many trials of limits and kills, by command.
 *
 *   node --import tsx test/chaos/limits.ts [--trials 500]
 */
import { parseArgs } from 'node:util'
import { scriptedJobs } from '../support/executors.ts'
import { runTrials, type TrialReport } from '../support/limit-trials.ts'

const { values } = parseArgs({ options: { trials: { type: 'string', default: '500' } } })
const jobs = await scriptedJobs()
const startedAt = performance.now()
const reports = await runTrials(jobs, {
  trials: Number(values.trials),
  onTrial: ({ name, faults }) => {
    for (const fault of faults) console.log(`${name}: ${fault}`)
  },
})
await jobs.remove()

const byName = new Map<string, TrialReport[]>()
for (const report of reports) {
  byName.set(report.name, [...(byName.get(report.name) ?? []), report])
}
for (const [name, all] of byName) {
  const slowestMs = Math.max(...all.map(({ tookMs }) => tookMs))
  const faulty = all.filter(({ faults }) => faults.length > 0)
  console.log(
    `${name.padEnd(30)} ${String(all.length).padStart(4)} trials, slowest ${String(Math.round(slowestMs)).padStart(5)} ms, ${faulty.length} with faults`,
  )
  if (name === 'all together') console.log(faulty.flatMap(({ faults }) => faults).join('\n'))
}
const seconds = Math.round((performance.now() - startedAt) / 1_000)
console.log(`${values.trials} trials in ${seconds} s, Node ${process.version}`)
process.exitCode = reports.some(({ faults }) => faults.length > 0) ? 1 : 0
