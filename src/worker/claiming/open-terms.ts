import { DEFAULT_MAX_ATTEMPTS, type JobDefinition } from '../../core/definition.ts'
import type { Logger } from '../../core/logger.ts'
import { DEFAULT_QUEUE } from '../../core/queue.ts'
import type { MaxAttemptsOf } from '../../database/rows.ts'

/**
 * Decides the attempts of jobs that were pushed by their name alone. The queue and the concurrency limit
 * cannot be decided as late as this. Where the definition has them and the job does not, the log says so,
 * once for each name.
 */
export function openTerms(
  definitions: ReadonlyMap<string, JobDefinition>,
  log: Logger,
): MaxAttemptsOf {
  const logged = new Set<string>()
  return (name, queue, { concurrency_key }) => {
    const definition = definitions.get(name)
    if (definition === undefined) return DEFAULT_MAX_ATTEMPTS
    const isElsewhere = queue === DEFAULT_QUEUE && definition.queue !== queue
    const isUnlimited = definition.isLimited && concurrency_key === undefined
    if ((isElsewhere || isUnlimited) && !logged.has(name)) {
      logged.add(name)
      const missing = [
        ...(isElsewhere ? [`its queue (${definition.queue})`] : []),
        ...(isUnlimited ? ['its concurrency limit'] : []),
      ]
      log.warn(
        { name, queue },
        `a job was pushed by its name, without what its definition says: ${missing.join(', ')}. Push it by defineJob(), or give the options to Job.named()`,
      )
    }
    return definition.maxAttempts
  }
}
