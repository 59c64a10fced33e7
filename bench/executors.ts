/**
 * Runs empty jobs through the `process` and `thread` executors directly, with no database, and
 * prints jobs per second.
 *
 *   npm run bench:executors -- [--jobs 100000] [--runs 5] [--concurrency 2]
 *       [--kinds process,thread] [--per-child 100] [--time-limit 60000]
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { ClaimedJob } from '../src/core/claimed-job.ts'
import type { StoredLimits } from '../src/core/limit.ts'
import { StopRequest } from '../src/core/stop-request.ts'
import type { Attempt, AttemptReport, Executor } from '../src/executors/executor.ts'
import { median, perSecond, shown } from './support/stats.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '2' },
    kinds: { type: 'string', default: 'process,thread' },
    'per-child': { type: 'string' },
    'time-limit': { type: 'string' },
  },
})
const count = Number(values.jobs)
const perChild = values['per-child']
const limits: StoredLimits =
  values['time-limit'] === undefined ? {} : { timeMs: Number(values['time-limit']) }

// The built package, as it is installed: the sources would be compiled again in each child.
const dist = new URL('../dist/executors/', import.meta.url)
const { ProcessExecutor } = await import(new URL('process-executor.js', dist).href)
const { ThreadExecutor } = await import(new URL('thread-executor.js', dist).href)
const module = path.join(tmpdir(), `chancy-bench-${process.pid}.mjs`)
writeFileSync(
  module,
  `import { job } from ${JSON.stringify(new URL('../dist/core/job-function.js', import.meta.url).href)}
export const empty = job({ name: 'empty' }, () => {})`,
)

const settings = {
  jobs: [module],
  concurrency: Number(values.concurrency),
  ...(perChild === undefined ? {} : { maximumJobsPerChild: Number(perChild) }),
}
const kinds = values.kinds.split(',')
const rates = new Map<string, number[]>(kinds.map((kind) => [kind, []]))
const executors = new Map<string, Executor>()
for (const kind of kinds) {
  const Kind = kind === 'process' ? ProcessExecutor : ThreadExecutor
  const executor = new Kind(settings) as Executor
  await executor.start()
  executors.set(kind, executor)
}
for (let run = 0; run <= Number(values.runs); run++) {
  for (const [kind, executor] of executors) {
    const startedAt = performance.now()
    await drain(executor)
    const rate = perSecond(count, performance.now() - startedAt)
    // The first one warms up.
    if (run > 0) rates.get(kind)!.push(rate)
    console.log(`${run === 0 ? 'warm-up' : `run ${run}`} ${kind}: ${shown(rate)} jobs/s`)
  }
}
for (const executor of executors.values()) await executor.stop({ graceMs: 1_000 })

console.log(
  `${shown(count)} empty jobs, concurrency ${values.concurrency}, as many handed over as it asks for, ` +
    `maximumJobsPerChild ${perChild ?? 'default'}, limits ${JSON.stringify(limits)}, Node ${process.version}`,
)
for (const [kind, all] of rates) {
  console.log(`median ${kind}: ${shown(median(all))} jobs/s`)
}

/** As a worker does: hands over what may run concurrently, and what the executor prefetches beyond that. */
function drain(executor: Executor): Promise<void> {
  const outputs = (): Promise<never> => Promise.reject(new Error('no workflow'))
  const report: AttemptReport = { progress: () => {}, log: () => {}, outputs }
  let begun = 0
  let ended = 0
  return new Promise((resolve, reject) => {
    const fill = (): void => {
      const room = settings.concurrency + executor.ahead
      while (begun < count && begun - ended < room) {
        const attempt: Attempt = { job: jobOf(begun++), limits, report }
        executor.run(attempt, new StopRequest()).then(({ kind }) => {
          if (kind !== 'returned') reject(new Error(`an empty job ended ${kind}`))
          if (++ended === count) resolve()
          else fill()
        }, reject)
      }
    }
    fill()
  })
}

function jobOf(index: number): ClaimedJob {
  return {
    id: `01890000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    queue: 'default',
    name: 'empty',
    args: '{}',
    priority: 0,
    attempts: 1,
    maxAttempts: 1,
    fence: index,
    ctid: index,
    createdMs: 1_700_000_000_000,
    scheduledMs: null,
    startedMs: 1_700_000_000_000,
    workerId: '01890000-0000-7000-8000-000000000000',
    extras: {},
  } as unknown as ClaimedJob
}
