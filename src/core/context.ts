import { setMaxListeners } from 'node:events'
import { systemClock } from './clock.ts'
import { ConfigError } from './errors.ts'
import type { QueuedJob } from './queued-job.ts'
import type { WorkflowReference } from './workflow-reference.ts'

/** Writes a line at one level: `log.info('sent')`, or with fields as `log.info({ to }, 'sent')`. */
export interface LogMethod {
  (message: string): void
  (fields: Readonly<Record<string, unknown>>, message?: string): void
}

/** Lines are tagged with the job and the attempt. */
export interface ContextLog {
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
}

/** What a job function is handed beside its arguments. */
export interface Context {
  /** A snapshot from the beginning of this attempt. */
  readonly job: QueuedJob<unknown, unknown, 'running'>
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Aborts on the time limit, a cancel, a lost lease and shutdown; `signal.reason` says which. */
  readonly signal: AbortSignal
  /**
   * Grows with each claim of this job. Hand it to an outside store, so that the store can refuse a
   * stale attempt. It may repeat after a failover that lost commits and, with
   * `durableClaims: false`, after a crash of the server.
   */
  readonly fence: number
  /** The batch that the job is a part of: `addToBatch` adds jobs to it. Null: none. */
  readonly batch: WorkflowReference<null> | null
  readonly log: ContextLog
  /** Stores how far the job is: any JSON value. What cannot be stored is replaced or cut rather than refused. */
  progress(value: unknown): void
  /**
   * What the jobs of a map gave, in the order of its items, for another step of the workflow: also where the list is
   * larger than 1 MiB and cannot be an argument. The map must have ended: name it in `after` of this step. An item that
   * did not succeed gives null. Read a page at a time; each call begins with the first item.
   *
   * @throws {ConfigError} where the job is no step of a workflow, the step is no map, or it has not ended
   * @throws {NotFoundError} `STEP_NOT_FOUND`
   */
  outputs<T = unknown>(step: string): AsyncIterable<T>
}

const ignore = (): void => {}
const silentLog: ContextLog = Object.freeze({
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
})

/**
 * The context of a job function that is called directly, in a test or by other code: never aborted,
 * its log and progress go nowhere, and its job has the nil UUID and no row.
 */
export function detachedContext(name: string, args: unknown = {}): Context {
  const now = new Date(systemClock.now())
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  return Object.freeze({
    job: detachedJob(name, args, now),
    attempt: 1,
    signal,
    fence: 0,
    batch: null,
    log: silentLog,
    progress: ignore,
    outputs: () => noOutputs(name),
  })
}

// biome-ignore lint/correctness/useYield: it has nothing to give
async function* noOutputs(name: string): AsyncGenerator<never, void> {
  throw new ConfigError(
    `context.outputs: the job "${name}" was called directly and is no step of a workflow.`,
  )
}

function detachedJob(name: string, args: unknown, now: Date): Context['job'] {
  return {
    id: '00000000-0000-0000-0000-000000000000',
    name,
    queue: 'default',
    args,
    state: 'running',
    priority: 0,
    attempts: 1,
    maxAttempts: 1,
    createdAt: now,
    scheduledAt: null,
    startedAt: now,
    finishedAt: null,
    uniqueKey: null,
    concurrencyKey: null,
    limits: null,
    errors: [],
    result: null,
    progress: null,
    meta: {},
    workerId: null,
  }
}
