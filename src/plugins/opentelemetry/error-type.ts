import type { AttemptFailure } from '../../core/queued-job.ts'

/** What the conventions say where there is no better one. */
const OTHER = '_OTHER'

/** Of what a job has thrown: the name of its class. */
export function errorTypeOf(thrown: unknown): string {
  const name: unknown = thrown instanceof Error ? thrown.name : undefined
  return typeof name === 'string' && name !== '' ? name : OTHER
}

/** Of a failure that was saved: the same, or why the attempt was ended, such as `timeout` and `memory`. */
export function errorTypeOfFailure({ kind, name }: AttemptFailure): string {
  return kind === 'error' ? name || OTHER : kind
}
