import { checkOptions, didYouMean, show } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import type { Explanation, QueueExplanation } from '../core/explanation.ts'
import type { ResultOfWhole, Whole } from '../core/job.ts'
import { toJob } from '../core/job-function.ts'
import { checkQueueName } from '../core/job-name.ts'
import type { JobSource } from '../core/job-source.ts'
import { type Logger, safeLogger } from '../core/logger.ts'
import { pushRow } from '../core/push-row.ts'
import type { Queue } from '../core/queue.ts'
import type { FinishedState, JobState, QueuedJob } from '../core/queued-job.ts'
import { Reference } from '../core/reference.ts'
import { plainArray } from '../database/array-literal.ts'
import { Database } from '../database/database.ts'
import type { Driver } from '../database/driver.ts'
import { driverFrom } from '../database/driver-from.ts'
import { coreMigrations } from '../database/migrations/core.ts'
import type { Migrations } from '../database/migrations/migration.ts'
import { checkVersions, migrate, readVersions } from '../database/migrator.ts'
import { namesOf } from '../database/names.ts'
import { Notifier } from '../database/notifier.ts'
import { queuedJob, type WorkerInfo, workerInfo } from '../database/rows.ts'
import type { CancelVerdict } from '../database/statements/jobs.ts'
import { getJobs, listJobs } from '../database/statements/queued-jobs.ts'
import { notifyChannel } from '../database/statements/queues.ts'
import { getWorkers } from '../database/statements/workers.ts'
import { EVENT_NAMES, type EventMap, type EventName } from '../events/event-map.ts'
import { Hub } from '../events/hub.ts'
import { PluginSet } from '../plugin/plugin-set.ts'
import { Asker } from './asker.ts'
import type { Jobs } from './batches.ts'
import { lazyLogger } from './default-logger.ts'
import { explain, explainByQueue } from './explain.ts'
import { Hints } from './hints.ts'
import { JobActions } from './job-actions.ts'
import { idOf, idsOf, type JobId } from './job-id.ts'
import { type ListOptions, listValues } from './list-options.ts'
import { LocalClaims } from './local-claims.ts'
import { type ChancyOptions, parseChancyOptions } from './options.ts'
import { Pushes } from './pushes.ts'
import { type DeclaredQueue, QueueRegistry } from './queue-registry.ts'
import { type WaitOptions, Waits } from './waits.ts'
import { WakeNotices } from './wake-notices.ts'

/** What a worker builds on. Not for users. @internal */
export interface Parts {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  readonly jobs: readonly JobSource[]
  readonly plugins: PluginSet
  readonly notices: WakeNotices | null
  readonly hints: Hints
  readonly localClaims: LocalClaims
  readonly listen: () => Promise<void>
  /** Whether this process hears of every job that becomes ready. */
  readonly hears: () => boolean
  /** Refuses when it is closed, and makes errors of Chancy of those of the database. */
  readonly explaining: <T>(work: () => Promise<T>) => Promise<T>
}

export interface PushOptions {
  /**
   * The caller's own transaction: a connected `pg` client, a postgres.js or PGlite transaction. The
   * job exists if and only if that transaction commits. Default: a transaction of its own.
   */
  readonly session?: unknown
}

/**
 * An application: where its jobs are, and everything that can be done to them but running them.
 * Connects when first used. `close()` it, or declare it with `await using`.
 */
export class Chancy {
  /** @internal */
  readonly parts: Parts
  readonly #driver: Driver
  readonly #database: Database
  readonly #hub: Hub
  readonly #clock: Clock
  readonly #lines: readonly Migrations[]
  readonly #asker: Asker
  readonly #queues: QueueRegistry
  readonly #pushes: Pushes
  readonly #notices: WakeNotices | null
  readonly #notifier: Notifier | null
  readonly #waits: Waits
  readonly #actions: JobActions
  #closing: Promise<void> | null = null
  #isClosed = false
  readonly #sending = new Set<Promise<void>>()

