import { type Backoff, DEFAULT_BACKOFF } from '../core/backoff.ts'
import type { BeginPermit } from '../core/begin-permit.ts'
import { type ClaimedJob, queuedJobOf } from '../core/claimed-job.ts'
import type { Clock } from '../core/clock.ts'
import { DEFAULT_RETENTION_MS, type JobDefinition } from '../core/definition.ts'
import { durationMs } from '../core/duration.ts'
import { AttemptError } from '../core/errors.ts'
import { lowerLimits, type StoredLimits, storeLimits } from '../core/limit.ts'
import type { Logger, LogLevel } from '../core/logger.ts'
import type { Outcome } from '../core/outcome.ts'
import { type SerializedError, serializeError } from '../core/serialize-error.ts'
import { type JobUpdate, type SettlePolicy, settle } from '../core/settle.ts'
import type { Database } from '../database/database.ts'
import { loadedJob } from '../database/rows.ts'
import { loadJob } from '../database/statements/jobs.ts'
import type { Hub } from '../events/hub.ts'
import type { AttemptReport, Executor } from '../executors/executor.ts'
import type { RunningJob } from '../plugin/plugin.ts'
import type { PluginSet } from '../plugin/plugin-set.ts'
import type { OutcomeBuffer } from './outcome-buffer.ts'
import type { ProgressBuffer } from './progress-buffer.ts'
import type { RunningAttempt, RunningAttempts } from './running-attempts.ts'

/** Before a large job that could not be read goes back, in milliseconds. */
const RETRY_MS = 1_000

export interface AttemptRunnerOptions {
  readonly database: Database
  readonly clock: Clock
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly plugins: PluginSet
  readonly buffer: OutcomeBuffer
  readonly running: RunningAttempts
  readonly progress: ProgressBuffer
  /** Until when attempts may begin. */
  readonly permit: BeginPermit
  readonly hub: Hub
  readonly log: Logger
}

/** What holds for the attempts of one job function, worked out once. */
interface Rules {
  readonly limits: StoredLimits
  readonly policy: SettlePolicy
  readonly retentionMs: number | undefined
}

/**
 * One attempt: hooks, executor, settle, save. It never rejects: whatever goes wrong is an outcome,
 * so a slot is always given back.
 */
export class AttemptRunner {
  readonly #options: AttemptRunnerOptions
  readonly #rules = new Map<string, Rules>()
  readonly #report: AttemptReport
  /** Jobs whose stored limits were said to be too high. */
  readonly #lowered = new Set<string>()

