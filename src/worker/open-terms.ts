import { DEFAULT_MAX_ATTEMPTS, type JobDefinition } from '../core/definition.ts'
import type { Logger } from '../core/logger.ts'
import { DEFAULT_QUEUE } from '../core/queue.ts'
import type { MaxAttemptsOf } from '../database/rows.ts'

/**
 * Decides the attempts of jobs that were pushed by their name alone. The queue and the concurrency
 * limit cannot be decided so late; where the definition has them and the job does not, the log says so, once
 * a name.
 */
export function openTerms(
  definitions: ReadonlyMap<string, JobDefinition>,
  log: Logger,
): MaxAttemptsOf {
  const said = new Set<string>()
  return (name, queue, { concurrency_key }) => {
    const definition = definitions.get(name)
    if (definition === undefined) return DEFAULT_MAX_ATTEMPTS
    const isElsewhere = queue === DEFAULT_QUEUE && definition.queue !== queue
    const isUnlimited = definition.isLimited && concurrency_key === undefined
    if ((isElsewhere || isUnlimited) && !said.has(name)) {
      said.add(name)
      const lost = [
        ...(isElsewhere ? [`its queue (${definition.queue})`] : []),
        ...(isUnlimited ? ['its concurrency limit'] : []),
      ]
      log.warn(
        { job: name, queue },
        `a job was pushed by its name, without what its definition says: ${lost.join(', ')}. Push it by defineJob(), or give the options to Job.named()`,
      )
    }
    return definition.maxAttempts
  }
}
