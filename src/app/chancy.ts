import type { Duration } from '../core/duration.ts'
import { ChancyError } from '../core/errors.ts'
import type { Pushable, ResultOfPushable } from '../core/job.ts'
import type { Queue } from '../core/queue.ts'
import type { FinishedState, JobState, QueuedJob } from '../core/queued-job.ts'
import { idsOf, type JobId, Reference } from '../core/reference.ts'
import { isWorkflow, type Workflow } from '../core/workflow/workflow.ts'
import type { WorkflowReference } from '../core/workflow-reference.ts'
import { plainArray } from '../database/array-literal.ts'
import type { Driver } from '../database/driver.ts'
import { queuedJob, type WorkerInfo, workerInfo } from '../database/rows.ts'
import { getJobs } from '../database/statements/queued-jobs.ts'
import { getWorkers } from '../database/statements/workers.ts'
import type { EventMap, EventName } from '../events/event-map.ts'
import { checkListener } from '../events/listener.ts'
import {
  PLUGIN_ACCESS,
  type PluginAccess,
  type PluginHost,
} from '../plugin/access/plugin-access.ts'
import type { Plugin } from '../plugin/plugin.ts'
import { PLUGIN_LIST } from '../plugin/plugin-list.ts'
import { ActionCalls } from './action-calls.ts'
import type { AppInternals } from './app-internals.ts'
import { type AppParts, assembleApp } from './app-parts.ts'
import type { Diagnosis } from './doctor/doctor.ts'
import type { DurableActions } from './durable/durable-actions.ts'
import {
  type ChancyOptions,
  type PushJobOptions,
  type PushOptions,
  parseChancyOptions,
} from './options.ts'
import type { Jobs } from './push/batches.ts'
import { peeked } from './push/peeked.ts'
import { type ListOptions, readPage } from './read/list-options.ts'
import type { WaitOptions } from './read/waiter.ts'
import type { SchemaVersion } from './schema-versions.ts'
import type { JobSearch } from './search/job-search.ts'
import type { WorkflowActions } from './workflows/workflow-actions.ts'

/**
 * An application: where its jobs are, and everything that can be done to them but running them.
 * Connects when first used. `close()` it, or declare it with `await using`.
 */
export class Chancy extends ActionCalls implements PluginHost {
  /** @internal */
  readonly internals: AppInternals
  readonly #parts: AppParts
  #closing: Promise<void> | null = null
  #isClosed = false

