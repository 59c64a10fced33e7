/** Drives executors directly, with no database: attempts to hand over, and what they reported. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import type { ClaimedJob } from '../../dist/core/claimed-job.js'
import type { StoredLimits } from '../../dist/core/limit.js'
import type { Outcome } from '../../dist/core/outcome.js'
import { StopRequest } from '../../dist/core/stop-request.js'
import type { Attempt, Executor } from '../../dist/executors/executor.js'
import { isGroupAlive } from '../../dist/executors/launch/process-group.js'

export { machineMs } from '../../dist/core/clock.js'
// Built files: children can load nothing else.
export { InlineExecutor } from '../../dist/executors/inline-executor.js'
export { loadJobs } from '../../dist/executors/job-modules.js'
export { ProcessExecutor } from '../../dist/executors/process-executor.js'
export { ThreadExecutor } from '../../dist/executors/thread-executor.js'
export { type Attempt, type Executor, isGroupAlive, type Outcome, type StoredLimits }

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export interface ScriptedJobs {
  readonly file: string
  readonly folder: string
  remove(): Promise<void>
}

/** The scripted jobs as JavaScript: a child that compiles them first would be ready a second later. */
export async function scriptedJobs(): Promise<ScriptedJobs> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chancy-scripted-'))
  const source = here('jobs/scripted.ts')
  const { code } = await transform(await readFile(source, 'utf8'), { loader: 'ts' })
  // What they need of the package, without what makes a child slow to start.
  const parts = ['core/job-function.js', 'core/ending.js', 'executors/child-mark.js']
  const exported = parts.map((part) => {
    return `export * from ${JSON.stringify(pathToFileURL(here(`../../dist/${part}`)).href)}`
  })
  await writeFile(path.join(folder, 'chancy.mjs'), exported.join('\n'))
  const file = path.join(folder, 'scripted.mjs')
  await writeFile(file, code.replaceAll(/(["'])chancy\1/g, '"./chancy.mjs"'))
  return { file, folder, remove: () => rm(folder, { recursive: true }) }
}

/** An attempt under way. */
export interface AttemptHandle {
  readonly id: string
  readonly ended: Promise<Outcome>
  readonly stop: StopRequest
  readonly progress: unknown[]
  readonly logged: { readonly level: string; readonly fields: object; readonly message?: string }[]
  /** Resolves with the first progress: the job has begun. */
  readonly begun: Promise<unknown>
}

let count = 0

export function start(
  executor: Executor,
  name: string,
  args: object = {},
  limits: StoredLimits = {},
  permit?: Attempt['permit'],
  durable?: Attempt['durable'],
): AttemptHandle {
  const stop = new StopRequest()
  const progress: unknown[] = []
  const logged: AttemptHandle['logged'] = []
  let begin: (value: unknown) => void = () => {}
  const begun = new Promise<unknown>((resolve) => {
    begin = resolve
  })
  const attempt: Attempt = {
    job: jobOf(name, args),
    limits,
    ...(permit === undefined ? {} : { permit }),
    ...(durable === undefined ? {} : { durable }),
    report: {
      progress: (_job, text) => {
        const value: unknown = JSON.parse(text)
        progress.push(value)
        begin(value)
      },
      log: (_job, level, fields, message) => {
        logged.push({ level, fields, ...(message === undefined ? {} : { message }) })
      },
      outputs: async (_job, step, after) => outputsOf(step, after),
    },
  }
  const ended = executor.run(attempt, stop)
  return { id: attempt.job.id, ended, stop, progress, logged, begun }
}

function jobOf(name: string, args: object): ClaimedJob {
  const number = ++count
  const job = {
    id: `01890000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    queue: 'default',
    name,
    args: JSON.stringify(args),
    priority: 0,
    attempts: 2,
    maxAttempts: 5,
    fence: number,
    seq: number,
    ctid: number,
    createdMs: 1_700_000_000_000,
    scheduledMs: null,
    startedMs: 1_700_000_001_000,
    workerId: '01890000-0000-7000-8000-00000000abcd',
    extras: name === 'reads-outputs' ? { owner_step: 1 } : {},
  }
  return job as unknown as ClaimedJob
}

/** Of a map of 5 items, two a page; what another step is called says how its page is refused. */
function outputsOf(step: string, after: number): Awaited<ReturnType<Attempt['report']['outputs']>> {
  const none = { items: [], hasMore: false }
  if (step === 'gone') throw new TypeError('the database is gone')
  if (step === 'lost' || step === 'unknown' || step === 'no-map' || step === 'open')
    return { fault: step, ...none }
  const items = [1, 2, 3, 4, 5].slice(after, after + 2).map((n) => `{"n":${n}}`)
  return { fault: null, items, hasMore: after + 2 < 5 }
}

/** The result of a job that returned. */
export async function resultOf(handle: AttemptHandle): Promise<unknown> {
  const outcome = await handle.ended
  if (outcome.kind !== 'returned') throw new Error(`ended as ${JSON.stringify(outcome)}`)
  return outcome.result === null ? null : JSON.parse(outcome.result)
}

export function isAlive(pid: number): boolean {
  return isGroupAlive(pid)
}
