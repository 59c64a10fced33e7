import { Chancy as Application } from './app/chancy.ts'
import type { PushJobOptions, PushOptions } from './app/options.ts'
import type { PluginOffers } from './app/plugin-offers.ts'
import { type GrantSqlOptions, grantSql as sqlOfGrant } from './app/roles.ts'
import { brandClass } from './core/brand.ts'
import type { RoleKind } from './database/rights.ts'
import type { Plugin } from './plugin/plugin.ts'
import { failureActions, failures } from './plugins/failures/failures.ts'
import { leadership } from './plugins/leadership/leadership.ts'
import { getQueueCounts, metrics } from './plugins/metrics/metrics.ts'
import { pruner } from './plugins/pruner/pruner.ts'

export type { Audit, AuditRecord } from './app/audit/audit.ts'
export type { Bulk } from './app/bulk/bulk.ts'
export type { BulkFilter, BulkOptions, CancelCounts, RetryCounts } from './app/bulk-actions.ts'
export type { Diagnosis } from './app/doctor/doctor.ts'
export type { ForkOptions, SignalOptions } from './app/durable/durable-actions.ts'
export type { Failures } from './app/failures.ts'
export type { ChancyOptions } from './app/options.ts'
export type { DeclaredQueue } from './app/queues.ts'
export type { ListOptions } from './app/read/list-options.ts'
export type { WaitOptions } from './app/read/waiter.ts'
export { grant } from './app/roles.ts'
export type { SchemaVersion } from './app/schema-versions.ts'
export type {
  EditOptions,
  FilterGiven,
  FilterOptions,
  FilterSuggestion,
  FilterSuggestions,
  FindOptions,
  FindOrder,
  FoundJob,
  FoundJobs,
  JobChange,
  JobCount,
  JobPart,
  JobScope,
} from './app/search/search-options.ts'
export type { ListWorkflowsOptions } from './app/workflows/workflow-actions.ts'
export type { PushBatchOptions, WaitForWorkflowOptions } from './app/workflows/workflow-calls.ts'
export type { ActionOptions, Actor } from './core/action-options.ts'
export type { AuditEntry, AuditOutcome, AuditPage, AuditQuery } from './core/audit-entry.ts'
export type { BackoffFunction, BackoffOptions } from './core/backoff.ts'
export type {
  BulkAction,
  BulkPage,
  BulkPreview,
  BulkQuery,
  BulkRequest,
  BulkStartOptions,
  BulkState,
  BulkVerb,
} from './core/bulk-action.ts'
export type { ChunkItem, ChunkOptions } from './core/chunk.ts'
export type {
  ConcurrencyGroup,
  GroupHolder,
  GroupPage,
  GroupQuery,
} from './core/concurrency-group.ts'
export type { Context, ContextLog } from './core/context.ts'
export type { DeadLetter, DeadLetterError } from './core/dead-letter.ts'
export type {
  Came,
  DurableContext,
  HistorySize,
  Settled,
  SignalTarget,
  StepCall,
  StepRetry,
  WaitName,
  WaitTimeout,
} from './core/durable/durable-context.ts'
export type { RecordedStep } from './core/durable/recorded-step.ts'
export type { Duration } from './core/duration.ts'
export { DiscardJob, RetryJob, SnoozeJob } from './core/ending.ts'
export {
  AttemptError,
  ChancyError,
  ConfigError,
  DatabaseError,
  type ErrorCode,
  type ErrorCodes,
  isChancyError,
  JobStateError,
  MigrationsNeededError,
  NotFoundError,
  PluginError,
  StepError,
  UniqueKeyError,
  WaitTimedOutError,
} from './core/errors.ts'
export type {
  Count,
  Explanation,
  OpenStep,
  PausedWorker,
  QueueExplanation,
  WaitReason,
} from './core/explanation.ts'
export type {
  FailureCounts,
  FailureDetails,
  FailureGroup,
  FailureHour,
  FailurePage,
  FailureQuery,
  FailureState,
} from './core/failure-group.ts'
export { filterOf, printFilter } from './core/filter/filter-print.ts'
export { parseFilter } from './core/filter/filter-text.ts'
export type {
  Bounds,
  FilterTerm,
  JobFilter,
  NameMatch,
  ScalarMatch,
  StateWord,
} from './core/filter/job-filter.ts'
export type { FilterMistake } from './core/filter/mistake.ts'
export { Job } from './core/job.ts'
export {
  type DefinedDurableJob,
  type DefinedJob,
  defineJob,
  type JobFunction,
  job,
} from './core/job-function.ts'
export type { JobSource } from './core/job-source.ts'
export { jobVersion } from './core/job-version.ts'
export { Limit } from './core/limit.ts'
export type { Logger } from './core/logger.ts'
export { Queue, type QueueOptions } from './core/queue.ts'
export type { AllQueueCounts, QueueCounts } from './core/queue-counts.ts'
export type {
  AttemptErrorKind,
  AttemptFailure,
  FinishedState,
  JobOwner,
  JobState,
  OpenWaitInfo,
  QueuedJob,
  Usage,
} from './core/queued-job.ts'
export type { JobId } from './core/reference.ts'
export { Reference } from './core/reference.ts'
export { parseRule, Rule, type RuleFields, rule } from './core/rule/rule.ts'
export type { RuleSubject } from './core/rule/rule-match.ts'
export type { RuleData } from './core/rule/rule-node.ts'
export { type Signal, signal } from './core/signal.ts'
export type { Size } from './core/size.ts'
export type { WhenTaken } from './core/when-taken.ts'
export type { QueueSlots, WorkerFigures } from './core/worker-figures.ts'
export {
  Batch,
  type BatchCallback,
  type BatchEnd,
  type BatchOptions,
  batch,
} from './core/workflow/batch.ts'
export type { Flow, MapOptions, Step, StepOptions } from './core/workflow/flow.ts'
export type { RunWhen } from './core/workflow/flow-plan.ts'
export type { Input, Output, Placeholder, Resolved } from './core/workflow/flow-types.ts'
export type {
  BatchCounts,
  EndedWorkflow,
  ListedWorkflow,
  PushedStep,
  PushedWorkflow,
  WorkflowFailure,
} from './core/workflow/pushed-workflow.ts'
export { Workflow, type WorkflowOptions } from './core/workflow/workflow.ts'
export { chain, workflow } from './core/workflow/workflow-function.ts'
export { type WorkflowId, WorkflowReference } from './core/workflow-reference.ts'
export type { EndedWorkflowState, StepState, WorkflowState } from './core/workflow-state.ts'
export type { Driver } from './database/driver.ts'
export { pgDriver } from './database/drivers/pg.ts'
export { pgliteDriver } from './database/drivers/pglite.ts'
export { postgresJsDriver } from './database/drivers/postgres-js.ts'
export type { RoleKind } from './database/rights.ts'
export type { WorkerInfo } from './database/rows.ts'
export { type CustomQuery, type CustomSession, customSession } from './database/sessions/custom.ts'
export type { EventMap, EventName } from './events/event-map.ts'
// With them come the types of their events: an augmentation that is loaded after one of `chancy` itself has no effect.
export type { Schedule } from './plugins/cron/cron.ts'
export type { Leader } from './plugins/leadership/leadership.ts'
export type { Pruned } from './plugins/pruner/pruner.ts'
export type { PriorityRaise } from './plugins/reprioritize/reprioritize.ts'
export type { Trigger } from './plugins/triggers/triggers.ts'
export { Worker } from './worker/worker.ts'
export type { WorkerHealth, WorkerState } from './worker/worker-health.ts'
export type { WorkerOptions } from './worker/worker-options.ts'
export type { Plugin, PushJobOptions, PushOptions }

