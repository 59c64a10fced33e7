/**
 * Durable functions beside those of DBOS and OpenWorkflow, on one server and in turns: steps a second, and how long a
 * function takes to begin and to continue after a signal. Each system is a process of its own with a database of its own.
 *
 *   npm run bench:durable -- [--runs 500] [--steps 10] [--samples 20] [--rounds 5] [--only chancy,dbos,openworkflow]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchServer } from '../support/server.ts'
import { median, shown } from '../support/stats.ts'
import { table } from '../support/table.ts'
import type { Measurement } from './child.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    steps: { type: 'string', default: '10' },
    samples: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'chancy,dbos,openworkflow' },
  },
})
const [runs, steps, samples, rounds] = [
  ...[values.runs, values.steps, values.samples, values.rounds].map(Number),
] as [number, number, number, number]
const ADAPTERS: Readonly<Record<string, string>> = {
  chancy: './chancy.ts',
  dbos: '../peers/dbos.ts',
  openworkflow: '../peers/openworkflow.ts',
}
const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  'steps/s': { what: 'steps', runs, steps },
  'begin, ms': { what: 'start', runs: samples, steps },
  'signal, ms': { what: 'signal', runs: samples, steps },
}
const child = fileURLToPath(new URL('./child.ts', import.meta.url))
/** A system that does not answer is not waited for any longer, in milliseconds. */
const PATIENCE_MS = 300_000

await using server = await benchServer(process.env.DATABASE_URL)
const systems = new Map<string, ChildProcess>()
const figures = new Map<string, Map<string, number[]>>()
for (const name of values.only.split(',')) {
  const adapter = ADAPTERS[name]
  if (adapter === undefined) throw new Error(`${name} is none of ${Object.keys(ADAPTERS)}`)
  await server.query(`DROP DATABASE IF EXISTS bench_durable_${name} WITH (FORCE)`)
  await server.query(`CREATE DATABASE bench_durable_${name}`)
  const url = new URL(server.url)
  url.pathname = `/bench_durable_${name}`
  const orders = JSON.stringify({ adapter, url: url.href })
  const process = fork(child, [orders], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await answerOf(process)
  systems.set(name, process)
  figures.set(name, new Map(Object.keys(MEASUREMENTS).map((what) => [what, []])))
}
for (let round = 0; round <= rounds; round++)
  for (const [what, measurement] of Object.entries(MEASUREMENTS))
    for (const [name, process] of systems) {
      process.send(measurement)
      const { values: found = [], error } = await answerOf(process)
      if (error !== undefined) throw new Error(`${name}: ${error}`)
      console.error(
        `round ${round}  ${what.padEnd(10)} ${name.padEnd(12)} ${shown(median(found), 2)}`,
      )
      // The first round warms up.
      if (round > 0)
        figures
          .get(name)!
          .get(what)!
          .push(...found)
    }
for (const process of systems.values()) process.kill()

const rows = [...figures].map(([name, found]) => [
  name,
  ...[...found].map(([what, all]) => shown(median(all), what === 'steps/s' ? 0 : 2)),
])
console.log(
  `${runs} runs of ${steps} empty steps, 100 concurrently; ${samples} lone functions; medians of ${rounds} rounds in turns; Node ${process.version}`,
)
console.log(table(['', ...Object.keys(MEASUREMENTS)], rows))

/** The next message of a system. */
function answerOf(process: ChildProcess): Promise<{ values?: number[]; error?: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('a system does not answer')), PATIENCE_MS)
    const ended = (): void => reject(new Error('a system has ended'))
    process.once('exit', ended)
    process.once('message', (message) => {
      clearTimeout(timer)
      process.off('exit', ended)
      resolve(message as { values?: number[]; error?: string })
    })
  })
}
