import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../core/clock.ts'
import type { JobDefinition } from '../core/definition.ts'
import { DurableCalls } from '../core/durable/durable-calls.ts'
import type { DurableEnd, StepScope } from '../core/durable/durable-end.ts'
import { DurableRun } from '../core/durable/durable-run.ts'
import { endingOf } from '../core/ending.ts'
import type { Outcome } from '../core/outcome.ts'
import type { StopRequest } from '../core/stop-request.ts'
import type { AroundChain } from './around.ts'
import { AttemptContext, failureLog } from './attempt-context.ts'
import { returnedOutcome, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts'
import type { Attempt } from './executor.ts'

export interface DurableAttemptOptions {
  readonly definition: JobDefinition
  readonly attempt: Attempt
  /** What the function gets as its arguments. */
  readonly input: unknown
  readonly stop: StopRequest
  readonly around: AroundChain | null
  readonly clock: Clock | undefined
}

const storage = new AsyncLocalStorage<string>()

/** The step whose code runs, in whichever attempt of this process: only code of a step has one. */
const scope: StepScope = {
  get current() {
    return storage.getStore() ?? null
  },
  enter: (step, fn) => storage.run(step, fn),
}

/** Runs one attempt of a durable job and returns how it ended. */
export async function runDurableAttempt(options: DurableAttemptOptions): Promise<Outcome> {
  const { definition, attempt, input, stop, around, clock } = options
  const { job, durable: host } = attempt
  if (host === undefined)
    throw new Error(`No record of the durable job "${job.name}" came with it.`)
  const run = new DurableRun({ job, host, stop, scope, ...(clock === undefined ? {} : { clock }) })
  const context = new AttemptContext(attempt, stop)
  const calls = new DurableCalls({ run, host, job, context })
  let end: DurableEnd | null = null
  const called = async (): Promise<unknown> => {
    end = await run.run(() => definition.fn(input, calls))
    if (end.kind === 'threw') throw end.thrown
    return end.kind === 'returned' ? end.value : undefined
  }
  let value: unknown
  try {
    // What plugins put around the function ends with the attempt, also with one that parks.
    value = await (around === null ? called() : around.call(calls, called, failureLog(attempt)))
  } catch (thrown) {
    const cause = calls.causeOf(thrown)
    end = { kind: 'threw', thrown: endingOf(cause)?.kind === 'retry' ? cause : thrown }
  }
  return outcomeOf(end ?? { kind: 'stopped' }, value, attempt, stop)
}

function outcomeOf(end: DurableEnd, value: unknown, attempt: Attempt, stop: StopRequest): Outcome {
  switch (end.kind) {
    case 'returned':
      return stoppedOutcome(attempt, stop, true) ?? returnedOutcome(value)
    case 'threw':
      return stoppedOutcome(attempt, stop, false) ?? thrownOutcome(end.thrown)
    case 'stopped':
      return stoppedOutcome(attempt, stop, false) ?? { kind: 'interrupted' }
    case 'ended':
      return stoppedOutcome(attempt, stop, false) ?? end.outcome
    default:
      return end satisfies never
  }
}
