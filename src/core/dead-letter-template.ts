import type { JobTemplate } from './dead-letter.ts'
import { jobTemplate } from './job-template.ts'

/**
 * What is stored of the job of an option `deadLetter`.
 *
 * @throws {ConfigError} when it is no job, or has what only a job with its arguments can have
 */
export function deadLetterTemplate(of: string, value: unknown): JobTemplate {
  return jobTemplate(value, {
    what: `Job "${of}": deadLetter`,
    noKey: 'each failed job has a dead letter of its own',
    known: 'a job has failed',
    // A dead letter has none itself.
    without: { deadLetter: null },
  })
}
