import { show } from '../core/check.ts'
import { ConfigError, NotFoundError } from '../core/errors.ts'
import { Reference } from '../core/reference.ts'

/** A job by its reference, its snapshot, or the text of its id. */
export type JobId<R = unknown> = Reference<R> | { readonly id: string } | string

/** @throws {ConfigError} when it is no id */
export function idOf(ref: JobId): string {
  return ref instanceof Reference
    ? ref.id
    : Reference.from(typeof ref === 'object' && ref !== null ? ref.id : ref).id
}

/** @throws {ConfigError} when it is no list of ids */
export function idsOf(refs: Iterable<JobId>, what: string): string[] {
  if (typeof refs === 'object' && refs !== null && Symbol.iterator in refs) {
    return [...refs].map(idOf)
  }
  throw new ConfigError(`${what}: expected an array of references, got ${show(refs)}.`)
}

export function notFound(id: string): NotFoundError {
  return new NotFoundError(
    'JOB_NOT_FOUND',
    `No committed job has the id ${id}. Its transaction is still open or was rolled back, or the job was pruned. Wait after the commit, and give the job a longer retention if it must be found later.`,
    { details: { id } },
  )
}
