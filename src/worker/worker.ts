import { arch, hostname, platform } from 'node:os'
import type { Chancy } from '../app/chancy.ts'
import { show } from '../core/check.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import { type Retry, retrying } from '../database/retry.ts'
import { checkServer } from '../database/server-check.ts'
import { isChild } from '../executors/entry/child-mark.ts'
import { loadJobs, SLOW_MODULE } from '../executors/job-modules.ts'
import type { PluginContext } from '../plugin/plugin-context.ts'
import type { RenewalNews } from './lease-renewal.ts'
import { sayPooler } from './pooler-notice.ts'
import { checkRights } from './rights-check.ts'
import { warnOfRoot } from './root-warning.ts'
import { RunningAttempts } from './running-attempts.ts'
import { Shutdown } from './shutdown.ts'
import { stopOnSignals } from './stop-signals.ts'
import { Tenure } from './tenure.ts'
import { WorkerLog } from './worker-log.ts'
import { parseWorkerOptions, type WorkerOptions, type WorkerSettings } from './worker-options.ts'
import { makeParts, type WorkerParts } from './worker-parts.ts'

/**
 * Runs jobs: claims them from the queues that are for it, hands them to executors, saves what comes
 * out. One instance starts once; `stopped` resolves when all of it has ended.
 */
export class Worker {
  /** Resolves when nothing of this worker runs any more. */
  readonly stopped: Promise<void>
  readonly #chancy: Chancy
  readonly #settings: WorkerSettings
  readonly #tenure: Tenure
  readonly #running = new RunningAttempts()
  readonly #stopping = new AbortController()
  readonly #unlisten: (() => void)[] = []
  readonly #log: WorkerLog
  #parts: WorkerParts | null = null
  #isInDoubt = false
  #starting: Promise<void> | null = null
  #ending: Promise<void> | null = null
  #resolveStopped: () => void = () => {}

