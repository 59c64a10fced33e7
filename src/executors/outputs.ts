import { inspect } from '../core/check.ts'
import type { ClaimedJob } from '../core/claimed-job.ts'
import { AttemptError, ConfigError, NotFoundError } from '../core/errors.ts'
import { decodeJson } from '../core/json.ts'
import type { Attempt, OutputsPage } from './executor.ts'

/** What the jobs of a map gave, read by an attempt of another step of the workflow, a page at a time. */
export async function* readOutputs<T>(attempt: Attempt, step: string): AsyncGenerator<T, void> {
  const { job, report } = attempt
  if (typeof step !== 'string')
    throw new ConfigError(`context.outputs: expected the name of a map, got ${inspect(step)}.`)
  if (typeof job.extras.owner_step !== 'number')
    throw new ConfigError(`context.outputs: the job "${job.name}" is no step of a workflow.`)
  for (let after = 0; ; ) {
    const { fault, items, hasMore } = await report.outputs(job, step, after)
    if (fault !== null) throw faultOf(fault, step, job)
    for (const text of items) yield decodeJson(text) as T
    if (!hasMore) return
    after += items.length
  }
}

function faultOf(
  fault: NonNullable<OutputsPage['fault']>,
  step: string,
  job: ClaimedJob,
): AttemptError | ConfigError | NotFoundError {
  const asked = `context.outputs(${inspect(step)})`
  switch (fault) {
    case 'lost':
      return new AttemptError('ATTEMPT_OVER', `${asked}: the attempt of "${job.name}" has ended.`)
    case 'unknown':
      return new NotFoundError(
        'STEP_NOT_FOUND',
        `${asked}: the workflow has no step of this name. A step of an included workflow has the name of the include before its own, as in "etl.pack".`,
        { details: { step } },
      )
    case 'no-map':
      return new ConfigError(
        `${asked}: the step is no map. Take its output as an argument of this step.`,
      )
    case 'open':
      return new ConfigError(`${asked}: the map has not ended. Name it in "after" of this step.`)
    default:
      return fault satisfies never
  }
}
