import type { Backoff, BackoffFunction } from './backoff.ts'
import type { ChunkRule } from './chunk.ts'
import type { Context } from './context.ts'
import type { Limit } from './limit.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** What the options of a job say for all jobs of its name, wherever they are pushed. Frozen. */
export interface JobTerms {
  readonly name: string
  readonly queue: string
  readonly maxAttempts: number
  /** Whether a concurrency limit holds for its jobs. */
  readonly isLimited: boolean
  readonly schema: StandardSchemaV1 | null
  readonly limits: readonly Limit[]
  readonly backoff: Backoff | BackoffFunction
  readonly retentionMs: number
  /** Whether its function gets the context of a durable job. */
  readonly isDurable: boolean
  /** How long a durable job may take from its push, in milliseconds; null: no limit. */
  readonly deadlineMs: number | null
  /** How its jobs run together; null: each alone. */
  readonly chunk: ChunkRule | null
}

/** What a worker knows of a job function. Frozen. */
export interface JobDefinition extends JobTerms {
  readonly fn: (args: unknown, context: Context) => unknown
}

/** Attempts of a job whose definition names no number, and of one that no worker knows. */
export const DEFAULT_MAX_ATTEMPTS = 1

/** A week: how long a finished job is kept unless it says otherwise. */
export const DEFAULT_RETENTION_MS = 604_800_000

/** Nothing younger is ever removed: a push that is tried again searches this far back for itself. */
export const MIN_RETENTION_MS = 600_000
