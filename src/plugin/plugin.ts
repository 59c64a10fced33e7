import type { Outcome } from '../core/outcome.ts'
import type { QueuedJob } from '../core/queued-job.ts'
import type { SettledState } from '../core/settle.ts'
import type { Migrations } from '../database/migrations/migration.ts'
import type { PluginContext } from './plugin-context.ts'

/**
 * What a plugin is: a name, what it needs, and any of a few hooks. Hooks are folds: a value in, a
 * value out; one that is absent leaves the value as it is. One that throws, or gives what cannot be
 * stored, is logged with the plugin's name and counts as absent for that job.
 */
export interface Plugin {
  /** Such as 'chancy.cron'. Unique among the plugins of an application. */
  readonly name: string
  /** Names of plugins that must be there too; they come first. */
  readonly needs?: readonly string[]
  /** Tables of its own. */
  readonly migrations?: Migrations
  /** Runs in every worker until `context.signal` aborts; started again with backoff if it throws. */
  run?(context: PluginContext): Promise<void>
  /** Before an attempt. What it changes of `args` and `meta` holds for this attempt. */
  beforeAttempt?(job: RunningJob): RunningJob | Promise<RunningJob>
  /** After an attempt, before it is saved. May move the time, the metadata and the state. */
  afterAttempt?(update: AttemptUpdate, outcome: Outcome): AttemptUpdate | Promise<AttemptUpdate>
  /** After a batch of outcomes has been committed. */
  onSaved?(jobs: readonly QueuedJob[], context: PluginContext): Promise<void>
  /** Removes rows that are no longer needed and says how many. Called by the pruner. */
  cleanup?(context: PluginContext): Promise<number>
}

export type RunningJob = QueuedJob<unknown, unknown, 'running'>

/** What is about to be saved of an attempt, as a plugin sees it. */
export interface AttemptUpdate {
  readonly job: RunningJob
  /** Another value must be a step that `core/job-state.ts` has. */
  readonly state: SettledState
  /** For `retrying` and `pending`: how long to wait, in milliseconds, at most ten years. */
  readonly delayMs: number
  readonly meta: Readonly<Record<string, unknown>>
}
