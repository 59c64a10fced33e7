import { jobNotFound } from '../../core/errors.ts'
import type { Explanation, OpenStep, QueueExplanation, WaitReason } from '../../core/explanation.ts'
import { isFinished, type JobState } from '../../core/queued-job.ts'
import { shownWaits } from '../../core/shown-waits.ts'
import { storedJson, storedObject, storedTexts } from '../../core/stored.ts'
import { matchesTags } from '../../core/tags.ts'
import type { StepState } from '../../core/workflow-state.ts'
import { plainArray } from '../../database/array-literal.ts'
import { type ExplainRow, explainJob, explainQueue } from '../../database/statements/explain.ts'
import { getFlow } from '../../database/statements/flows.ts'
import { getStates } from '../../database/statements/queued-jobs.ts'
import type { StatementRunner } from '../statement-runner.ts'

/** Jobs ahead are counted to this. */
const AHEAD_BOUND = 1_000
/** Open steps that a step waits for are named to this. */
const STEPS_BOUND = 100
/** Paused workers are named to this. */
const WORKERS_BOUND = 100
/** Jobs of a queue are counted to this, by reason. */
const QUEUE_BOUND = 10_000
/** Groups, and running jobs, of all queues that are looked at for one. */
const LOOK_BOUND = 50_000

interface LivingWorker {
  readonly id: string
  readonly label: string | null
  readonly tags: readonly string[]
  readonly names: readonly string[]
  /** Those whose jobs it can run, which are fewer than its tags allow when its options say so. */
  readonly queues: readonly string[]
  /** Why it cannot run others that are for it, by name. */
  readonly refusals: Readonly<Record<string, string>>
  readonly isPaused: boolean
}

/** Says why a job waits: every gate is data, so this only reads. */
export async function explain(statements: StatementRunner, id: string): Promise<Explanation> {
  const [row] = await statements.read(explainJob, [id, AHEAD_BOUND + 1])
  if (row !== undefined) return explained(row)
  const [known] = await statements.read(getStates, [plainArray([id])])
  if (known !== undefined) return { state: known.state as JobState, runnable: false, reasons: [] }
  const batch = await explainedBatch(statements, id)
  if (batch === null) throw jobNotFound(id)
  return batch
}

/** What the callbacks of a batch wait for, or null: the id is of no batch. */
async function explainedBatch(
  statements: StatementRunner,
  id: string,
): Promise<Explanation | null> {
  const [flow] = await statements.read(getFlow, [id])
  if (flow?.kind !== 'batch') return null
  const { state, total, open, is_pushing: isPushing } = flow
  if (state !== 'running') return { state, runnable: false, reasons: [] }
  const reasons = [{ kind: 'batch', batch: id, total, open, isPushing } as const]
  return { state: 'pending', runnable: false, reasons }
}

/** The waiting jobs of a queue, counted by what keeps them. */
export async function explainByQueue(
  statements: StatementRunner,
  queue: string,
): Promise<QueueExplanation> {
  const values = [queue, QUEUE_BOUND + 1, LOOK_BOUND] as const
  const [row] = await statements.read(explainQueue, values)
  const count = (found = 0, isCut = false) => ({
    jobs: Math.min(found, QUEUE_BOUND),
    hasMore: found > QUEUE_BOUND || isCut,
  })
  const state = (row?.queue_state ?? 'undeclared') as QueueExplanation['state']
  const workers = row?.tags == null ? [] : workersOf(queue, row.tags, row.workers)
  const hasWorker = workers.length > 0
  const ifHeld = (isHeld: boolean) => count(isHeld ? row?.ready : 0)
  return {
    queue,
    state,
    counts: {
      ready: count(row?.ready),
      'queue-paused': ifHeld(state === 'paused'),
      'queue-undeclared': ifHeld(state === 'undeclared'),
      'no-worker': ifHeld(state !== 'undeclared' && !hasWorker),
      'workers-paused': ifHeld(hasWorker && workers.every(({ isPaused }) => isPaused)),
      'rate-limit': ifHeld(row?.next_start_ms != null),
      scheduled: count(row?.scheduled),
      backoff: count(row?.backoff),
      dependency: count(row?.dependency),
      durable: count(row?.durable),
      concurrency: count(row?.blocked, row?.blocked_more),
      'function-unknown': count(row?.parked),
      running: count(row?.running, row?.running_more),
    },
  }
}

function explained(row: ExplainRow): Explanation {
  const state = row.state as JobState
  if (state === 'running' || isFinished(state)) return { state, runnable: false, reasons: [] }
  const reasons = [
    ...stepReasons(row),
    ...openReasons(row),
    ...timeReasons(row),
    ...queueReasons(row),
    ...limitReasons(row),
    ...lineReasons(row),
  ]
  const runnable = reasons.every(({ kind }) => kind === 'behind')
  const times = reasons.flatMap(startOf)
  if (times.length === 0) return { state, runnable, reasons }
  return { state, runnable, reasons, earliestStart: new Date(Math.max(...times)) }
}

function stepReasons({ waits, workflow, waits_for: waitsFor }: ExplainRow): WaitReason[] {
  if (waits !== 'steps' || workflow === null) return []
  const stored = storedJson(waitsFor)
  const steps = (Array.isArray(stored) ? stored : []).map(storedObject).map(openStep)
  const hasMore = steps.length > STEPS_BOUND
  return [{ kind: 'dependency', workflow, waitsFor: steps.slice(0, STEPS_BOUND), hasMore }]
}

