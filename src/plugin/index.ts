export type { ActionOptions, Actor } from '../core/action-options.ts'
export type { AuditOutcome } from '../core/audit-entry.ts'
export type { Clock } from '../core/clock.ts'
export type { Context } from '../core/context.ts'
export type { Duration } from '../core/duration.ts'
export type { Logger } from '../core/logger.ts'
export type { Outcome } from '../core/outcome.ts'
export type { StoredJob } from '../core/stored-job.ts'
export { type Migration, type Migrations, migration } from '../database/migrations/migration.ts'
export { type Statement, statement } from '../database/statement.ts'
export {
  type Act,
  type Acted,
  type Deed,
  type PassContext,
  type PluginAccess,
  type PluginContext,
  pluginAccess,
} from './access/plugin-access.ts'
export type { PluginDatabase, PluginRunOptions } from './access/plugin-database.ts'
export { definePlugin } from './define-plugin.ts'
export type { AttemptUpdate, RunningJob } from './hooks/attempt-update.ts'
export type { PushedJob } from './hooks/pushed-job.ts'
export type { SavedAttempt } from './hooks/saved-attempt.ts'
export type { Around, AroundFunction, MakeAround } from './parts/around.ts'
export type { Leadership } from './parts/leadership.ts'
export type { CheckAccess, Finding, PluginCheck } from './parts/plugin-check.ts'
export type { CommandOption, GivenOptions, PluginCommand } from './parts/plugin-command.ts'
export type { PluginLoop } from './parts/plugin-loop.ts'
export type { OwnRights, PluginRights } from './parts/plugin-rights.ts'
export type { PluginRoute, RouteRequest } from './parts/plugin-route.ts'
export type { Plugin } from './plugin.ts'
export { pluginsOf } from './plugin-list.ts'