  /** @throws {ConfigError} when it is given no Chancy, or an option is wrong */
  constructor(chancy: Chancy, options?: WorkerOptions) {
    // By its shape: it may come from another copy of the package.
    const isChancy =
      typeof (chancy as Partial<Chancy> | undefined)?.parts?.explaining === 'function'
    if (!isChancy) {
      throw new ConfigError(
        `Worker: expected the Chancy whose jobs it runs, got ${show(chancy)}. Write new Worker(new Chancy(dsn, { jobs: … })).`,
      )
    }
    this.#chancy = chancy
    this.#settings = parseWorkerOptions(options)
    const { database, clock, log } = chancy.parts
    this.#tenure = new Tenure({
      database,
      clock,
      log,
      leaseMs: this.#settings.leaseMs,
      heartbeatMs: this.#settings.heartbeatMs,
      label: this.#settings.label,
      tagsOf: (workerId) => this.#tagsOf(workerId),
      signal: this.#stopping.signal,
    })
    this.#log = new WorkerLog({
      ...chancy.parts,
      workerId: () => this.id,
      queues: () => this.#parts?.runners.summaries() ?? [],
    })
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  /** The present id: a new one at each start, and after a lost lease. */
  get id(): string {
    return this.#tenure.id
  }

  /** What queues choose it by. */
  get tags(): readonly string[] {
    return this.#tagsOf(this.id)
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
    this.#starting ??= this.#chancy.parts.explaining(() => this.#startOrUndo())
    return this.#starting
  }

  /**
   * Claims nothing more, lets running jobs finish, saves, gives back the rest without using an
   * attempt. Resolves when all is done.
   */
  stop(): Promise<void> {
    this.#ending ??= this.#stop().finally(() => this.#resolveStopped())
    return this.#ending
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
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
    this.#resolveStopped()
  }

  async #start(): Promise<void> {
    const { clock, hub, listen } = this.#chancy.parts
    const { signal } = this.#stopping
    // A module that never finishes loading must not keep the worker from stopping.
    const parts = await Promise.race([this.#prepare(), aborted(signal)])
    if (parts === null) return
    this.#log.begin()
    warnOfRoot(this.#chancy.parts.log)
    const patient = {
      clock,
      signal,
      deadlineMs: Number.POSITIVE_INFINITY,
      idempotent: true,
      onRetry: ({ error }: Retry) => hub.emit('database.troubled', { what: 'starting', error }),
    }
    await retrying(() => checkRights(this.#chancy.parts.database), patient)
    await retrying(() => this.#chancy.checkMigrations(), patient)
    await retrying(() => checkServer(this.#chancy.parts.database), patient)
    await sayPooler(this.#chancy.parts)
    await this.#tenure.begin()
    if (signal.aborted) return
    this.#parts = parts
    this.#listen(parts)
    await listen()
    if (signal.aborted) return
    await parts.heartbeat.start()
    if (signal.aborted) return
    parts.plugins.start()
    parts.progress.start()
    parts.adoption.start()
    parts.stager.start()
    parts.recovery.start()
    parts.groups.start()
    parts.lines.start()
    parts.lookout.start()
    parts.history.start()
    await retrying(() => parts.watcher.start(), patient)
    await parts.runners.settled()
    await retrying(() => parts.watcher.publish(), patient)
    parts.unserved.start()
    hub.emit('worker.started', { workerId: this.id })
  }

  async #stop(): Promise<void> {
    this.#log.stopping(this.#running.all().length, this.#settings.shutdownTimeoutMs)
    this.#stopping.abort()
    const { notices, hub } = this.#chancy.parts
    const shutdown = this.#shutdown()
    this.#parts?.executors.abandonStarts()
    // A start that is under way ends first, so that nothing begins behind the end.
    if (this.#starting !== null) await shutdown.within(this.#starting)
    if (this.#parts !== null) await shutdown.stop(this.#parts)
    for (const unlisten of this.#unlisten) unlisten()
    notices?.flush()
    hub.emit('worker.stopped', { workerId: this.id })
    this.#log.end()
  }

  #shutdown(): Shutdown {
    const { database, clock, log } = this.#chancy.parts
    return new Shutdown({
      database,
      clock,
      log,
      tenure: this.#tenure,
      running: this.#running,
      timeoutMs: this.#settings.shutdownTimeoutMs,
    })
  }

  async #prepare(): Promise<WorkerParts> {
    if (isChild()) {
      throw new ConfigError(
        'A worker was started inside a child of a worker, by a job module: every child would start children of its own. Start the worker in a module that holds no jobs.',
      )
    }
    const app = this.#chancy.parts
    const definitions = await loadJobs(app.jobs, {
      onSlow: (module) => app.log.warn({ module }, SLOW_MODULE),
    })
    if (definitions.size === 0) {
      throw new ConfigError(
        'This worker knows no job function. Give them to the Chancy: new Chancy(dsn, { jobs: new URL("./jobs.js", import.meta.url) }).',
      )
    }
    this.#tenure.names = [...definitions.keys()]
    return makeParts({
      app,
      settings: this.#settings,
      definitions,
      tenure: this.#tenure,
      running: this.#running,
      tags: () => this.tags,
      announce: (queue) => this.#announce(queue),
      onRenewal: (news) => this.#onRenewal(news),
      onRevoked: (workerId) => this.#startOver(workerId),
      contextFor: (signal) => this.#contextFor(signal),
      signal: this.#stopping.signal,
    })
  }

  #listen({ runners, cancels }: WorkerParts): void {
    const { hub, clock, hints, localClaims } = this.#chancy.parts
    const { signals, shutdownTimeoutMs } = this.#settings
    this.#unlisten.push(
      hub.on('queue.pushed', ({ queue, isTaken }) => {
        if (!isTaken) runners.wake(queue)
      }),
      localClaims.add(runners),
      hub.on('notifier.resumed', () => runners.wakeAll()),
      hub.on('job.cancelled', ({ id }) => this.#running.ask(id, 'cancelled')),
      hints.onCancel((id) => cancels.hint(id)),
    )
    if (signals) this.#unlisten.push(stopOnSignals(this, { clock, shutdownTimeoutMs }))
  }

  #announce(queue: string): void {
    const { hub, notices } = this.#chancy.parts
    hub.emit('queue.pushed', { queue })
    notices?.announce('queue.pushed', queue)
  }

  #onRenewal(news: RenewalNews): void {
    const { hub, log } = this.#chancy.parts
    if (news.workerId !== this.id) return
    switch (news.kind) {
      case 'renewed':
        this.#parts?.cancels.found(news.cancelling)
        this.#holdsAgain()
        if (news.wasInterrupted) this.#hasten()
        hub.emit('lease.renewed', { workerId: this.id })
        return
      case 'revoked':
        this.#startOver(news.workerId)
        return
      case 'failed':
        if (!this.#tenure.isTrusted) {
          this.#doubt(news.message)
          hub.emit('lease.doubted', { workerId: this.id })
        }
        hub.emit('database.troubled', { what: 'renewing the lease', error: news.message })
        return
      case 'silent':
        log.error({ silentMs: news.silentMs }, 'event loop blocked too long, lease released')
        return
      default:
        news satisfies never
    }
  }

  /** Said once: a worker that claims nothing and says nothing would look like one with nothing to do. */
  #doubt(message: string): void {
    if (this.#isInDoubt) return
    this.#isInDoubt = true
    const { heartbeatUrl } = this.#settings
    const where = heartbeatUrl === null ? '' : ', and the option "heartbeatUrl" of this worker'
    this.#chancy.parts.log.error(
      { workerId: this.id, reason: message },
      `lease at risk, claiming suspended: it cannot be renewed, and jobs that run may be started again elsewhere. Check the server and the network${where}`,
    )
  }

  /** The database can be reached again: what backs off from it, or waits for its polls, need not. */
  #hasten(): void {
    const parts = this.#parts
    if (parts === null) return
    const { buffer, adoption, stager, recovery, watcher, runners } = parts
    for (const one of [buffer, adoption, stager, recovery, watcher, runners]) one.hasten()
  }

  #holdsAgain(): void {
    if (!this.#isInDoubt) return
    this.#isInDoubt = false
    this.#chancy.parts.log.info({ workerId: this.id }, 'lease restored, claiming resumed')
  }

  /** The lease is gone, and with it everything that was claimed under it: on with a new id. */
  #startOver(workerId: string): void {
    if (workerId !== this.id) return
    const { hub, log } = this.#chancy.parts
    this.#tenure.lose()
    log.warn(
      { workerId, newId: this.id },
      'lease lost, running jobs aborted: another worker found it expired',
    )
    this.#parts?.runners.forget()
    for (const { stop } of this.#running.takeAll()) stop.ask('lost')
    hub.emit('worker.lost', { workerId })
    if (this.#stopping.signal.aborted) return
    this.#tenure
      .begin()
      .then(() => {
        this.#parts?.heartbeat.renew(this.id)
        this.#parts?.runners.wakeAll()
      })
      .catch((error) => log.error({ err: error }, 'no new lease was taken'))
  }

  #tagsOf(workerId: string): readonly string[] {
    return [
      '*',
      `hostname=${hostname()}`,
      `worker_id=${workerId}`,
      `node=${process.versions.node}`,
      `os=${platform()}`,
      `arch=${arch()}`,
      ...this.#settings.tags,
    ]
  }

  #contextFor(signal: AbortSignal): PluginContext {
    const { database, hub, clock, log } = this.#chancy.parts
    return {
      database,
      hub,
      clock,
      log,
      signal,
      workerId: this.id,
      push: (job) => this.#chancy.push(job),
    }
  }
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}
