import type { Backoff, BackoffFunction } from './backoff.ts'
import type { Context } from './context.ts'
import type { Limit } from './limit.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** What a worker knows of a job function. Frozen. */
export interface JobDefinition {
  readonly name: string
  readonly fn: (args: unknown, context: Context) => unknown
  readonly schema: StandardSchemaV1 | null
  readonly limits: readonly Limit[]
  readonly backoff: Backoff | BackoffFunction
  readonly retentionMs: number
}

/** A week: how long a finished job is kept unless it says otherwise. */
export const DEFAULT_RETENTION_MS = 604_800_000

/** Nothing younger is ever removed: a push that is tried again looks this far back for itself. */
export const MIN_RETENTION_MS = 600_000
