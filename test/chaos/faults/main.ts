/**
 * Faults on purpose, and an independent account of what came of them.
 *
 *   npm run chaos:faults -- [--mix sessions,kills] [--seconds 60] [--lease 10000] [--together] [--seed 7]
 *
 * Each mix has a server, four workers in processes of their own and a producer. Jobs write down when
 * they begin and end, pushes when they were answered; at the end that is compared with the database.
 * Exit status 1: a job was lost, finished twice, or ran again for no reason, or there was a deadlock.
 */
import { parseArgs } from 'node:util'
import { chance } from '../../support/seed.ts'
import { mixes } from './mixes.ts'
import { type Report, runMix } from './run.ts'

const { values } = parseArgs({
  options: {
    mix: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    lease: { type: 'string', default: '10000' },
    together: { type: 'boolean', default: false },
    seed: { type: 'string' },
  },
})
if (values.seed !== undefined) process.env.CHANCY_SEED = values.seed
const names = values.mix?.split(',') ?? mixes.map(({ name }) => name)
const wanted = names.map((name) => {
  const mix = mixes.find((one) => one.name === name)
  if (mix === undefined) {
    throw new Error(`no mix "${name}", only ${mixes.map((one) => one.name).join(', ')}`)
  }
  return mix
})
const options = {
  seconds: Number(values.seconds),
  leaseMs: Number(values.lease),
  luck: chance('faults'),
}
const heading = ['mix', 'faults', 'jobs', 'starts', 'repeats', 'overlaps', 'refused', 'deadlocks']
console.log(`| ${heading.join(' | ')} |`)
console.log(`| --- |${' ---: |'.repeat(heading.length - 1)}`)
let isWrong = false
for (const group of values.together ? [wanted] : wanted.map((mix) => [mix])) {
  const report = await runMix(group, options)
  console.log(rowOf(report))
  for (const error of report.errors.slice(0, 10)) console.log(`WRONG ${error}`)
  if (report.errors.length > 10) console.log(`WRONG and ${report.errors.length - 10} more`)
  isWrong ||= report.errors.length > 0
}
process.exitCode = isWrong ? 1 : 0

function rowOf(report: Report): string {
  const { mix, strikes, jobs, starts, repeats, overlaps, refused, deadlocks } = report
  return `| ${[mix, strikes, jobs, starts, repeats, overlaps, refused, deadlocks].join(' | ')} |`
}