function openStep({ step, job, state }: Readonly<Record<string, unknown>>): OpenStep {
  return {
    step: String(step),
    job: typeof job === 'string' ? job : null,
    state: state as StepState,
  }
}

/** What a durable job waits for without a slot. */
function openReasons({ waits, waits_for: waitsFor }: ExplainRow): WaitReason[] {
  if (waits !== 'wait') return []
  return shownWaits(storedJson(waitsFor)).map(({ kind, name, signals, until }): WaitReason => {
    if (kind === 'signal') return { kind, signals, until }
    return kind === 'job' || until === null
      ? { kind: 'job', step: name }
      : { kind: 'scheduled', at: until }
  })
}

function timeReasons({ run_ms, scheduled_ms, now_ms, waits }: ExplainRow): WaitReason[] {
  // The time of a durable job is that of one of its waits.
  if (waits === 'wait') return []
  if (run_ms === null || run_ms <= now_ms) return []
  const at = new Date(run_ms)
  return [run_ms === scheduled_ms ? { kind: 'scheduled', at } : { kind: 'backoff', until: at }]
}

function queueReasons(row: ExplainRow): WaitReason[] {
  const { queue, name } = row
  if (row.queue_state === null || row.tags === null) return [{ kind: 'queue-undeclared', queue }]
  const reasons: WaitReason[] = []
  const isResumed = row.resume_ms !== null && row.resume_ms <= row.now_ms
  if (row.queue_state === 'paused' && !isResumed) {
    const resumeAt = row.resume_ms === null ? null : new Date(row.resume_ms)
    reasons.push({ kind: 'queue-paused', queue, resumeAt })
  }
  const tags = storedTexts(storedJson(row.tags))
  const workers = workersOf(queue, row.tags, row.workers)
  const able = workers.filter(({ names }) => names.includes(name))
  if (workers.length === 0) reasons.push(noWorker(queue, tags, row.workers))
  else if (able.length === 0) reasons.push({ kind: 'function-unknown', name })
  else if (able.every(({ isPaused }) => isPaused)) reasons.push(workersPaused(queue, able))
  return reasons
}

function workersPaused(queue: string, paused: readonly LivingWorker[]): WaitReason {
  const workers = paused.slice(0, WORKERS_BOUND).map(({ id, label }) => ({ id, label }))
  return { kind: 'workers-paused', queue, workers, hasMore: paused.length > WORKERS_BOUND }
}

function noWorker(queue: string, tags: readonly string[], workers: string): WaitReason {
  const living = livingWorkers(workers)
  const refusals = new Set(
    living
      .filter((worker) => Object.hasOwn(worker.refusals, queue) && matchesTags(tags, worker.tags))
      .map((worker) => worker.refusals[queue]!),
  )
  const reason = { kind: 'no-worker', queue, tags } as const
  return refusals.size === 0 ? reason : { ...reason, refusals: [...refusals] }
}

/** The living workers that work on a queue. Both texts are JSON. */
function workersOf(queue: string, tags: string, workers: string): LivingWorker[] {
  const patterns = storedTexts(storedJson(tags))
  return livingWorkers(workers).filter(
    (worker) => worker.queues.includes(queue) && matchesTags(patterns, worker.tags),
  )
}

function livingWorkers(workers: string): LivingWorker[] {
  const stored = storedJson(workers)
  if (!Array.isArray(stored)) return []
  return stored.map(storedObject).map(({ id, label, tags, names, queues, refusals, paused }) => ({
    id: String(id),
    label: typeof label === 'string' ? label : null,
    tags: storedTexts(tags),
    names: storedTexts(names),
    queues: storedTexts(queues),
    refusals: Object.fromEntries(
      Object.entries(storedObject(refusals)).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    ),
    isPaused: paused === true,
  }))
}

function limitReasons(row: ExplainRow): WaitReason[] {
  const reasons: WaitReason[] = []
  const { concurrency_key: group, concurrency_max: max, running } = row
  if (group !== null && max !== null && (row.blocked || running >= max)) {
    reasons.push({
      kind: 'concurrency',
      group,
      max,
      running,
      holders: [...storedTexts(storedJson(row.holders))],
    })
  }
  if (row.rate_max !== null && row.rate_per_ms !== null && row.next_start_ms !== null) {
    const nextStart = new Date(row.next_start_ms)
    reasons.push({ kind: 'rate-limit', max: row.rate_max, perMs: row.rate_per_ms, nextStart })
  }
  return reasons
}

function lineReasons({ ahead }: ExplainRow): WaitReason[] {
  if (ahead === 0) return []
  return [{ kind: 'behind', ahead: Math.min(ahead, AHEAD_BOUND), hasMore: ahead > AHEAD_BOUND }]
}

function startOf(reason: WaitReason): number[] {
  switch (reason.kind) {
    case 'scheduled':
      return [reason.at.getTime()]
    case 'backoff':
      return [reason.until.getTime()]
    case 'queue-paused':
      return reason.resumeAt === null ? [] : [reason.resumeAt.getTime()]
    case 'rate-limit':
      return [reason.nextStart.getTime()]
    default:
      return []
  }
}
