import type { JobTemplate } from './dead-letter.ts'
import { ConfigError } from './errors.ts'
import { JOB_SPEC, type Pushable, toJob } from './job.ts'
import type { JobSpec } from './job-options.ts'
import { rowOf } from './push-row.ts'

export interface TemplateRule {
  /** What errors begin with: `Job "pay": deadLetter`. */
  readonly what: string
  /** Why it has no unique key. */
  readonly noKey: string
  /** When its arguments are known. */
  readonly known: string
  /** What of the job is left out. */
  readonly without: Partial<JobSpec>
}

/**
 * What is stored of a job whose arguments the database makes.
 *
 * @throws {ConfigError} when it is no job, or has what only a job with its arguments can have
 */
export function jobTemplate(value: unknown, rule: TemplateRule): JobTemplate {
  const { what } = rule
  const spec = explained(what, () => toJob(value as Pushable<unknown, unknown>)[JOB_SPEC])
  if (spec.uniqueKey !== null) {
    throw new ConfigError(
      `${what}: "${spec.name}" has a unique key, and ${rule.noKey}. Leave it out.`,
    )
  }
  if (spec.scheduledAtMs !== null) {
    throw new ConfigError(`${what}: "${spec.name}" has a scheduled time. Use withDelay.`)
  }
  if (spec.terms?.deadlineMs != null) {
    throw new ConfigError(
      `${what}: "${spec.name}" has a deadline, which counts from a push by code. Leave it out.`,
    )
  }
  if (spec.concurrency?.key !== undefined) {
    throw new ConfigError(
      `${what}: the concurrency limit of "${spec.name}" is by its arguments, which are known only when ${rule.known}. Limit the name as a whole.`,
    )
  }
  const { queue, name, priority, maxAttempts, delayMs, extras } = rowOf(
    { ...spec, ...rule.without },
    0,
    { args: '{}', group: spec.concurrency?.max === undefined ? null : spec.name },
  )
  return Object.freeze({
    ...{ name, queue, priority },
    ...(maxAttempts === null ? {} : { max_attempts: maxAttempts }),
    ...(delayMs === null ? {} : { delay_ms: delayMs }),
    ...(extras === null ? {} : { extras: JSON.parse(extras) as Record<string, unknown> }),
  })
}

function explained<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof ConfigError
      ? new ConfigError(`${what}: ${error.message}`, { cause: error })
      : error
  }
}
