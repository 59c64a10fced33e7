/**
 * What happened, as the processes wrote it down themselves: producers a line for each push that was
 * answered, jobs a line when they begin and when they end. The database is only read at the end, and
 * then both must agree.
 */
import { appendFileSync } from 'node:fs'
import type { Execution } from '../../support/worker-fleet.ts'

/** Something that was done to one process, or to all of them (`pid` null). Times in milliseconds. */
export interface Fault {
  readonly kind: string
  readonly pid: number | null
  readonly from: number
  to: number
  /** Whether a job that ran meanwhile may run again. */
  readonly mayRepeat: boolean
}

export interface FinishedRow {
  readonly id: string
  readonly state: string
  readonly fence: number
  readonly crashes: number
  readonly pid: number | null
}

export interface Verdict {
  readonly jobs: number
  readonly starts: number
  /** Starts beyond the first of each job, all of them explained by a fault. */
  readonly repeats: number
  /** Repeats that began while the run before was still on. */
  readonly overlaps: number
  readonly errors: readonly string[]
}

/** The pushes that were answered. */
export class PushLedger {
  readonly acknowledged = new Set<string>()
  refused = 0
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  acknowledge(id: string): void {
    appendFileSync(this.#file, `${JSON.stringify({ id, at: Date.now() })}\n`)
    this.acknowledged.add(id)
  }

  refuse(): void {
    this.refused++
  }
}

export interface Evidence {
  readonly pushes: PushLedger
  readonly executions: readonly Execution[]
  readonly finished: readonly FinishedRow[]
  readonly live: number
  readonly faults: readonly Fault[]
  /** How long before a fault an attempt may have ended that was not saved yet, in milliseconds. */
  readonly savingMs: number
  /** How long after a fault its consequences may begin, in milliseconds. */
  readonly afterMs: number
}

/** One run of one job: from its first line to its last. */
interface Run {
  readonly id: string
  readonly fence: number
  readonly pid: number
  readonly from: number
  /** Null: the process ended before the job did. */
  readonly to: number | null
  readonly isWhole: boolean
}

/** Compares what the ledgers and the database say. */
export function judge(evidence: Evidence): Verdict {
  const { pushes, finished, live } = evidence
  const errors: string[] = []
  const found = new Map<string, FinishedRow>()
  for (const row of finished) {
    if (found.has(row.id)) errors.push(`${row.id}: finished twice`)
    found.set(row.id, row)
  }
  for (const id of pushes.acknowledged) if (!found.has(id)) errors.push(`${id}: lost`)
  const unknown = finished.filter(({ id }) => !pushes.acknowledged.has(id)).length
  if (unknown > pushes.refused) {
    errors.push(`${unknown} jobs that no push answered for, and only ${pushes.refused} refused`)
  }
  if (live > 0) errors.push(`${live} jobs are still waiting or running`)

  const runs = runsOf(evidence.executions)
  let repeats = 0
  let overlaps = 0
  for (const [id, all] of runs) {
    const row = found.get(id)
    if (row === undefined) errors.push(`${id}: ran and is not there`)
    else errors.push(...contradictions(row, all))
    for (const [n, run] of all.entries()) {
      if (n === 0) continue
      const before = all[n - 1]!
      repeats++
      if (before.to === null || before.to > run.from) overlaps++
      if (run.fence <= before.fence) errors.push(`${id}: fence ${run.fence} after ${before.fence}`)
      if (!isExplained(before, evidence)) {
        errors.push(`${id}: run again for no reason: ${JSON.stringify(all)}`)
      }
    }
  }
  for (const row of finished) {
    if (row.state === 'succeeded' && !runs.has(row.id)) errors.push(`${row.id}: never ran`)
  }
  const starts = [...runs.values()].reduce((sum, all) => sum + all.length, 0)
  return { jobs: finished.length, starts, repeats, overlaps, errors }
}

/** The outcome that is stored is that of the run whose fence is stored, and no other's. */
function contradictions(row: FinishedRow, runs: readonly Run[]): string[] {
  if (row.state !== 'succeeded') {
    return row.crashes >= 3 ? [] : [`${row.id}: ${row.state} after ${row.crashes} crashes`]
  }
  const run = runs.find(({ fence }) => fence === row.fence)
  if (run === undefined) return [`${row.id}: no run has the fence ${row.fence}`]
  if (!run.isWhole) return [`${row.id}: succeeded by a run that did not end`]
  return run.pid === row.pid ? [] : [`${row.id}: the result is of ${row.pid}, not ${run.pid}`]
}

function isExplained(run: Run, { faults, savingMs, afterMs }: Evidence): boolean {
  const end = run.to ?? Number.POSITIVE_INFINITY
  return faults.some(
    ({ mayRepeat, pid, from, to }) =>
      mayRepeat &&
      (pid === null || pid === run.pid) &&
      run.from <= to + afterMs &&
      end >= from - savingMs,
  )
}

/** By job, in the order of their fences. */
function runsOf(executions: readonly Execution[]): Map<string, Run[]> {
  const runs = new Map<string, Run[]>()
  const ends = new Map<string, Execution>()
  for (const line of executions) {
    if (line.what !== 'start') ends.set(`${line.id} ${line.fence} ${line.pid}`, line)
  }
  for (const { what, id, fence, pid, at } of executions) {
    if (what !== 'start') continue
    const end = ends.get(`${id} ${fence} ${pid}`)
    const run = { id, fence, pid, from: at, to: end?.at ?? null, isWhole: end?.what === 'end' }
    runs.set(
      id,
      [...(runs.get(id) ?? []), run].sort((a, b) => a.fence - b.fence),
    )
  }
  return runs
}
