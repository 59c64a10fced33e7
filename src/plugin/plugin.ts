import type { Outcome } from '../core/outcome.ts'
import type { Migration } from '../database/migrations/migration.ts'
import type { EventName } from '../events/event-map.ts'
import type { PluginAccess, PluginContext } from './access/plugin-access.ts'
import type { AttemptUpdate, RunningJob } from './hooks/attempt-update.ts'
import type { PushedJob } from './hooks/pushed-job.ts'
import type { SavedAttempt } from './hooks/saved-attempt.ts'
import type { Around } from './parts/around.ts'
import type { Leadership } from './parts/leadership.ts'
import type { PluginCheck } from './parts/plugin-check.ts'
import type { PluginCommand } from './parts/plugin-command.ts'
import type { PluginLoop } from './parts/plugin-loop.ts'
import type { PluginRights } from './parts/plugin-rights.ts'
import type { PluginRoute } from './parts/plugin-route.ts'

/**
 * What a plugin is: a name, what it owns, as data, and any of the five hooks on the road of a job. A
 * hook takes a value and returns one; an absent one leaves the value as it is. One that throws, returns
 * what cannot be stored, or has not answered in ten seconds is logged with the plugin's name and counts
 * as absent for that job.
 */
export interface Plugin {
  /** `owner.name`, such as `'acme.audit'`: its tables, events, routes and meta keys begin with it. */
  readonly name: string
  /** The version of this contract. `definePlugin` sets it. */
  readonly contract?: 1
  /** Names of plugins that must be there too; they come first. */
  readonly needs?: readonly string[]
  /** Tables of its own, from version 1 without gaps. */
  readonly migrations?: readonly Migration[]
  /** What roles need on its tables and functions: `chancy grant` grants it too. */
  readonly rights?: PluginRights
  /** Events of its own, which it may emit. */
  readonly events?: readonly EventName[]
  readonly loops?: readonly PluginLoop[]
  readonly routes?: readonly PluginRoute[]
  readonly commands?: readonly PluginCommand[]
  /** What `chancy doctor` looks at besides. */
  readonly checks?: readonly PluginCheck[]

  /**
   * Whether the plugin has nothing to do now: the hooks on the road of a job are not called then. Asked before each
   * of them, so it is cheap. Default: never.
   */
  isIdle?(): boolean
  /** Before a row is written, in the process that pushes. Not for jobs from SQL, triggers and schedules. */
  onPush?(job: PushedJob): PushedJob
  /** Before an attempt, in the worker. What it changes of `args` and `meta` holds for this attempt. */
  beforeAttempt?(job: RunningJob): RunningJob | Promise<RunningJob>
  /** Around the function of the job, where that runs. */
  readonly around?: Around
  /** After an attempt, before it is saved. May change the state, the delay and the metadata. */
  afterAttempt?(update: AttemptUpdate, outcome: Outcome): AttemptUpdate | Promise<AttemptUpdate>
  /**
   * After a batch of outcomes has been committed. A hint: it is lost when the worker dies right then, so
   * a plugin that must not miss one searches for it again in a loop.
   */
  onSaved?(saved: readonly SavedAttempt[], context: PluginContext): void | Promise<void>
  /**
   * Removes at most `limit` rows that are no longer needed and returns how many. Called in the worker
   * that leads, again while it returns `limit`.
   */
  cleanup?(context: PluginContext, limit: number): number | Promise<number>
  /**
   * Writes what the plugin gathered in memory. Called when a worker has saved its last outcomes, and when the
   * application closes. Half a second later neither waits for it.
   */
  flush?(access: PluginAccess): void | Promise<void>
  /** Only for the plugin that is called `chancy.leadership`: says which worker leads. */
  lead?(context: PluginContext): Leadership
}
