import type { Clock } from '../core/clock.ts'
import type { JobDefinition } from '../core/definition.ts'
import { decodeJson } from '../core/json.ts'
import type { Outcome } from '../core/outcome.ts'
import { validateInput } from '../core/standard-schema.ts'
import type { StopRequest } from '../core/stop-request.ts'
import { isThenable } from '../core/thenable.ts'
import type { AroundChain } from './around.ts'
import { AttemptContext, failureLog } from './attempt-context.ts'
import { returnedOutcome, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts'
import { runChunkAttempt } from './chunk-attempt.ts'
import { runDurableAttempt } from './durable-attempt.ts'
import type { Attempt } from './executor.ts'

/**
 * Calls the function of a job and returns how it ended. This is the innermost part of every executor;
 * the thread and process ones run it in their children.
 *
 * @param clock By it a durable job counts short sleeps and the timeouts of its steps. Default: the system's.
 */
export async function runAttempt(
  definition: JobDefinition,
  attempt: Attempt,
  stop: StopRequest,
  around: AroundChain | null = null,
  clock?: Clock,
): Promise<Outcome> {
  try {
    if (definition.chunk !== null) return await runChunkAttempt(definition, attempt, stop, around)
    const args = decodeJson(attempt.job.args)
    const input =
      definition.schema === null ? args : await validateInput(definition.schema, args, 'args')
    if (definition.isDurable)
      return await runDurableAttempt({ definition, attempt, input, stop, around, clock })
    const context = new AttemptContext(attempt, stop)
    const returned =
      around === null
        ? definition.fn(input, context)
        : around.call(context, () => definition.fn(input, context), failureLog(attempt))
    const value = isThenable(returned) ? await returned : returned
    return stoppedOutcome(attempt, stop, true) ?? returnedOutcome(value)
  } catch (thrown) {
    return stoppedOutcome(attempt, stop, false) ?? thrownOutcome(thrown)
  }
}
