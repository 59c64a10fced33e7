import type { ActionOptions } from '../../core/action-options.ts'
import type { AuditOutcome } from '../../core/audit-entry.ts'
import { inspect } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Pushable } from '../../core/job.ts'
import type { Logger } from '../../core/logger.ts'
import type { Reference } from '../../core/reference.ts'
import type { StoredJob } from '../../core/stored-job.ts'
import type { EventMap, EventName } from '../../events/event-map.ts'
import type { PluginDatabase } from './plugin-database.ts'

/** By it an application lets its plugins in, also those of another copy of the package. */
export const PLUGIN_ACCESS: unique symbol = Symbol.for('chancy.plugin-access') as never

/** What an action of a plugin is about: `acme.refund`, and `order:7`. */
export interface Deed {
  readonly verb: string
  readonly target: string | null
}

/** What came of an action. */
export interface Acted<T> {
  readonly value: T
  /** Default: `'done'`. */
  readonly outcome?: AuditOutcome
  /** Plain data: what it changed, as it was. Default: nothing. */
  readonly before?: unknown
  /** Plain data: the same as it is since. Default: nothing. */
  readonly after?: unknown
  /** How many jobs it changed. Default: it is not about jobs. */
  readonly jobs?: number
}

/** The action itself, with the session of its transaction, for `run` and `wake`. It may be repeated. */
export type Act<T> = (session: unknown) => Promise<Acted<T>>

interface SessionGiven {
  /** The caller's transaction. Default: one of its own. */
  readonly session?: unknown
}

/** Anything that a plugin can reach: a `Chancy`. */
export interface PluginHost {
  readonly [PLUGIN_ACCESS]: (plugin: string) => PluginAccess
}

/**
 * What a plugin reaches of an application: its database, its jobs and its events, and no worker. The functions of
 * other plugins take it in the place of the `Chancy`.
 */
export interface PluginAccess extends PluginHost {
  readonly database: PluginDatabase
  readonly clock: Clock
  /** Each line has the name of the plugin. */
  readonly log: Logger
  /** As `push` of the application. */
  push<R, A>(job: Pushable<R, A>, options?: { readonly session?: unknown }): Promise<Reference<R>>
  /**
   * JSON that a table of the plugin may keep, and that the SQL function `push_stored_1` pushes. Checked
   * as at a push.
   *
   * @throws {ConfigError} when the job cannot be stored
   */
  encode<R, A>(job: Pushable<R, A>): Promise<StoredJob>
  /** @throws {ConfigError} for an event that the plugin does not own */
  emit<Name extends EventName>(event: Name, payload: EventMap[Name]): void
  /** Listens to an event of this process, as `on` of the application does. Returns what ends it. */
  on<Name extends EventName>(event: Name, listener: (payload: EventMap[Name]) => void): () => void
  /**
   * Ends the wait of a loop of the plugin in every process; with `session`, when that transaction
   * commits. Only a hint: without notifications, other processes notice nothing.
   *
   * @throws {ConfigError} when the plugin has no such loop
   */
  wake(loop: string, options?: { readonly session?: unknown }): Promise<void>
  /**
   * Does something in a transaction, and where `given` has an actor or a reason, with a row of the audit log in it:
   * what throws is written down as refused. With `session`, in that transaction of the caller.
   *
   * @throws {ConfigError} for an option of the action that is wrong
   */
  act<T>(given: ActionOptions, deed: Deed, work: Act<T>, options?: SessionGiven): Promise<T>
  /**
   * Work on the database with the errors of Chancy.
   *
   * @throws {ChancyError} `CLOSED`
   * @throws {MigrationsNeededError} when the tables of the work are not there
   * @throws {DatabaseError} for whatever else the database or its client says
   */
  run<T>(work: () => Promise<T>): Promise<T>
}

/** The same inside a worker. */
export interface PluginContext extends PluginAccess {
  /** The present id: a worker that loses its lease continues under another. */
  readonly workerId: string
  /** What the worker was given as the version of the application; null: nothing. */
  readonly version: string | null
  /** Aborts when the worker stops; in a pass of the leader, also when this worker no longer leads. */
  readonly signal: AbortSignal
}

/** What a pass of a loop is called with. */
export interface PassContext extends PluginContext {
  /** Whether this worker leads now. */
  readonly isLeader: boolean
  /** Whether `wake` was called, or the lead was lost, since the pass before. */
  readonly isWoken: boolean
}

/**
 * What a plugin reaches of an application, with or without a worker: for the functions that the plugin
 * offers to users.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export function pluginAccess(chancy: PluginHost, plugin: string): PluginAccess {
  const access: unknown = (chancy as Partial<PluginHost> | null | undefined)?.[PLUGIN_ACCESS]
  if (typeof access === 'function') return access.call(chancy, plugin) as PluginAccess
  throw new ConfigError(`Expected the Chancy as the first argument, got ${inspect(chancy)}.`)
}
