export { Chancy, type PushOptions } from './app/chancy.ts'
export type { JobId } from './app/job-id.ts'
export type { ListOptions } from './app/list-options.ts'
export type { ChancyOptions } from './app/options.ts'
export type { DeclaredQueue } from './app/queue-registry.ts'
export { grant, grantSql } from './app/roles.ts'
export type { WaitOptions } from './app/waits.ts'
export type { BackoffFunction, BackoffOptions } from './core/backoff.ts'
export type { Context, ContextLog } from './core/context.ts'
export type { Duration } from './core/duration.ts'
export { DiscardJob, RetryJob, SnoozeJob } from './core/ending.ts'
export {
  AttemptError,
  ChancyError,
  ConfigError,
  DatabaseError,
  type ErrorCode,
  isChancyError,
  MigrationsNeededError,
  NotFoundError,
  PluginError,
  UniqueKeyError,
  WaitTimedOutError,
} from './core/errors.ts'
export type { Count, Explanation, QueueExplanation, WaitReason } from './core/explanation.ts'
export { Job } from './core/job.ts'
export { type DefinedJob, defineJob, type JobFunction, job } from './core/job-function.ts'
export type { JobSource } from './core/job-source.ts'
export { Limit } from './core/limit.ts'
export type { Logger } from './core/logger.ts'
export { Queue, type QueueOptions } from './core/queue.ts'
export type {
  AttemptErrorKind,
  AttemptFailure,
  FinishedState,
  JobState,
  QueuedJob,
  Usage,
} from './core/queued-job.ts'
export { Reference } from './core/reference.ts'
export type { Size } from './core/size.ts'
export type { Driver } from './database/driver.ts'
export { pgDriver } from './database/drivers/pg.ts'
export { pgliteDriver } from './database/drivers/pglite.ts'
export { postgresJsDriver } from './database/drivers/postgres-js.ts'
export type { RoleKind } from './database/rights.ts'
export type { WorkerInfo } from './database/rows.ts'
export type { EventMap, EventName } from './events/event-map.ts'
export type { Plugin } from './plugin/plugin.ts'
export { Worker } from './worker/worker.ts'
export type { WorkerOptions } from './worker/worker-options.ts'
