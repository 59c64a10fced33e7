import type { Parts } from '../app/chancy.ts'
import type { JobDefinition } from '../core/definition.ts'
import { isJobFunction } from '../core/job-function.ts'
import { DEFAULT_EXECUTOR } from '../core/queue.ts'
import type { PluginContext } from '../plugin/plugin-context.ts'
import { Adoption } from './adoption.ts'
import { AttemptRunner } from './attempt-runner.ts'
import { CancelWatch } from './cancel-watch.ts'
import { Executors } from './executors.ts'
import { GroupSweeper } from './group-sweeper.ts'
import { Heartbeat } from './heartbeat.ts'
import { HistoryKeeper } from './history-keeper.ts'
import type { RenewalNews } from './lease-renewal.ts'
import { LineKeeper } from './line-keeper.ts'
import { Lookout } from './lookout.ts'
import { openTerms } from './open-terms.ts'
import { OutcomeBuffer } from './outcome-buffer.ts'
import { PluginLoops } from './plugin-loops.ts'
import { ProgressBuffer } from './progress-buffer.ts'
import { QueueRunners } from './queue-runners.ts'
import { QueueWatcher } from './queue-watcher.ts'
import { Recovery } from './recovery.ts'
import type { RunningAttempts } from './running-attempts.ts'
import { Stager } from './stager.ts'
import type { Tenure } from './tenure.ts'
import { UnservedJobs } from './unserved-jobs.ts'
import type { WorkerSettings } from './worker-options.ts'

/** What a worker is made of, in the order in which it starts. */
export interface WorkerParts {
  readonly executors: Executors
  readonly progress: ProgressBuffer
  readonly buffer: OutcomeBuffer
  readonly attempts: AttemptRunner
  readonly runners: QueueRunners
  readonly adoption: Adoption
  readonly heartbeat: Heartbeat
  readonly plugins: PluginLoops
  readonly cancels: CancelWatch
  readonly stager: Stager
  readonly recovery: Recovery
  readonly groups: GroupSweeper
  readonly lines: LineKeeper
  readonly lookout: Lookout
  readonly history: HistoryKeeper
  readonly watcher: QueueWatcher
  readonly unserved: UnservedJobs
}

/** What the parts tell the worker, and what they ask of it. */
export interface PartsOwner {
  readonly app: Parts
  readonly settings: WorkerSettings
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly tenure: Tenure
  readonly running: RunningAttempts
  readonly tags: () => readonly string[]
  /** A queue has jobs: tells its runners, here and elsewhere. */
  readonly announce: (queue: string) => void
  readonly onRenewal: (news: RenewalNews) => void
  readonly onRevoked: (workerId: string) => void
  readonly contextFor: (signal: AbortSignal) => PluginContext
  readonly signal: AbortSignal
}

/** Makes the parts and joins them. Nothing is started. */
export function makeParts(owner: PartsOwner): WorkerParts {
  const { app, settings, definitions, tenure, running, signal } = owner
  const { database, hub, clock, log, plugins } = app
  const { leaseMs } = settings
  const common = { database, hub, clock, log, leaseMs }
  const workerId = (): string => tenure.id

  const maxAttemptsOf = openTerms(definitions, log)
  const executors = new Executors({
    definitions,
    jobs: app.jobs,
    log,
    childEnv: settings.childEnv,
    onTrouble: () => runners.executorsChanged(),
  })
  const progress = new ProgressBuffer(database, hub, clock)
  const buffer = new OutcomeBuffer({
    ...common,
    onSaved: plugins.hasSaved ? (jobs) => plugins.onSaved(jobs, owner.contextFor(signal)) : null,
    onSettled: (job) => running.claims.ended(job.claim),
    claims: running.claims,
    onReady: owner.announce,
    onRoom: () => runners.wakeTurnedAway(),
  })
  const attempts = new AttemptRunner({
    ...common,
    definitions,
    plugins,
    buffer,
    running,
    progress,
    permit: tenure.lease,
  })
  const adoption = new Adoption({
    ...common,
    workerId,
    knows: (job) => running.knows(job) || buffer.knows(job),
    claims: running.claims,
    maxAttemptsOf,
    adopt: (jobs) => runners.adopt(jobs),
    onRevoked: owner.onRevoked,
  })
  const runners = new QueueRunners({
    ...common,
    executors,
    workerId,
    attempts,
    running,
    names: [...definitions.keys()],
    maxAttemptsOf,
    durableClaims: settings.durableClaims,
    claimant: () => (tenure.isTrusted && !buffer.isFull ? tenure.id : null),
    hears: app.hears,
    claims: adoption,
    onClosed: (queue) => watcher.doubt(queue),
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
    onQueue: (queue) => runners.run(queue),
    onGone: (name) => runners.retire(name),
    served: () => runners.served(),
    refusals: () => runners.refusals(),
  })
  return {
    executors,
    progress,
    buffer,
    attempts,
    runners,
    adoption,
    heartbeat: new Heartbeat(tenure.id, {
      ...common,
      schema: database.names.plainSchema,
      lease: tenure.lease,
      settings,
      url: settings.heartbeatUrl,
      onNews: owner.onRenewal,
    }),
    cancels: new CancelWatch({ ...common, workerId, running }),
    plugins: new PluginLoops(plugins, owner.contextFor),
    stager: new Stager({ ...common, onStaged: owner.announce }),
    recovery: new Recovery({
      ...common,
      lease: tenure.lease,
      heartbeatMs: settings.heartbeatMs,
      onCounted: (held) => {
        runners.workersSeen = held
      },
      onReady: owner.announce,
      // What was recovered becomes ready in a moment, through the stager.
      onRecovered: (queue) => hub.emit('job.scheduled', { queue }),
    }),
    unserved: new UnservedJobs({ ...common, workerId, isRun: (queue) => runners.has(queue) }),
    groups: new GroupSweeper({ ...common, onReady: owner.announce }),
    lines: new LineKeeper({
      ...common,
      dearLines: () => runners.dearLines(),
      onReady: owner.announce,
    }),
    lookout: new Lookout({ ...common, runners, names: [...definitions.keys()] }),
    history: new HistoryKeeper(common),
    watcher,
  }
}
