/**
 * Trials of limits and kills: each kind of ending is brought about, beside jobs that must not
 * notice, and everything that has to hold of it is checked.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AttemptHandle,
  isAlive,
  type Outcome,
  ProcessExecutor,
  resultOf,
  type ScriptedJobs,
  type StoredLimits,
  start,
} from './executors.ts'

const MIB = 1_024 ** 2
export const KILL_AFTER_MS = 200
/** What an end may take beyond the limit and `killAfter` on a quiet machine, in milliseconds. */
const SLACK_MS = 500
const TIME_MS = 300
const MEMORY_BYTES = 160 * MIB

interface Ending {
  readonly job: string
  readonly args?: object
  readonly limits?: StoredLimits
  readonly kind: Outcome['kind']
  /** Cancelled this long after it began, in milliseconds. */
  readonly cancelAfterMs?: number
}

export const ENDINGS: Readonly<Record<string, Ending>> = {
  'endless loop': { job: 'spin', limits: { timeMs: TIME_MS }, kind: 'timed-out' },
  'endless wait': { job: 'hang', limits: { timeMs: TIME_MS }, kind: 'timed-out' },
  'ignored SIGTERM': { job: 'ignore-sigterm', limits: { timeMs: TIME_MS }, kind: 'timed-out' },
  'grandchild left behind': { job: 'grandchild', limits: { timeMs: TIME_MS }, kind: 'timed-out' },
  'heap growth': { job: 'grow-heap', limits: { memoryBytes: MEMORY_BYTES }, kind: 'over-memory' },
  'slow growth': { job: 'grow-slowly', limits: { memoryBytes: MEMORY_BYTES }, kind: 'over-memory' },
  'fast growth': { job: 'grow-fast', limits: { memoryBytes: MEMORY_BYTES }, kind: 'over-memory' },
  '1 GiB in one allocation': {
    job: 'grow-at-once',
    limits: { memoryBytes: MEMORY_BYTES },
    kind: 'over-memory',
  },
  '1 GiB in one allocation, thrown again': {
    job: 'grow-at-once',
    args: { rethrow: true },
    limits: { memoryBytes: MEMORY_BYTES },
    kind: 'over-memory',
  },
  'process.exit(0)': { job: 'exit-zero', kind: 'child-lost' },
  'process.abort()': { job: 'abort', kind: 'child-lost' },
  'killed from outside': { job: 'killed', kind: 'child-lost' },
  'unhandled rejection': { job: 'rejects', kind: 'threw' },
  'result that cannot be stored': { job: 'unstorable', kind: 'not-storable' },
  'cancelled loop': { job: 'spin', kind: 'cancelled', cancelAfterMs: 20 },
  'cancelled, ignoring SIGTERM': { job: 'ignore-sigterm', kind: 'cancelled', cancelAfterMs: 20 },
}

export interface TrialReport {
  readonly name: string
  readonly tookMs: number
  /** What did not hold. */
  readonly faults: readonly string[]
}

export interface TrialOptions {
  readonly trials: number
  readonly onTrial?: (report: TrialReport) => void
  /** Default: 500, for a machine that does nothing else. */
  readonly slackMs?: number
}

/** Runs `trials` of them in turn, a few at a time, beside short jobs that run all the while. */
export async function runTrials(
  jobs: ScriptedJobs,
  { trials, onTrial = () => {}, slackMs = SLACK_MS }: TrialOptions,
): Promise<TrialReport[]> {
  // One job at a time in a child on every machine: of several that ran in a child which was killed
  // from outside, the culprit is not known.
  const options = { jobs: [jobs.file], concurrency: 2, killAfterMs: KILL_AFTER_MS }
  const executor = new ProcessExecutor(options)
  await executor.start()
  const pids = new Set<number>()
  const watch = watchMemory(executor, pids, slackMs)
  const others = bystanders(executor)
  const names = Object.keys(ENDINGS)
  const reports: TrialReport[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let index = next++; index < trials; index = next++) {
      const report = await trial(executor, names[index % names.length]!, slackMs)
      reports.push(report)
      onTrial(report)
    }
  }
  await Promise.all([lane(), lane(), lane()])
  const spoilt = await others.stop()
  await executor.stop({ graceMs: 1_000 })
  await watch.stop()
  const left = [...pids].filter(isAlive)
  const faults = [
    ...spoilt.map((kind) => `a job beside it ended ${kind}`),
    ...left.map((pid) => `process ${pid} is left behind`),
    ...watch.faults,
  ]
  if (faults.length > 0) reports.push({ name: 'all together', tookMs: 0, faults })
  return reports
}

async function trial(
  executor: ProcessExecutor,
  name: string,
  slackMs: number,
): Promise<TrialReport> {
  const { job, args, limits, kind, cancelAfterMs } = ENDINGS[name]!
  const faults: string[] = []
  const run: AttemptHandle = start(executor, job, args, limits)
  let begunAt = performance.now()
  const hasBegun = run.begun.then((value) => {
    begunAt = performance.now()
    return value
  })
  if (cancelAfterMs !== undefined) {
    await hasBegun
    await sleep(cancelAfterMs)
    begunAt = performance.now()
    run.stop.ask('cancelled')
  }
  const outcome = await run.ended
  const tookMs = performance.now() - begunAt
  if (outcome.kind !== kind) faults.push(`ended ${JSON.stringify(outcome)} and not ${kind}`)
  const mayTakeMs = (limits?.timeMs ?? 0) + KILL_AFTER_MS + slackMs
  const isTimed = limits?.timeMs !== undefined || cancelAfterMs !== undefined
  if (isTimed && tookMs > mayTakeMs) {
    faults.push(`took ${Math.round(tookMs)} ms and not ${mayTakeMs}`)
  }
  if (job === 'grandchild' && isRunning(Number(run.progress[0]))) {
    faults.push(`its grandchild ${run.progress[0]} is left behind`)
  }
  return { name, tookMs, faults }
}

/** Short jobs, one after the other, none of which may notice. */
function bystanders(executor: ProcessExecutor): { stop(): Promise<string[]> } {
  const spoilt: string[] = []
  let isOver = false
  const going = (async () => {
    for (let value = 0; !isOver; value++) {
      try {
        const result = await resultOf(start(executor, 'ok', { value }))
        if (result !== value) spoilt.push(`with ${result}`)
      } catch (error) {
        spoilt.push((error as Error).message)
      }
      await sleep(2)
    }
  })()
  return {
    stop: async () => {
      isOver = true
      await going
      return spoilt
    },
  }
}

/** Notes all children, and which was above its limit by a quarter for longer than `slackMs`. */
function watchMemory(executor: ProcessExecutor, pids: Set<number>, slackMs: number) {
  const faults: string[] = []
  const since = new Map<number, number>()
  let isOver = false
  const going = (async () => {
    while (!isOver) {
      for (const pid of executor.pids) {
        pids.add(pid)
        if (residentOf(pid) <= MEMORY_BYTES * 1.25) since.delete(pid)
        else if (!since.has(pid)) since.set(pid, performance.now())
        else if (performance.now() - since.get(pid)! > slackMs) {
          faults.push(`process ${pid} held ${residentOf(pid)} bytes`)
        }
      }
      await sleep(20)
    }
  })()
  return {
    faults,
    stop: () => {
      isOver = true
      return going
    },
  }
}

function residentOf(pid: number): number {
  try {
    return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1_024
  } catch {
    return 0
  }
}

/** A zombie does not run, although it keeps its process id until it is reaped. */
export function isRunning(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(text.slice(text.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