  constructor(options: AttemptRunnerOptions) {
    this.#options = options
    this.#report = {
      progress: (job, value) => options.progress.set(job, value),
      log: (job, level, fields, message) => this.#log(job, level, fields, message),
    }
  }

  /** Resolves when the outcome is in the buffer, or was dropped because it is nobody's. */
  async run(attempt: RunningAttempt, executor: Executor): Promise<void> {
    const { plugins, running, buffer, hub, progress } = this.#options
    let { job } = attempt
    if (job.rare.isPartial === true) job = await this.#loaded(job)
    const isRunnable = job.rare.fault === undefined && job.rare.isPartial !== true
    if (plugins.hasBefore && isRunnable) job = await this.#prepared(job)
    const rules = this.#rulesOf(job)
    if (hub.has('job.started') && isRunnable) hub.emit('job.started', { job: queuedJobOf(job) })

    const outcome = await this.#outcome(job, rules, attempt, executor)
    let update = settle(job, outcome, rules.policy)
    if (plugins.hasAfter) update = await this.#adjusted(update, outcome)
    // Not before the hooks, or in the meantime the job would look like one that nobody here knows.
    // Dropped: another attempt of the job runs here now, or the lease was lost, or the worker has
    // released it because it would not stop.
    if (!running.remove(attempt)) return
    const last = progress.take(job)
    if (last !== undefined) update = { ...update, progress: last }
    if (rules.retentionMs !== undefined) update = { ...update, retentionMs: rules.retentionMs }
    buffer.add(update)
  }

  /** Puts jobs back before everything that is ready, without using an attempt. */
  release(attempts: readonly RunningAttempt[]): void {
    const { running, buffer } = this.#options
    for (const attempt of attempts) {
      if (!running.remove(attempt)) continue
      const { job, stop } = attempt
      const kind = stop.reason === 'cancelled' ? 'cancelled' : 'interrupted'
      buffer.add(settle(job, { kind }, this.#rulesOf(job).policy))
    }
  }

  /** Tries once, and after a pause when the database is away: the job goes back to the line then. */
  async #loaded(job: ClaimedJob): Promise<ClaimedJob> {
    const { database, hub, clock } = this.#options
    try {
      const [row] = await database.run(loadJob, [job.id, `${job.fence}`])
      return row === undefined ? job : loadedJob(job, row)
    } catch (error) {
      hub.emit('database.troubled', { what: 'reading a large job', error })
      await clock.sleep(RETRY_MS)
      return job
    }
  }

  async #outcome(
    job: ClaimedJob,
    { limits }: Rules,
    { stop }: RunningAttempt,
    executor: Executor,
  ): Promise<Outcome> {
    // Asked to stop while it waited for its slot.
    if (stop.reason === 'cancelled') return { kind: 'cancelled' }
    if (stop.reason !== null) return { kind: 'interrupted' }
    const { fault, isPartial } = job.rare
    // Not read, since the database is away or the job is another's: back to the line.
    if (isPartial === true) return { kind: 'interrupted' }
    if (fault !== undefined) return rowInvalid(job, fault)
    return executor.run({ job, limits, report: this.#report, permit: this.#options.permit }, stop)
  }

  #rulesOf(job: ClaimedJob): Rules {
    const { rare } = job
    if (rare.limits === undefined && rare.backoff === undefined) {
      let rules = this.#rules.get(job.name)
      if (rules === undefined) {
        rules = this.#makeRules(job)
        this.#rules.set(job.name, rules)
      }
      return rules
    }
    return this.#makeRules(job)
  }

  /** The row decides where it says something, but for limits, which it can only lower. */
  #makeRules({ name, rare }: ClaimedJob): Rules {
    const definition = this.#options.definitions.get(name)
    const retentionMs = definition?.retentionMs ?? DEFAULT_RETENTION_MS
    return {
      limits: this.#limitsOf(name, rare.limits),
      policy: { backoff: this.#backoffOf(name, rare.backoff), random: Math.random },
      retentionMs: retentionMs === DEFAULT_RETENTION_MS ? undefined : retentionMs,
    }
  }

  #limitsOf(name: string, stored: StoredLimits | undefined): StoredLimits {
    const own = storeLimits(this.#options.definitions.get(name)?.limits ?? [])
    if (stored === undefined) return own
    const limits = lowerLimits(stored, own)
    const isLowered = limits.memoryBytes !== stored.memoryBytes || limits.timeMs !== stored.timeMs
    if (isLowered && !this.#lowered.has(name)) {
      this.#lowered.add(name)
      this.#options.log.warn(
        { name, stored, limits },
        'job pushed with higher limits than its definition has here: those of the definition hold',
      )
    }
    return limits
  }

  #backoffOf(name: string, stored: Backoff | undefined): SettlePolicy['backoff'] {
    if (stored !== undefined) return stored
    const backoff = this.#options.definitions.get(name)?.backoff ?? DEFAULT_BACKOFF
    if (typeof backoff !== 'function') return backoff
    return (attempt: number, error: SerializedError) => {
      try {
        return durationMs(backoff(attempt, error), `The backoff of "${name}"`)
      } catch (thrown) {
        this.#options.log.error({ err: thrown, job: name }, 'a backoff function failed')
        return DEFAULT_BACKOFF.baseMs
      }
    }
  }

  async #prepared(job: ClaimedJob): Promise<ClaimedJob> {
    const before = queuedJobOf(job)
    const after = await this.#options.plugins.beforeAttempt(before)
    if (after === before) return job
    return { ...job, args: JSON.stringify(after.args), rare: { ...job.rare, meta: after.meta } }
  }

  async #adjusted(update: JobUpdate, outcome: Outcome): Promise<JobUpdate> {
    const job: RunningJob = queuedJobOf(update.job)
    const before = { job, state: update.state, delayMs: update.delayMs, meta: job.meta }
    const after = await this.#options.plugins.afterAttempt(before, outcome)
    if (after === before) return update
    const changed = { ...update, state: after.state, delayMs: after.delayMs }
    return after.meta === before.meta ? changed : { ...changed, meta: after.meta }
  }

  #log(job: ClaimedJob, level: LogLevel, fields: object, message: string | undefined): void {
    const tags = { job: job.id, name: job.name, attempt: job.attempts }
    this.#options.log[level]({ ...fields, ...tags }, message)
  }
}

function rowInvalid(job: ClaimedJob, fault: string): Outcome {
  const message = `The row of the job "${job.name}" cannot be run: ${fault}.`
  const error = serializeError(new AttemptError('ROW_INVALID', message))
  return { kind: 'row-invalid', error: { ...error, stack: null } }
}