  /**
   * @param database a DSN, or a driver: `pgDriver(pool)`, `postgresJsDriver(sql)`,
   *   `pgliteDriver(db)`, `embeddedPostgres({ directory })`
   * @throws {ConfigError} when the DSN or an option is wrong; nothing is connected yet
   */
  constructor(database: string | Driver, options?: ChancyOptions) {
    const settings = parseChancyOptions(options, [])
    const names = namesOf(settings.schema)
    const { clock } = settings
    const log = safeLogger(settings.logger ?? lazyLogger())
    this.#clock = clock
    this.#driver = driverFrom(database, {
      ...(settings.pooler === null ? {} : { pooler: settings.pooler }),
    })
    this.#database = new Database(this.#driver, names, {
      clock,
      prepare: settings.pooler === null,
    })
    this.#hub = new Hub((name, error) =>
      log.error({ err: error, event: name }, 'a listener failed'),
    )
    const plugins = new PluginSet(settings.plugins, log)
    this.#lines = [coreMigrations, ...plugins.plugins.flatMap((plugin) => plugin.migrations ?? [])]
    this.#notices = settings.notifications
      ? new WakeNotices(clock, (payload) => this.#notify(payload))
      : null
    const deadlineMs = settings.pushDeadlineMs
    const localClaims = new LocalClaims()
    this.#asker = new Asker({
      database: this.#database,
      deadlineMs,
      checkMigrations: () => this.checkMigrations(),
      checkOpen: () => this.#checkOpen(this.#isClosed),
    })
    this.#queues = new QueueRegistry(this.#asker, log, (queue) => this.#queueChanged(queue))
    this.#pushes = new Pushes({
      database: this.#database,
      hub: this.#hub,
      clock,
      notices: this.#notices,
      localClaims,
      deadlineMs,
      explained: (error) => this.#asker.explained(error),
    })
    const hints = new Hints(this.#hub, clock, this.#notices)
    const canListen = settings.notifications && settings.pooler === null
    this.#notifier = canListen ? new Notifier(this.#driver, names.channel, clock, hints) : null
    this.#actions = new JobActions(this.#asker, this.#hub, this.#notices)
    this.#waits = new Waits(this.#asker, this.#hub, this.#notifier !== null)
    this.parts = {
      database: this.#database,
      hub: this.#hub,
      clock,
      log,
      jobs: settings.jobs,
      plugins,
      notices: this.#notices,
      hints,
      localClaims,
      listen: async () => this.#notifier?.start(),
      hears: () => this.#notifier?.isListening ?? false,
      explaining: async (work) => {
        this.#checkOpen()
        return this.#asker.explaining(work)
      },
    }
  }

  /**
   * Brings the schema to this release, or the core to the version `to`, up or down. Any number of
   * processes may call it at once.
   */
  async migrate(options?: { readonly to?: number }): Promise<void> {
    const { to } = checkOptions(options, ['to'], 'migrate') as { to?: number }
    await this.#asker.explaining(() => migrate(this.#database, this.#lines, to))
  }

  /** Whether the schema is at the versions of this release. */
  async isUpToDate(): Promise<boolean> {
    const versions = await this.#asker.explaining(() => readVersions(this.#database, this.#lines))
    return versions.every(({ have, want }) => have === want)
  }

  /** @throws {MigrationsNeededError} when it is not. @internal */
  async checkMigrations(): Promise<void> {
    await checkVersions(this.#database, this.#lines)
  }

  /**
   * Declares a queue and gives it back as stored. One that exists stays as it is, unless `upsert`;
   * what it was given and is stored otherwise is logged, and stands in `ignored`.
   */
  declare(queue: Queue, options?: { readonly upsert?: boolean }): Promise<DeclaredQueue> {
    return this.#queues.declare(queue, options)
  }

  /** @throws {NotFoundError} `QUEUE_NOT_FOUND` */
  getQueue(name: string): Promise<Queue> {
    return this.#queues.get(name)
  }

  getQueues(): Promise<Queue[]> {
    return this.#queues.all()
  }

  /** Its jobs stay and wait until it is declared again. @throws {NotFoundError} */
  deleteQueue(name: string): Promise<void> {
    return this.#queues.delete(name)
  }

  /** Nothing more of it starts, anywhere, until `resumeAt` or `resumeQueue`; what runs goes on. */
  pauseQueue(name: string, options?: { readonly resumeAt?: Date }): Promise<void> {
    return this.#queues.pause(name, options)
  }

  resumeQueue(name: string): Promise<void> {
    return this.#queues.resume(name)
  }

  /**
   * Pushes a job. Resolves when its row is committed; inside `session`, when it is written there.
   * Many calls at once share statements by themselves.
   *
   * @throws {ConfigError} when the job cannot be stored, before anything is written
   * @throws {UniqueKeyError} `UNIQUE_KEY_BUSY`
   * @throws {DatabaseError} when the database did not take it before the deadline
   */
  async push<R, A>(job: Whole<R, A>, options?: PushOptions): Promise<Reference<R>> {
    const made = pushRow(toJob(job), this.#clock.now())
    const row = made instanceof Promise ? await made : made
    this.#checkOpen()
    const session =
      options === undefined ? undefined : checkOptions(options, ['session'], 'push').session
    const pushed = session === undefined ? this.#pushes.one(row) : this.#pushes.oneIn(session, row)
    const { id, created } = await pushed
    return new Reference<R>(id, created)
  }

  /**
   * Pushes many jobs, `batchSize` (default 5,000) a transaction, or all in the caller's. Takes any
   * iterable, and holds at most three batches of it in memory. The jobs appear in its order, and none
   * behind a batch that failed. Where the driver has 4 sessions or more, two batches are written at once.
   *
   * `close()` ends it between two batches, and at once where it waits for a job of an asynchronous
   * iterable; what was read by then is pushed, and waited for.
   *
   * @throws {ChancyError} `CLOSED` when it was ended so; `details.pushed` jobs, the first ones, are there
   */
  async pushMany<T>(
    jobs: Jobs<T>,
    options?: PushOptions & { readonly batchSize?: number },
  ): Promise<Reference<ResultOfWhole<T>>[]> {
    this.#checkOpen()
    return this.#pushes.many(jobs, options)
  }

  /** The job as it is now, or null when there is none. */
  async getJob<R = unknown>(ref: JobId<R>): Promise<QueuedJob<unknown, R> | null> {
    const [job] = await this.getJobs([ref])
    return (job ?? null) as QueuedJob<unknown, R> | null
  }

  /** In order of the references; those that do not exist are left out. */
  async getJobs(refs: Iterable<JobId>): Promise<QueuedJob[]> {
    const ids = idsOf(refs, 'getJobs')
    if (ids.length === 0) return []
    const rows = await this.#asker.read(getJobs, [plainArray(ids)])
    const jobs = new Map(rows.map((row) => [row.id, queuedJob(row)]))
    return ids.map((id) => jobs.get(id)).filter((job) => job !== undefined)
  }

  /** A page of jobs, newest first. */
  async listJobs(options?: ListOptions): Promise<QueuedJob[]> {
    const rows = await this.#asker.read(listJobs, listValues(options))
    return rows.map(queuedJob)
  }

  /**
   * Waits until a job has finished, or is in one of `states`, and gives back its snapshot from then.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`: it is not committed, or was pruned meanwhile
   * @throws {WaitTimedOutError}
   */
  async waitForJob<R, S extends JobState = FinishedState>(
    ref: JobId<R>,
    options?: WaitOptions<S>,
  ): Promise<QueuedJob<unknown, R, S>> {
    const [job] = await this.waitForJobs<R, S>([ref], options)
    return job as QueuedJob<unknown, R, S>
  }

  /** Waits for all of them; one snapshot a reference, in order. */
  async waitForJobs<R, S extends JobState = FinishedState>(
    refs: Iterable<JobId<R>>,
    options?: WaitOptions<S>,
  ): Promise<QueuedJob<unknown, R, S>[]> {
    this.#checkOpen()
    const ids = idsOf(refs, 'waitForJobs')
    void this.#notifier?.start()
    return (await this.#waits.waitFor(ids, options)) as QueuedJob<unknown, R, S>[]
  }

  /**
   * Cancels a job: a waiting one at once, a running one by its signal and then, where the executor
   * can, by force.
   *
   * @returns 'cancelled', 'requested' (it is running), 'finished' (too late), or 'unknown'
   */
  cancel(ref: JobId): Promise<CancelVerdict> {
    return this.#actions.cancel(ref)
  }

  /**
   * Puts a failed or cancelled job back to waiting, with one more attempt allowed. One whose
   * `scheduledAt` has not come waits for it again.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   * @throws {UniqueKeyError} `UNIQUE_KEY_TAKEN` when another job has its key
   * @throws {ConfigError} when it is waiting, running or has succeeded
   */
  retry(ref: JobId): Promise<void> {
    return this.#actions.retry(ref)
  }

  /**
   * Says why a job is not running: every reason, with holders and the earliest start where they are
   * known. Only reads.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   */
  async explain(ref: JobId): Promise<Explanation> {
    return explain(this.#asker, idOf(ref))
  }

  /** The waiting jobs of a queue counted by what keeps them, to 10,000 each. */
  async explainQueue(name: string): Promise<QueueExplanation> {
    return explainByQueue(this.#asker, checkQueueName(name, 'explainQueue'))
  }

  /** Workers with a row: those that live, and for a day those that were lost. */
  async getWorkers(): Promise<WorkerInfo[]> {
    return (await this.#asker.read(getWorkers, [])).map(workerInfo)
  }

  /** Listens to what happens in this process. Gives back what ends the listening. */
  on<Name extends EventName>(event: Name, listener: (payload: EventMap[Name]) => void): () => void {
    if (!EVENT_NAMES.includes(event)) {
      const hint = didYouMean(String(event), EVENT_NAMES)
      throw new ConfigError(`on: there is no event ${show(event)}.${hint}`)
    }
    if (typeof listener !== 'function') {
      throw new ConfigError(`on: expected a function that listens, got ${show(listener)}.`)
    }
    return this.#hub.on(event, listener)
  }

  /**
   * Sends what is gathered, then lets go of the database. A pool that was handed in stays open. A
   * `pushMany` under way ends at its next batch.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#pushes.close()
    this.#notices?.flush()
    await this.#waits.close()
    await this.#notifier?.stop()
    await Promise.all(this.#sending)
    this.#isClosed = true
    await this.#driver.close()
  }

  async #queueChanged(queue: string): Promise<void> {
    this.#hub.emit('queue.changed', { queue })
    if (this.#notices !== null) await this.#send(this.#notices.payload('queue.changed', queue))
  }

  #notify(payload: string): void {
    const sent = this.#send(payload).finally(() => this.#sending.delete(sent))
    this.#sending.add(sent)
  }

  /** A notification that cannot be sent costs time only. */
  async #send(payload: string): Promise<void> {
    try {
      await this.#database.run(notifyChannel, [this.#database.names.channel, payload])
    } catch (error) {
      this.#hub.emit('database.troubled', { what: 'sending a notification', error })
    }
  }

  #checkOpen(isClosed = this.#closing !== null): void {
    if (!isClosed) return
    throw new ChancyError('CLOSED', 'This Chancy is closed. Make a new one.')
  }
}

/** Accepts durations wherever the options do; named here for the declaration files. */
export type { Duration }
