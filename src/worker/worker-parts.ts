import type { AppInternals } from '../app/app-internals.ts'
import type { JobDefinition } from '../core/definition.ts'
import { isJobFunction } from '../core/job.ts'
import { DEFAULT_EXECUTOR, Queue } from '../core/queue.ts'
import type { AroundChain } from '../executors/around.ts'
import type { PluginContext } from '../plugin/access/plugin-access.ts'
import type { Plugin } from '../plugin/plugin.ts'
import { type Periodic, type PeriodicTask, periodic } from '../services/periodic.ts'
import { AttemptRunner } from './attempts/attempt-runner.ts'
import { CancelWatch } from './attempts/cancel-watch.ts'
import type { ClaimLedger } from './attempts/claim-ledger.ts'
import { DurableAttempts } from './attempts/durable-attempts.ts'
import { OutcomeBuffer } from './attempts/outcome-buffer.ts'
import { OutputReader } from './attempts/output-reader.ts'
import { ProgressBuffer } from './attempts/progress-buffer.ts'
import { ClaimReconciler } from './claiming/claim-reconciler.ts'
import { IdleQueuePoller } from './claiming/idle-queue-poller.ts'
import { openTerms } from './claiming/open-terms.ts'
import { QueueRunners } from './claiming/queue-runners.ts'
import { QueueWatcher } from './claiming/queue-watcher.ts'
import { Executors } from './executors.ts'
import { FollowUps } from './followups.ts'
import { FigureSampler } from './lease/figure-sampler.ts'
import { Heartbeat } from './lease/heartbeat.ts'
import type { RenewalResult } from './lease/lease-renewal.ts'
import type { WorkerLease } from './lease/worker-lease.ts'
import { BulkService } from './maintenance/bulk-service.ts'
import { DayIndexer } from './maintenance/day-indexer.ts'
import { FlowSweeper } from './maintenance/flow-sweeper.ts'
import { GroupReconciler } from './maintenance/group-reconciler.ts'
import { KeySweeper } from './maintenance/key-sweeper.ts'
import { PartitionMaintainer } from './maintenance/partition-maintainer.ts'
import { Recovery } from './maintenance/recovery.ts'
import { SignalSweeper } from './maintenance/signal-sweeper.ts'
import { Stager } from './maintenance/stager.ts'
import { StepSweeper } from './maintenance/step-sweeper.ts'
import { UnservedJobs } from './maintenance/unserved-jobs.ts'
import { WatermarkUpdater } from './maintenance/watermark-updater.ts'
import { PluginLoops } from './plugin-loops.ts'
import { SavedHooks } from './saved-hooks.ts'
import type { WorkerSettings } from './worker-options.ts'

/** What a worker is made of, in the order in which it starts. */
export interface WorkerParts {
  readonly executors: Executors
  readonly progress: Periodic
  readonly buffer: OutcomeBuffer
  readonly attempts: AttemptRunner
  readonly durable: DurableAttempts
  readonly signals: Periodic
  readonly steps: Periodic
  readonly runners: QueueRunners
  readonly reconciler: ClaimReconciler
  readonly heartbeat: Heartbeat
  readonly plugins: PluginLoops
  readonly saved: SavedHooks | null
  readonly cancels: CancelWatch
  readonly stager: Periodic
  readonly recovery: Periodic
  readonly groups: Periodic
  readonly uniqueKeys: Periodic
  readonly bulk: Periodic
  readonly followUps: FollowUps
  readonly flows: Periodic
  readonly watermarks: Periodic
  readonly idleQueues: Periodic
  readonly history: Periodic
  readonly dayIndexes: Periodic
  readonly watcher: QueueWatcher
  readonly unserved: UnservedJobs
}

/** What the parts tell the worker, and what they ask of it. */
export interface PartsOwner {
  readonly app: AppInternals
  readonly settings: WorkerSettings
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly around: AroundChain | null
  readonly lease: WorkerLease
  readonly ledger: ClaimLedger
  readonly tags: () => readonly string[]
  /** A queue has jobs: tells its runners, here and elsewhere. */
  readonly announce: (queue: string) => void
  readonly isPaused: () => boolean
  readonly onRenewal: (result: RenewalResult) => void
  readonly onRevoked: (workerId: string) => void
  readonly contextFor: (plugin: Plugin, signal: AbortSignal) => PluginContext
  readonly signal: AbortSignal
}

