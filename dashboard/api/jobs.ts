import type {
  WireExplanation,
  WireJob,
  WireJobCount,
  WireJobRow,
  WireJobVerdict,
  WirePage,
  WirePush,
  WirePushed,
  WireSuggestions,
} from '../../src/http/wire.ts'
import { type Answer, apiPath, call, callWhole, search } from './client.ts'

export type JobOrder = 'newest' | 'ended' | 'line' | 'due'
export type JobPart = 'args' | 'result' | 'meta' | 'progress' | 'errors'

export interface JobQuery {
  readonly q: string
  readonly order: JobOrder | null
  readonly cursor: string | null
  readonly limit: number
}

/** What may be changed of a job that waits. */
export interface JobChange {
  readonly priority?: number
  readonly queue?: string
  readonly scheduledAt?: string | null
  readonly maxAttempts?: number
  readonly args?: unknown
  readonly meta?: unknown
}

export const findJobs = (query: JobQuery, signal: AbortSignal): Promise<WirePage<WireJobRow>> =>
  call(`jobs${search({ ...query })}`, { signal })

export const countJobs = (q: string, signal: AbortSignal): Promise<WireJobCount> =>
  call(`jobs/count${search({ q })}`, { signal })

export const suggest = (q: string, at: number, signal: AbortSignal): Promise<WireSuggestions> =>
  call(`jobs/suggest${search({ q, at })}`, { signal })

export const getJob = (id: string, signal: AbortSignal): Promise<Answer<WireJob>> =>
  callWhole(`jobs/${encodeURIComponent(id)}`, { signal })

export const explainJob = (id: string, signal: AbortSignal): Promise<WireExplanation> =>
  call(`jobs/${encodeURIComponent(id)}/explain`, { signal })

/** Where one part is, whole, as PostgreSQL has it. */
export const partAddress = (id: string, part: JobPart): string =>
  apiPath(`jobs/${encodeURIComponent(id)}/${part}`)

const act = (id: string, verb: string, reason: string | null): Promise<WireJobVerdict> =>
  call(`jobs/${encodeURIComponent(id)}/${verb}`, {
    method: 'POST',
    body: reason === null ? {} : { reason },
  })

export const cancelJob = (id: string, reason: string | null = null) => act(id, 'cancel', reason)
export const retryJob = (id: string, reason: string | null = null) => act(id, 'retry', reason)
export const runJobNow = (id: string, reason: string | null = null) => act(id, 'run-now', reason)

export const editJob = (id: string, change: JobChange, ifMatch: string): Promise<WireJobVerdict> =>
  call(`jobs/${encodeURIComponent(id)}`, { method: 'PATCH', body: change, ifMatch })

export const deleteJob = (id: string): Promise<WireJobVerdict> =>
  call(`jobs/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const pushJob = (job: WirePush): Promise<WirePushed> =>
  call('jobs', { method: 'POST', body: job })
