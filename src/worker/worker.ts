import type { Chancy } from '../app/chancy.ts'
import { inspect } from '../core/check.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import { type Retry, retrying } from '../database/retry.ts'
import { checkServer } from '../database/server-check.ts'
import { PLUGIN_ACCESS, type PluginContext } from '../plugin/access/plugin-access.ts'
import type { Plugin } from '../plugin/plugin.ts'
import { ClaimLedger } from './attempts/claim-ledger.ts'
import { IdleWatch } from './idle-watch.ts'
import { WorkerLease } from './lease/worker-lease.ts'
import { LeaseFollower } from './lease-follower.ts'
import { LoopLag } from './loop-lag.ts'
import { sayPooler } from './pooler-notice.ts'
import { checkRights } from './rights-check.ts'
import { warnOfRoot } from './root-warning.ts'
import { Shutdown } from './shutdown.ts'
import { stopOnSignals } from './stop-signals.ts'
import { stateOf, type WorkerHealth } from './worker-health.ts'
import { WorkerLog } from './worker-log.ts'
import { parseWorkerOptions, type WorkerOptions, type WorkerSettings } from './worker-options.ts'
import type { WorkerParts } from './worker-parts.ts'
import { workerTags } from './worker-tags.ts'

/**
 * Runs jobs: claims them from the queues that are for it, hands them to executors, saves what comes
 * out. One instance starts once; `stopped` resolves when all of it has ended.
 */
export class Worker {
  /** Resolves when nothing of this worker runs any more. */
  readonly stopped: Promise<void>
  readonly #chancy: Chancy
  readonly #settings: WorkerSettings
  readonly #lease: WorkerLease
  readonly #leaseFollower: LeaseFollower
  readonly #ledger = new ClaimLedger()
  readonly #idle: IdleWatch
  readonly #loopLag = new LoopLag()
  readonly #stopping = new AbortController()
  readonly #unlisten: (() => void)[] = []
  readonly #log: WorkerLog
  #parts: WorkerParts | null = null
  #names: readonly string[] = []
  #isStarted = false
  #isPaused = false
  #isStopped = false
  #starting: Promise<void> | null = null
  #ending: Promise<void> | null = null
  #resolveStopped: () => void = () => {}

