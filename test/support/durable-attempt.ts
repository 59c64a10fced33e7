/** Attempts of a durable job against a memory, with no executor and no database. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type ClaimedJob, queuedJobOf } from '../../src/core/claimed-job.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Context } from '../../src/core/context.ts'
import { detachedContext } from '../../src/core/context.ts'
import { DurableCalls } from '../../src/core/durable/durable-calls.ts'
import type { DurableContext } from '../../src/core/durable/durable-context.ts'
import type { DurableEnd, StepScope } from '../../src/core/durable/durable-end.ts'
import { DurableRun } from '../../src/core/durable/durable-run.ts'
import { StopRequest } from '../../src/core/stop-request.ts'
import type { Transact } from '../../src/core/transact.ts'
import type { DurableMemory } from '../../src/testing/durable-memory.ts'

export type DurableFunction = (ctx: DurableContext) => unknown

export interface AttemptOptions {
  readonly stop?: StopRequest
  readonly clock?: Clock
  readonly patienceMs?: number
  readonly transact?: Transact
  /** Changes what the context gives, such as in a mutant. */
  readonly turn?: (next: () => void) => void
}

const storage = new AsyncLocalStorage<string>()

/** The step whose code runs. */
export const scope: StepScope = {
  get current() {
    return storage.getStore() ?? null
  },
  enter: (step, fn) => storage.run(step, fn),
}

export function claimed(memory: DurableMemory): ClaimedJob {
  return {
    id: memory.id,
    queue: 'default',
    name: 'task',
    args: '{}',
    priority: 3,
    attempts: 1,
    maxAttempts: 5,
    fence: 1,
    ctid: '(0,1)',
    claimSeq: 1,
    position: 1,
    createdMs: 0,
    scheduledMs: null,
    startedMs: memory.nowMs,
    workerId: '01890000-0000-7000-8000-000000000001',
    extras: {},
  }
}

/** One attempt, from the claim to its end; parks and continues the memory as the worker does. */
export async function attempt(
  memory: DurableMemory,
  fn: DurableFunction,
  options: AttemptOptions = {},
): Promise<DurableEnd> {
  const { stop = new StopRequest(), transact = noTransaction, ...others } = options
  const job = claimed(memory)
  const host = memory.begin()
  const run = new DurableRun({ job, host, stop, scope, ...others })
  const base: Context = { ...detachedContext('task'), job: queuedJobOf(job), signal: stop.signal }
  const calls = new DurableCalls({ run, host, job, context: base, transact })
  const end = await run.run(() => fn(calls))
  if (end.kind === 'ended' && end.outcome.kind === 'parked') memory.park(end.outcome.waits)
  else if (end.kind === 'ended' && end.outcome.kind === 'continued') memory.continue()
  else memory.lose()
  return end
}

/** Attempts until the job neither parks nor continues; time is moved to what comes due first. */
export async function toEnd(
  memory: DurableMemory,
  fn: DurableFunction,
  options: AttemptOptions = {},
): Promise<DurableEnd> {
  for (;;) {
    const end = await attempt(memory, fn, options)
    if (end.kind !== 'ended') return end
    if (end.outcome.kind === 'continued') continue
    if (end.outcome.kind !== 'parked') return end
    if (memory.isWoken) continue
    if (memory.nextDueMs === null) return end
    memory.nowMs = memory.nextDueMs
  }
}

const noTransaction: Transact = () => Promise.reject(new Error('no database here'))