  /**
   * @param database a DSN, or a driver: `pgDriver(pool)`, `pgliteDriver(db)`, `embeddedPostgres({ directory })` …
   * @throws {ConfigError} when the DSN or an option is wrong; nothing is connected yet
   */
  constructor(database: string | Driver, options?: ChancyOptions) {
    super()
    this.#parts = assembleApp({
      database,
      settings: parseChancyOptions(options, this.defaultPlugins()),
      checkMigrations: () => this.checkMigrations(),
      checkOpen: () => this.#checkOpen(),
      checkReleased: () => this.#checkOpen(this.#isClosed),
      push: (job, given) => this.push(job, given as PushOptions),
    })
    this.internals = this.#parts.internals
  }

  /**
   * Brings the schema to this release, the core first and then the plugins. With `to`, brings the core to
   * that version, up or down; on the way down the tables of the plugins go first. With `plugin`, moves the
   * tables of that plugin alone. Any number of processes may call it concurrently.
   *
   * @throws {ConfigError} for a version that there is not
   * @throws {PluginError} `PLUGIN_MISSING`
   */
  migrate(options?: { readonly to?: number; readonly plugin?: string }): Promise<void> {
    return this.#parts.schema.migrate(options)
  }

  /**
   * The SQL that `migrate` with the same options would run now, as a script for psql, or null when there is nothing
   * to do. Changes nothing.
   *
   * @throws {ConfigError} for a version that there is not
   * @throws {PluginError} `PLUGIN_MISSING`
   */
  migrationSql(options?: {
    readonly to?: number
    readonly plugin?: string
  }): Promise<string | null> {
    return this.#parts.schema.script(options)
  }

  /** The versions of the core, which come first, and of each plugin that has tables. */
  getSchemaVersions(): Promise<SchemaVersion[]> {
    return this.#parts.schema.all()
  }

  /** What a plugin reaches of this application: see `pluginAccess`. */
  [PLUGIN_ACCESS](plugin: string): PluginAccess {
    return this.#parts.door.accessOf(plugin)
  }

  /** Its plugins, the default ones among them: see `pluginsOf`. */
  get [PLUGIN_LIST](): readonly Plugin[] {
    return this.#parts.plugins.plugins
  }

  /** The plugins that are there unless they are switched off. @internal */
  protected defaultPlugins(): readonly Plugin[] {
    return []
  }

  /** Whether this release works on the schema as it is: no migration is missing, and no newer one breaks it. */
  isUpToDate(): Promise<boolean> {
    return this.#parts.schema.isUpToDate()
  }

  /** @throws {MigrationsNeededError} when it is not. @internal */
  async checkMigrations(): Promise<void> {
    await this.#parts.schema.check()
  }

  /** @throws {NotFoundError} `QUEUE_NOT_FOUND` */
  getQueue(name: string): Promise<Queue> {
    return this.#parts.queues.get(name)
  }

  /** All declared queues, by name. */
  getQueues(): Promise<Queue[]> {
    return this.#parts.queues.all()
  }

  /**
   * Pushes a job, or a workflow in one transaction. Resolves when it is committed; inside `session`, when it is written
   * there. Concurrent calls share statements by themselves.
   *
   * @throws {ConfigError} when it cannot be stored, before anything is written
   * @throws {UniqueKeyError} `UNIQUE_KEY_BUSY`
   * @throws {DatabaseError} when the database did not take it before the deadline
   */
  async push<O>(workflow: Workflow<O>, options?: PushOptions): Promise<WorkflowReference<O>>
  async push<R, A>(job: Pushable<R, A>, options?: PushJobOptions): Promise<Reference<R>>
  async push(
    job: Pushable<unknown, unknown> | Workflow,
    options?: PushOptions,
  ): Promise<Reference | WorkflowReference> {
    if (isWorkflow(job)) return (await this.workflows()).push(job, options)
    const made = this.#parts.makeRow(job)
    const row = made instanceof Promise ? await made : made
    this.#checkOpen()
    const { id, created } = await this.#parts.producer.push(row, options)
    return new Reference(id, created)
  }

  /**
   * Pushes many jobs, `batchSize` (default 5,000) a transaction, or all in the caller's. Takes any
   * iterable, and holds at most three batches of it in memory. The jobs appear in its order, and none
   * behind a batch that failed. Where the driver has 4 sessions or more, two batches are written concurrently.
   *
   * Workflows are pushed one after the other, each in a transaction of its own.
   *
   * `close()` ends it between two batches, and immediately where it waits for a job of an asynchronous
   * iterable; what was read by then is pushed, and waited for.
   *
   * @throws {ChancyError} `CLOSED` when it was ended so; `details.pushed` jobs, the first ones, are there
   */
  async pushMany<O>(
    workflows: Iterable<Workflow<O>>,
    options?: PushOptions,
  ): Promise<WorkflowReference<O>[]>
  async pushMany<T>(
    jobs: Jobs<T>,
    options?: PushOptions & { readonly batchSize?: number },
  ): Promise<Reference<ResultOfPushable<T>>[]>
  async pushMany<T>(jobs: Jobs<T>, options?: PushOptions): Promise<unknown> {
    this.#checkOpen()
    const { first, all } = peeked(jobs)
    if (isWorkflow(first)) return (await this.workflows()).pushMany(all, options)
    return this.#parts.producer.many(all, options)
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
    const rows = await this.#parts.statements.read(getJobs, [plainArray(ids)])
    const jobs = new Map(rows.map((row) => [row.id, queuedJob(row)]))
    return ids.map((id) => jobs.get(id)).filter((job) => job !== undefined)
  }

  /** A page of jobs, newest first. */
  async listJobs(options?: ListOptions): Promise<QueuedJob[]> {
    const rows = await readPage(this.#parts.statements, options)
    return rows.map(queuedJob)
  }

  /**
   * Waits until a job has finished, or is in one of `states`, and returns its snapshot from then.
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
    void this.#parts.notifier?.start()
    return (await this.#parts.waiter.waitFor(ids, options)) as QueuedJob<unknown, R, S>[]
  }

  /** Workers with a row: those that live, and for a day those that were lost. */
  async getWorkers(): Promise<WorkerInfo[]> {
    return (await this.#parts.statements.read(getWorkers, [])).map(workerInfo)
  }

  /**
   * What `chancy doctor` looks at: the server, its settings and sessions, the schema, workers, queues and jobs, and what
   * the plugins check. Each check takes two seconds at most, and one that fails is a finding of its own. Writes nothing
   * but one notification to itself.
   *
   * @returns a finding for each check, in the order of the command; `level` is 'ok' where all is well
   * @throws {DatabaseError} when the server cannot be reached
   */
  async diagnose(): Promise<readonly Diagnosis[]> {
    this.#checkOpen()
    const { diagnose } = await import('./doctor/doctor.ts')
    return this.#parts.statements.translatingErrors(() =>
      diagnose({
        database: this.#parts.database,
        plugins: this.#parts.plugins.plugins,
        notifications: this.#parts.throttle !== null,
        isPoolerNamed: this.#parts.isPoolerNamed,
        versions: (options) => this.#parts.schema.read(options),
      }),
    )
  }

  /** Listens to what happens in this process. Returns a function that ends the listening. */
  on<Name extends EventName>(event: Name, listener: (payload: EventMap[Name]) => void): () => void {
    checkListener(event, listener, this.#parts.plugins.events)
    return this.#parts.hub.on(event, listener)
  }

  /**
   * Sends what is gathered, then releases the database. A pool that was handed in stays open. A
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
    await this.#parts.producer.close()
    await this.#parts.workflows.close()
    await this.#parts.plugins.flush(({ name }) => this.#parts.door.accessOf(name))
    this.#parts.throttle?.flush()
    await this.#parts.waiter.close()
    await this.#parts.notifier?.stop()
    await this.#parts.sender.settled()
    this.#isClosed = true
    await this.#parts.driver.close()
  }

  /** @internal */
  protected override search(): Promise<JobSearch> {
    return this.#parts.search()
  }

  /** @internal */
  protected override parts(): AppParts {
    return this.#parts
  }

  /** @internal */
  protected override durable(): Promise<DurableActions> {
    return this.#parts.durable()
  }

  /** @internal */
  protected override workflows(): Promise<WorkflowActions> {
    this.#checkOpen()
    void this.#parts.notifier?.start()
    return this.#parts.workflows.load()
  }

  #checkOpen(isClosed = this.#closing !== null): void {
    if (!isClosed) return
    throw new ChancyError('CLOSED', 'This Chancy is closed. Make a new one.')
  }
}

export type { Duration }
