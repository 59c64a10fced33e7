import type { ClaimedJob } from '../claimed-job.ts'
import type { Clock } from '../clock.ts'
import type { DurableHost } from '../durable-record.ts'
import type { Outcome } from '../outcome.ts'
import type { StopRequest } from '../stop-request.ts'
import type { Turn } from './durable-saver.ts'

/** Knows which step the running code belongs to. */
export interface StepScope {
  /** The step whose function is running, or null. */
  readonly current: string | null
  enter<T>(step: string, fn: () => T): T
}

export interface DurableRunOptions {
  readonly job: Pick<ClaimedJob, 'id' | 'name' | 'startedMs'>
  readonly host: DurableHost
  readonly stop: StopRequest
  readonly scope: StepScope
  /** By it short sleeps, backoffs and timeouts of steps are counted. Default: the system's. */
  readonly clock?: Clock
  /** Default: a turn of the event loop. */
  readonly turn?: Turn
  /** How long the code may take to ask for the next record. Default: `PATIENCE_MS`. */
  readonly patienceMs?: number
}

/** How the function of a durable job ended, or what ended its attempt before. */
export type DurableEnd =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly thrown: unknown }
  /** It was asked to stop, or another attempt has the job. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'ended'; readonly outcome: Outcome }