/** Makes the parts and joins them. Nothing is started. */
export function assembleWorker(owner: PartsOwner): WorkerParts {
  const { app, settings, definitions, lease, ledger, signal } = owner
  const { database, hub, clock, log, plugins } = app
  const { leaseMs } = settings
  const common = { database, hub, clock, log, leaseMs }
  const workerId = (): string => lease.id
  const repeated = (task: PeriodicTask): Periodic => periodic(task, common)

  const maxAttemptsOf = openTerms(definitions, log)
  const executors = new Executors({
    definitions,
    jobs: app.jobs,
    clock,
    around: { sources: plugins.around, chain: owner.around },
    log,
    childEnv: settings.childEnv,
    executor: settings.executor,
    onTrouble: () => runners.executorsChanged(),
  })
  const saved = plugins.hasSaved
    ? new SavedHooks(plugins, clock, (plugin) => owner.contextFor(plugin, signal))
    : null
  const followUps = new FollowUps({ ...common, onReady: owner.announce })
  const progress = new ProgressBuffer(database)
  const durable = new DurableAttempts({ ...common, plugins })
  const buffer = new OutcomeBuffer({
    ...common,
    onSaved: saved === null ? null : (batch) => saved.tell(batch),
    ledger,
    onFlow: (row) => followUps.take(row),
    onDurable: (updates) => durable.saved(updates),
    onReady: owner.announce,
    onCapacity: () => runners.resume(),
  })
  const attempts = new AttemptRunner({
    ...common,
    definitions,
    plugins,
    buffer,
    running: ledger.running,
    progress,
    durable,
    outputs: new OutputReader(common),
    permit: lease.state,
  })
  const reconciler = new ClaimReconciler({
    ...common,
    workerId,
    ledger,
    maxAttemptsOf,
    reclaim: (jobs) => runners.reclaim(jobs),
  })
  const runners = new QueueRunners({
    ...common,
    executors,
    workerId,
    attempts,
    ledger,
    names: [...definitions.keys()],
    maxAttemptsOf,
    chunkOf: (name) => definitions.get(name)?.chunk ?? null,
    durableClaims: settings.durableClaims,
    isPaused: owner.isPaused,
    claimAs: () => (lease.isTrusted && !buffer.isFull && !owner.isPaused() ? lease.id : null),
    notificationsLive: app.notificationsLive,
    onRevoked: owner.onRevoked,
    onClosed: (queue) => watcher.refresh(queue),
    onServed: () => watcher.changed(),
  })
  const watcher = new QueueWatcher({
    ...common,
    workerId,
    tags: owner.tags,
    named: [...definitions.values()].map(({ queue }) => queue),
    // Plain functions have no module for a child to load.
    impliedExecutor: app.jobs.some(isJobFunction) ? 'inline' : DEFAULT_EXECUTOR,
    only: settings.queues,
    onQueue: (queue) => runners.run(atMost(queue, settings.concurrency)),
    onGone: (name) => runners.retire(name),
    served: () => runners.served(),
    refusals: () => runners.refusals(),
    isPaused: owner.isPaused,
  })
  return {
    executors,
    progress: repeated(progress),
    buffer,
    attempts,
    durable,
    signals: repeated(new SignalSweeper({ ...common, onReady: owner.announce })),
    steps: repeated(new StepSweeper(common)),
    runners,
    reconciler,
    heartbeat: new Heartbeat(lease.id, {
      ...common,
      schema: database.names.plainSchema,
      lease: lease.state,
      settings,
      url: settings.heartbeatUrl,
      onResult: owner.onRenewal,
      figures: new FigureSampler({
        clock,
        slots: () => runners.slots(),
        ended: () => buffer.ended,
      }),
    }),
    cancels: new CancelWatch({ ...common, workerId, running: ledger.running }),
    plugins: new PluginLoops({ ...common, plugins, contextFor: owner.contextFor }),
    saved,
    stager: repeated(new Stager({ ...common, onStaged: owner.announce })),
    recovery: repeated(
      new Recovery({
        ...common,
        lease: lease.state,
        heartbeatMs: settings.heartbeatMs,
        onCounted: (held) => {
          runners.workersSeen = held
        },
        onReady: owner.announce,
        // What was recovered becomes ready in a moment, through the stager.
        onRecovered: (queue) => hub.emit('job.scheduled', { queue }),
      }),
    ),
    unserved: new UnservedJobs({ ...common, workerId, isRun: (queue) => runners.has(queue) }),
    groups: repeated(new GroupReconciler({ ...common, onReady: owner.announce })),
    uniqueKeys: repeated(new KeySweeper(common)),
    bulk: repeated(new BulkService(app.bulkCarrier)),
    followUps,
    flows: repeated(new FlowSweeper({ ...common, onFlow: (row) => followUps.take(row) })),
    watermarks: repeated(
      new WatermarkUpdater({
        ...common,
        expensiveScans: () => runners.expensiveScans(),
        onReady: owner.announce,
      }),
    ),
    idleQueues: repeated(
      new IdleQueuePoller({ ...common, runners, names: [...definitions.keys()] }),
    ),
    history: repeated(new PartitionMaintainer(common)),
    dayIndexes: repeated(new DayIndexer({ ...common, kinds: settings.dayIndexes })),
    watcher,
  }
}

/** A queue with no more concurrent jobs than the worker takes. */
function atMost(queue: Queue, most: number | null): Queue {
  if (most === null) return queue
  return Queue.restore({ ...queue, concurrency: Math.min(queue.concurrency ?? most, most) })
}
