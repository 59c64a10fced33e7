import type { Chancy } from '../app/chancy.ts'
import type { ActionOptions } from '../core/action-options.ts'
import type { Clock } from '../core/clock.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import type { QueuedJob } from '../core/queued-job.ts'
import type { Permit } from './access.ts'
import type { Settings } from './options.ts'
import type { Peer } from './peer.ts'
import type { Verb } from './verbs.ts'

/** A topic of `GET /events`: what it needs, how often it is read, and how. */
export interface Topic {
  readonly name: string
  readonly verb: Verb
  readonly intervalMs: number
  readonly needsAllQueues: boolean
  readonly read: (call: Call) => Promise<unknown>
}

/** What a route works with. */
export interface Call {
  /** For what changes something. */
  readonly chancy: Chancy
  /** For what only reads: it may be on a replica. */
  readonly reads: Chancy
  readonly settings: Settings
  readonly clock: Clock
  readonly permit: Permit
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly request: Request
  readonly requestId: string
  readonly peer: Peer
  /** Aborts when the client is gone or the handler closes. */
  readonly signal: AbortSignal
  /** Aborts when the handler closes. */
  readonly closed: AbortSignal
  /** The job of a route about one. */
  readonly job?: QueuedJob
  /** An answer that sends topics. */
  stream(topics: readonly Topic[]): Response
  /** Reads in a transaction that only reads, with a place in the line. */
  read<T>(work: () => Promise<T>): Promise<T>
}

/** Who acts and why, for the audit log. @throws {ConfigError} when a reason is required and missing */
export function actionOf(call: Call, reason: string | undefined): ActionOptions {
  const { permit, requestId, peer, settings } = call
  if (settings.requireReason && (reason === undefined || reason.trim() === ''))
    throw new ConfigError('reason: this server requires one for each action. Say why.')
  const { id, name } = permit.actor
  return {
    actor: { id, ...(name != null && { name }) },
    requestId,
    ...(peer.remoteAddress !== undefined && { address: peer.remoteAddress }),
    ...(reason !== undefined && reason !== '' && { reason }),
  }
}

/** What is of a queue that the access does not see does not exist. */
export function hidden(code: 'JOB_NOT_FOUND' | 'QUEUE_NOT_FOUND', what: string): ChancyError {
  const noun = code === 'JOB_NOT_FOUND' ? 'job has the id' : 'queue is called'
  return new ChancyError(code, `No ${noun} ${what}.`, { details: {} })
}