  /** @throws {ConfigError} when it is given no Chancy, or an option is wrong */
  constructor(chancy: Chancy, options?: WorkerOptions) {
    // By its shape: it may come from another copy of the package.
    const isChancy =
      typeof (chancy as Partial<Chancy> | undefined)?.internals?.translatingErrors === 'function'
    if (!isChancy) {
      throw new ConfigError(
        `Worker: expected the Chancy whose jobs it runs, got ${inspect(chancy)}. Write new Worker(new Chancy(dsn, { jobs: … })).`,
      )
    }
    this.#chancy = chancy
    this.#settings = parseWorkerOptions(options)
    const { database, clock, log } = chancy.internals
    this.#lease = new WorkerLease({
      database,
      clock,
      log,
      leaseMs: this.#settings.leaseMs,
      heartbeatMs: this.#settings.heartbeatMs,
      label: this.#settings.label,
      version: this.#settings.version,
      tagsOf: (workerId) => workerTags(workerId, this.#settings.tags),
      signal: this.#stopping.signal,
    })
    this.#leaseFollower = new LeaseFollower({
      ...chancy.internals,
      lease: this.#lease,
      ledger: this.#ledger,
      parts: () => this.#parts,
      hasHeartbeatUrl: this.#settings.heartbeatUrl !== null,
      signal: this.#stopping.signal,
    })
    this.#idle = new IdleWatch({
      ...chancy.internals,
      ledger: this.#ledger,
      workerId: () => this.id,
      names: () => this.#names,
      isPaused: () => this.#isPaused,
    })
    this.#log = new WorkerLog({
      ...chancy.internals,
      workerId: () => this.id,
      queues: () => this.#parts?.runners.summaries() ?? [],
      isPaused: () => this.#isPaused,
    })
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = () => {
        this.#isStopped = true
        this.#loopLag.stop()
        resolve()
      }
    })
  }

  /** The present id: a new one at each start, and after a lost lease. */
  get id(): string {
    return this.#lease.id
  }

  /** What queues choose it by. */
  get tags(): readonly string[] {
    return workerTags(this.id, this.#settings.tags)
  }

  /**
   * Resolves when it claims. A server that is away is waited for.
   *
   * @throws {ConfigError} when there is no job function to run
   * @throws {MigrationsNeededError}
   * @throws {DatabaseError} `RIGHTS_MISSING` when its role lacks rights; or when the server refuses it, such as for a wrong password
   * @throws {ChancyError} `CLOSED` when it was stopped before, or its Chancy is closed
   */
  start(): Promise<void> {
    if (this.#ending !== null) {
      const message =
        'This worker was stopped, and a worker starts once. Make a new one: new Worker(chancy).'
      return Promise.reject(new ChancyError('CLOSED', message))
    }
    this.#starting ??= this.#chancy.internals.translatingErrors(() => this.#startOrUndo())
    return this.#starting
  }

  /**
   * Claims nothing more, lets running jobs finish, saves, returns the rest without using an
   * attempt. Resolves when all is done.
   */
  stop(): Promise<void> {
    this.#ending ??= this.#stop().finally(() => this.#resolveStopped())
    return this.#ending
  }

  /**
   * Claims nothing until `resume()`, in this worker alone; called before `start()`, it starts paused. Jobs that run
   * continue, and jobs that were claimed and have not begun are returned without using an attempt. The lease is
   * renewed, and the tables are kept in order, as before.
   *
   * Resolves when no claim is under way and nothing more begins.
   */
  async pause(): Promise<void> {
    if (!this.#isPaused) {
      this.#isPaused = true
      if (this.#isRunning) {
        this.#chancy.internals.hub.emit('worker.paused', { workerId: this.id })
        this.#parts?.watcher.changed()
      }
    }
    if (this.#ending === null) await this.#parts?.runners.pause()
  }

  /**
   * Claims again.
   *
   * @throws {ChancyError} `CLOSED` when it was stopped
   */
  resume(): void {
    if (this.#ending !== null || this.#isStopped) throw stopped('resume()')
    if (!this.#isPaused) return
    this.#isPaused = false
    if (!this.#isRunning) return
    this.#chancy.internals.hub.emit('worker.resumed', { workerId: this.id })
    this.#parts?.runners.wakeAll()
    this.#parts?.watcher.changed()
  }

  /**
   * Resolves when nothing of its queues is due, and nothing runs here or is unsaved. Due is
   * what it could start now, blocked jobs of concurrency groups included. Jobs that wait for a time are not: scheduled
   * ones, and those of a queue that is paused or has no start left in its rate limit. Nor are jobs that run on other
   * workers, or whose function it does not know. While the worker is paused, what is due waits for `resume()`.
   *
   * @param signal Ends the wait with the signal's reason.
   * @throws {ConfigError} before `start()`, or for what is no signal
   * @throws {ChancyError} `CLOSED` when it was stopped, or is stopped meanwhile
   */
  async idle(signal?: AbortSignal): Promise<void> {
    if (this.#ending !== null || this.#isStopped) throw stopped('idle()')
    if (this.#starting === null) {
      throw new ConfigError('idle: this worker was not started. Call start() before.')
    }
    await this.#idle.idle(signal)
  }

  /** How it is now; reads nothing but its own memory. */
  health(): WorkerHealth {
    return {
      state: stateOf({
        isStarted: this.#isStarted,
        isPaused: this.#isPaused,
        isStopping: this.#ending !== null,
        isStopped: this.#isStopped,
        isLeaseTrusted: this.#lease.isTrusted,
      }),
      leaseMs: Math.floor(this.#lease.state.leftMs()),
      running: this.#parts?.runners.running ?? 0,
      queues: this.#isStopped ? [] : (this.#parts?.runners.served() ?? []),
      loopLagMs: this.#loopLag.ms,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Whether its start was announced, and its end has not begun. */
  get #isRunning(): boolean {
    return this.#isStarted && this.#ending === null
  }

  async #startOrUndo(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      await this.#undo()
      throw error
    }
  }

  /** After a start that failed: no lease, no child and no listener is left of it. */
  async #undo(): Promise<void> {
    const parts = this.#parts
    if (this.#ending === null) this.#parts = null
    this.#stopping.abort()
    parts?.executors.abandonStarts()
    // A stop that did not wait for the start does the rest itself.
    if (parts !== null && this.#ending === null) await this.#shutdown().stop(parts)
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#log.end()
    this.#idle.end(stopped('idle()'))
    this.#resolveStopped()
  }

  async #start(): Promise<void> {
    const { clock, hub, listen } = this.#chancy.internals
    const { signal } = this.#stopping
    // A module that never finishes loading must not keep the worker from stopping.
    const parts = await Promise.race([this.#prepare(), aborted(signal)])
    if (parts === null) return
    this.#loopLag.start()
    this.#log.begin()
    warnOfRoot(this.#chancy.internals.log)
    const patient = {
      clock,
      signal,
      deadlineMs: Number.POSITIVE_INFINITY,
      idempotent: true,
      onRetry: ({ error }: Retry) => hub.emit('database.error', { what: 'starting', error }),
    }
    const { database, plugins } = this.#chancy.internals
    await retrying(() => checkRights(database, plugins.plugins), patient)
    await retrying(() => this.#chancy.checkMigrations(), patient)
    await retrying(() => checkServer(database), patient)
    await sayPooler(this.#chancy.internals)
    await this.#lease.acquire()
    if (signal.aborted) return
    this.#parts = parts
    this.#listen(parts)
    await listen()
    if (signal.aborted) return
    await parts.heartbeat.start()
    if (signal.aborted) return
    parts.plugins.start()
    parts.progress.start()
    parts.reconciler.start()
    parts.stager.start()
    parts.recovery.start()
    parts.groups.start()
    parts.uniqueKeys.start()
    parts.bulk.start()
    parts.flows.start()
    parts.signals.start()
    parts.steps.start()
    parts.watermarks.start()
    parts.idleQueues.start()
    parts.history.start()
    parts.dayIndexes.start()
    await retrying(() => parts.watcher.start(), patient)
    await parts.runners.settled()
    await retrying(() => parts.watcher.publish(), patient)
    parts.unserved.start()
    this.#isStarted = true
    hub.emit('worker.started', { workerId: this.id })
    this.#idle.begin(parts)
  }

  async #stop(): Promise<void> {
    this.#log.stopping(this.#ledger.running.size, this.#settings.shutdownTimeoutMs)
    this.#stopping.abort()
    this.#idle.end(stopped('idle()'))
    const { throttle, hub } = this.#chancy.internals
    const shutdown = this.#shutdown()
    this.#parts?.executors.abandonStarts()
    // A start that is under way ends first, so that nothing begins behind the end.
    if (this.#starting !== null) await shutdown.within(this.#starting)
    if (this.#parts !== null) await shutdown.stop(this.#parts)
    for (const unlisten of this.#unlisten) unlisten()
    throttle?.flush()
    hub.emit('worker.stopped', { workerId: this.id })
    this.#log.end()
  }

  #shutdown(): Shutdown {
    const { database, clock, log, plugins } = this.#chancy.internals
    return new Shutdown({
      database,
      clock,
      log,
      lease: this.#lease,
      running: this.#ledger.running,
      timeoutMs: this.#settings.shutdownTimeoutMs,
      flushPlugins: () => plugins.flush(({ name }) => this.#chancy[PLUGIN_ACCESS](name)),
    })
  }

  async #prepare(): Promise<WorkerParts> {
    const app = this.#chancy.internals
    // A producer imports this class too, and loads none of what runs jobs.
    const [{ assembleWorker }, { loadJobsOf }] = await Promise.all([
      import('./worker-parts.ts'),
      import('./loaded-jobs.ts'),
      app.prepareLog(),
    ])
    const loaded = await loadJobsOf(app)
    this.#names = [...loaded.definitions.keys()]
    this.#lease.names = this.#names
    return assembleWorker({
      ...loaded,
      app,
      settings: this.#settings,
      lease: this.#lease,
      ledger: this.#ledger,
      tags: () => this.tags,
      announce: (queue) => this.#announce(queue),
      isPaused: () => this.#isPaused,
      onRenewal: (result) => this.#leaseFollower.renewed(result),
      onRevoked: (workerId) => this.#leaseFollower.revoked(workerId),
      contextFor: (plugin, signal) => this.#contextFor(plugin, signal),
      signal: this.#stopping.signal,
    })
  }

  #listen({ runners, cancels, durable }: WorkerParts): void {
    const { hub, clock, hints, claimOffers } = this.#chancy.internals
    const { signals, shutdownTimeoutMs } = this.#settings
    this.#unlisten.push(
      hub.on('queue.pushed', ({ queue, isTaken }) => {
        if (!isTaken) runners.wake(queue)
      }),
      claimOffers.add(runners),
      hub.on('notifier.reconnected', () => runners.wakeAll()),
      hub.on('job.cancelled', ({ id }) => this.#ledger.running.ask(id, 'cancelled')),
      hints.onCancel((id) => cancels.hint(id)),
      hub.on('job.signaled', ({ id }) => durable.hint(id)),
      hub.on('signal.left', ({ id }) => durable.hint(id)),
    )
    if (signals) this.#unlisten.push(stopOnSignals(this, { clock, shutdownTimeoutMs }))
  }

  #announce(queue: string): void {
    const { hub, throttle } = this.#chancy.internals
    hub.emit('queue.pushed', { queue })
    throttle?.announce('queue.pushed', queue)
  }

  #contextFor(plugin: Plugin, signal: AbortSignal): PluginContext {
    const access = this.#chancy[PLUGIN_ACCESS](plugin.name)
    return Object.defineProperties(
      { ...access, signal, version: this.#settings.version },
      // The present one: a worker that loses its lease continues under another id.
      { workerId: { get: () => this.id, enumerable: true } },
    ) as PluginContext
  }
}

function stopped(call: string): ChancyError {
  return new ChancyError(
    'CLOSED',
    `${call}: this worker was stopped, and a worker starts once. Make a new one: new Worker(chancy).`,
  )
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}
