import { inspect } from '../core/check.ts'
import { type ChunkItem, type ChunkPart, decodeChunk } from '../core/chunk.ts'
import type { JobDefinition } from '../core/definition.ts'
import { decodeJson } from '../core/json.ts'
import type { Outcome } from '../core/outcome.ts'
import { validateInput } from '../core/standard-schema.ts'
import type { StopRequest } from '../core/stop-request.ts'
import type { AroundChain } from './around.ts'
import { AttemptContext, failureLog } from './attempt-context.ts'
import { returnedOutcome, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts'
import type { Attempt } from './executor.ts'

/**
 * Calls the function of a chunk with all of its jobs. What it returns is one outcome a job, in their order, as the
 * result of the attempt: so a chunk travels as any attempt does. A throw is an outcome of the attempt, for all of them.
 */
export async function runChunkAttempt(
  definition: JobDefinition,
  attempt: Attempt,
  stop: StopRequest,
  around: AroundChain | null,
): Promise<Outcome> {
  const parts = decodeChunk(attempt.job.args)
  const outcomes: (Outcome | null)[] = []
  const items: ChunkItem[] = []
  const places: number[] = []
  for (const [place, part] of parts.entries()) {
    try {
      items.push(
        itemOf(part, await inputOf(definition, part), (error) => {
          outcomes[place] = thrownOutcome(error)
        }),
      )
      places.push(place)
      outcomes.push(null)
    } catch (error) {
      outcomes.push(thrownOutcome(error))
    }
  }
  if (items.length > 0) {
    const first = { ...attempt, job: { ...attempt.job, args: parts[0]![3] } }
    const context = new AttemptContext(first, stop)
    const call = (): unknown => definition.fn(items, context)
    const returned = await (around === null
      ? call()
      : around.call(context, call, failureLog(first)))
    const stopped = stoppedOutcome(attempt, stop, true)
    if (stopped !== null) return stopped
    const results = resultsOf(returned, items.length, definition.name)
    for (const [i, place] of places.entries()) outcomes[place] ??= returnedOutcome(results[i])
  }
  return { kind: 'returned', result: JSON.stringify(outcomes) }
}

function inputOf({ schema }: JobDefinition, [, , , args]: ChunkPart): unknown {
  const given = decodeJson(args)
  return schema === null ? given : validateInput(schema, given, 'args')
}

function itemOf(
  [id, attempt, fence]: ChunkPart,
  args: unknown,
  fail: (error: unknown) => void,
): ChunkItem {
  return Object.freeze({ id, args, attempt, fence, fail })
}

function resultsOf(returned: unknown, count: number, name: string): readonly unknown[] {
  if (returned === undefined) return []
  if (Array.isArray(returned) && returned.length === count) return returned
  const got = Array.isArray(returned) ? `an array of ${returned.length}` : inspect(returned)
  throw new TypeError(
    `The chunk of "${name}" returned ${got}: return an array with the results of its ${count} jobs in their order, or nothing.`,
  )
}
