/** Chancy beside its peers, in one run on one machine: `npm run bench -- --help`. */
import { fork } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { noteOfLength } from '../support/stats.ts'
import type { Spec, Stats } from './measure.ts'
import { optionsOf, usage } from './options.ts'
import type { Row } from './rows.ts'
import { type Runtime, runtimeOf } from './runtime.ts'
import { Servers } from './servers.ts'
import { compiledChild } from './sibling.ts'
import type { System } from './systems.ts'
import { median, printTable, shown } from './table.ts'

/** What a measurement may take beyond the limit of its drain: to fill, to count, to close. */
const GRACE_MS = 120_000
const SAID_BYTES = 2_000

const options = optionsOf(process.argv.slice(2))
if (options.isHelp) {
  console.log(usage)
  process.exit()
}

const measured = new Map<string, { stats: Stats[]; reason?: string }>()
const runtimes = new Map<string, Runtime>()
const measurements = [...new Map(options.rows.map((row) => [row.measurement, row])).values()]

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
await using servers = new Servers()
const server = await servers.describe()
for (let round = 1; round <= options.rounds; round++) {
  for (const row of measurements) {
    for (const system of options.systems) await take(round, row, system)
  }
}
const text = report()
console.log(`\n${text}`)
save(text)

async function take(round: number, row: Row, system: System): Promise<void> {
  const record = recordOf(system, row)
  // What failed once would fail, or take its limit, again.
  if (record.reason !== undefined) return
  const lacking = system.lacks(row)
  if (lacking !== null) {
    record.reason = lacking
    return
  }
  try {
    const runtime = runtimeOf(system, options.sameNode)
    runtimes.set(system.name, runtime)
    const stats = await inChild(runtime.node, {
      system: system.name,
      stores: await servers.storesOf(system),
      what: row,
      ...options,
    })
    record.stats.push(stats)
    const said = Object.entries(stats).map(([name, value]) => `${name} ${shown(value)}`)
    progress(`round ${round}  ${row.measurement.padEnd(18)} ${system.name.padEnd(16)} ${said}`)
  } catch (error) {
    record.reason = error instanceof Error ? error.message : String(error)
    progress(`round ${round}  ${row.measurement.padEnd(18)} ${system.name}: ${record.reason}`)
  }
}

/** A process for each, so that no heap, no compiled code and no connection of one is met by the next. */
function inChild(node: string, { system, stores, what, ...rest }: Spec): Promise<Stats> {
  const { jobs, seconds, samples, load, limitSeconds } = rest
  const spec: Spec = {
    system,
    stores,
    what,
    jobs,
    seconds,
    samples,
    limitSeconds,
    ...(load !== undefined && { load }),
  }
  const child = fork(fileURLToPath(compiledChild), [JSON.stringify(spec)], {
    execPath: node,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let answer: { stats?: Stats; error?: string } | null = null
  let said = ''
  child.stderr!.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-SAID_BYTES)
  })
  return new Promise((resolve, reject) => {
    const limitMs = limitSeconds * 1_000 + GRACE_MS
    const timer = setTimeout(() => {
      answer ??= { error: `not done after ${limitMs / 1_000} s` }
      child.kill('SIGKILL')
    }, limitMs)
    child.on('message', (message) => {
      answer = message as typeof answer
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      if (answer?.stats !== undefined) return resolve(answer.stats)
      const why = answer?.error ?? `its process ended with ${signal ?? code}`
      reject(new Error([why, ...said.split('\n').filter(Boolean).slice(0, 3)].join(' · ')))
    })
  })
}

function recordOf(system: System, row: Row) {
  const key = `${system.name} ${row.measurement}`
  const record = measured.get(key) ?? { stats: [] }
  measured.set(key, record)
  return record as { stats: Stats[]; reason?: string }
}

function report(): string {
  const table = printTable(options.systems, options.rows, (system, row) => {
    const { stats, reason } = recordOf(system, row)
    const values = stats.map((one) => one[row.figure]!)
    return { values, ...(reason !== undefined && { reason }) }
  })
  const used = options.systems.map((system) => {
    const runtime = runtimes.get(system.name)
    const release = runtime ? `${runtime.version} on Node ${runtime.nodeVersion}` : 'not run'
    return `${system.label} (${release}): ${system.configuration}`
  })
  return [
    `${options.rounds} rounds, each of them every row, and in it every system in turn, each in a fresh process. ` +
      `${shown(options.jobs)} empty jobs a drain, from the start of the worker to the last stored outcome; ` +
      `single pushes for ${options.seconds} s; ${options.samples} latencies of lone pushes about 20 ms apart, from the call of push to the first line of the job.`,
    'PostgreSQL is given ANALYZE and CHECKPOINT after the filling and before the clock starts; an embedded one reuses files of its ' +
      'log, as one does that has run for a while. Memory is the resident set of the process of the worker alone, with Node in it.',
    `${cpus()[0]?.model}, ${availableParallelism()} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}. ` +
      `PostgreSQL ${process.env.DATABASE_URL === undefined ? 'embedded' : 'of DATABASE_URL'}: ` +
      `${Object.entries(server).map(([name, value]) => `${name} ${value}`)}.`.replaceAll(',', ', '),
    '',
    table,
    '',
    ...used,
    loadNote(),
    noteOfLength(options.jobs),
  ]
    .filter((line) => line !== null)
    .join('\n')
}

function loadNote(): string | null {
  const loaded = measurements.filter((row) => row.what === 'latency' && row.load)
  if (loaded.length === 0) return null
  const rates = loaded.map((row) => {
    const each = options.systems.flatMap((system) => {
      const loads = recordOf(system, row).stats.map(({ load }) => load!)
      return loads.length === 0 ? [] : [`${system.name} ${shown(median(loads))}`]
    })
    return `${row.measurement}: ${each.join(', ')}`
  })
  const meaning =
    options.load === undefined
      ? 'half of the rate at which the system takes single pushes of 64 callers and runs them at the same time, measured just before'
      : `${options.load} jobs/s, the same for all`
  return `Load: single pushes at an even rate, ${meaning}; jobs/s reached: ${rates.join('; ')}.`
}

function save(text: string): void {
  const directory = new URL('../results/', import.meta.url)
  mkdirSync(directory, { recursive: true })
  const at = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const results = {
    at,
    server,
    runtimes: Object.fromEntries(runtimes),
    options: { ...options, systems: options.systems.map(({ name }) => name), rows: undefined },
    measured: Object.fromEntries(measured),
  }
  writeFileSync(new URL(`peers-${at}.json`, directory), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(new URL(`peers-${at}.md`, directory), `${text}\n`)
  console.log(`\nbench/results/peers-${at}.json and .md`)
}

function progress(line: string): void {
  console.error(line)
}