const defaultPlugins = (): readonly Plugin[] => [leadership(), pruner(), metrics(), failures()]

/**
 * The SQL that lets a role push (`producer`), run jobs (`worker`), look at everything (`reader`), or look,
 * cancel, retry and pause (`operator`). The owner of the schema runs it, once for each kind that the role
 * is to be, and again after an upgrade.
 *
 * @param options.schema Default: `'chancy'`.
 * @param options.plugins Those of the application, `pluginsOf(chancy)`, whose tables the role is to reach
 *   too. Default: the default plugins.
 * @throws {ConfigError} for another kind, or a name that cannot be a role's
 */
export function grantSql(kind: RoleKind, role: string, options: GrantSqlOptions = {}): string {
  return sqlOfGrant(kind, role, { plugins: defaultPlugins(), ...options })
}

/**
 * An application: where its jobs are, and everything that can be done to them but running them. It has
 * the default plugins. Connects when first used. `close()` it, or declare it with `await using`.
 */
export class Chancy extends Application {
  static {
    brandClass(Chancy, 'Chancy')
  }

  /** @internal */
  protected override defaultPlugins(): readonly Plugin[] {
    return defaultPlugins()
  }

  /** @internal */
  protected override offers(): PluginOffers {
    return { failures: () => failureActions(this), queueCounts: () => getQueueCounts(this) }
  }
}
