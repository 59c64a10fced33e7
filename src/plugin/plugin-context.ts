import type { Clock } from '../core/clock.ts'
import type { Whole } from '../core/job.ts'
import type { Logger } from '../core/logger.ts'
import type { Reference } from '../core/reference.ts'
import type { Database } from '../database/database.ts'
import type { Hub } from '../events/hub.ts'

/** All that a plugin is handed. It never sees the worker. */
export interface PluginContext {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  /** Aborts when the worker stops. */
  readonly signal: AbortSignal
  readonly workerId: string
  push<R, A>(job: Whole<R, A>): Promise<Reference<R>>
}
