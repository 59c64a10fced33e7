/**
 * Starts one worker with many queues of the default executor and prints the resident memory of it and
 * its idle children: after the start, after some work in each queue, and after the children that
 * were started for it have gone.
 *
 *   DATABASE_URL=postgresql://… npm run bench:memory -- [--queues 10]
 *
 * Proportional: what processes share is counted once, in parts. Linux only. It is JavaScript, since the
 * loader of TypeScript would be loaded by every child too.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Chancy, Job, Queue, Worker } from 'chancy'

const { values } = parseArgs({ options: { queues: { type: 'string', default: '10' } } })
const url = process.env.DATABASE_URL
if (url === undefined) throw new Error('DATABASE_URL is not set')

const module = path.join(tmpdir(), `chancy-memory-${process.pid}.mjs`)
writeFileSync(
  module,
  `import { job } from ${JSON.stringify(import.meta.resolve('chancy'))}
export const nap = job({ name: 'nap' }, () => new Promise((done) => setTimeout(done, 200)))`,
)
const names = Array.from({ length: Number(values.queues) }, (_, index) => `memory-${index}`)
const chancy = new Chancy(url, { jobs: module, schema: 'bench_memory' })
await chancy.migrate()
for (const name of names) await chancy.declare(new Queue(name))
const worker = new Worker(chancy, { queues: names, signals: false })
const startedAt = performance.now()
await worker.start()
console.log(
  `${names.length} queues, Node ${process.version}: started in ${Math.round(performance.now() - startedAt)} ms`,
)
await sleep(5_000)
report('at rest')
const refs = await chancy.pushMany(
  names.flatMap((name) => Array.from({ length: 10 }, () => Job.named('nap').withQueue(name))),
)
await chancy.waitForJobs(refs)
report('after ten jobs in each queue')
await sleep(15_000)
report('at rest again')
await worker.stop()
await chancy.close()

function report(when) {
  const children = childrenOf(process.pid)
  const sizes = [process.pid, ...children].map((pid) => memoryOf(pid))
  const sum = (key) => `${Math.round(sizes.reduce((total, size) => total + size[key], 0))} MiB`
  console.log(
    `${when}: ${children.length} children, ${sum('resident')} resident (worker ${Math.round(sizes[0].resident)} MiB), ${sum('proportional')} proportional`,
  )
}

function childrenOf(parent) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      const text = read(`/proc/${entry}/stat`)
      return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === parent
    })
    .map(Number)
}

function memoryOf(pid) {
  const text = read(`/proc/${pid}/smaps_rollup`)
  const mib = (field) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1_024
  return { resident: mib('Rss'), proportional: mib('Pss') }
}

function read(file) {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
