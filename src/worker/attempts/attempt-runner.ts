import { type Backoff, DEFAULT_BACKOFF } from '../../core/backoff.ts'
import { type ClaimedJob, queuedJobOf } from '../../core/claimed-job.ts'
import type { Clock } from '../../core/clock.ts'
import { DEFAULT_RETENTION_MS, type JobDefinition } from '../../core/definition.ts'
import { durationMs } from '../../core/duration.ts'
import { AttemptError } from '../../core/errors.ts'
import { lowerLimits, type StoredLimits, storeLimits } from '../../core/limit.ts'
import type { Logger, LogLevel } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { type SerializedError, serializeError } from '../../core/serialize-error.ts'
import {
  type JobUpdate,
  type SettlePolicy,
  setRanMs,
  settle,
  settleAnew,
} from '../../core/settle.ts'
import type { BeginPermit } from '../../core/stop-request.ts'
import type { Database } from '../../database/database.ts'
import { loadedJob } from '../../database/rows.ts'
import { loadJob } from '../../database/statements/jobs.ts'
import type { Hub } from '../../events/hub.ts'
import type { AttemptReport, Executor } from '../../executors/executor.ts'
import { runningJobOf } from '../../plugin/hooks/attempt-update.ts'
import type { PluginSet } from '../../plugin/plugin-set.ts'
import type { RunningAttempt, RunningAttempts } from './claim-ledger.ts'
import type { DurableAttempt } from './durable-attempt.ts'
import type { DurableAttempts } from './durable-attempts.ts'
import type { OutcomeBuffer } from './outcome-buffer.ts'
import type { OutputReader } from './output-reader.ts'
import type { ProgressBuffer } from './progress-buffer.ts'

/** How long to wait before a large job that could not be read is released, in milliseconds. */
const RETRY_MS = 1_000

export interface AttemptRunnerOptions {
  readonly database: Database
  readonly clock: Clock
  readonly definitions: ReadonlyMap<string, JobDefinition>
  readonly plugins: PluginSet
  readonly buffer: OutcomeBuffer
  readonly running: RunningAttempts
  readonly progress: ProgressBuffer
  readonly durable: DurableAttempts
  readonly outputs: OutputReader
  /** Until when attempts may begin. */
  readonly permit: BeginPermit
  readonly hub: Hub
  readonly log: Logger
}

/** The rules for the attempts of one job function, computed once. */
interface Rules {
  readonly limits: StoredLimits
  readonly policy: SettlePolicy
  readonly retentionMs: number | undefined
  readonly isDurable: boolean
}

/**
 * One attempt: hooks, executor, settle, save. It never rejects: every failure is an outcome, so a slot is
 * always released.
 */
export class AttemptRunner {
  readonly #options: AttemptRunnerOptions
  readonly #rules = new Map<string, Rules>()
  readonly #report: AttemptReport
  /** Jobs whose stored limits were logged as too high. */
  readonly #lowered = new Set<string>()

  constructor(options: AttemptRunnerOptions) {
    this.#options = options
    this.#report = {
      progress: (job, value) => options.progress.set(job, value),
      log: (job, level, fields, message) => this.#log(job, level, fields, message),
      outputs: (job, step, after) => options.outputs.read(job, step, after),
    }
  }

  /** Resolves when the outcome is in the buffer, or was dropped since another attempt owns the job. */
  async run(attempt: RunningAttempt, executor: Pick<Executor, 'run'>): Promise<void> {
    const { plugins, running, buffer, hub, progress, clock } = this.#options
    let { job } = attempt
    if (job.extras.isPartial === true) job = await this.#loaded(job)
    const isRunnable = job.extras.fault === undefined && job.extras.isPartial !== true
    if (plugins.hasBefore && isRunnable) job = await this.#prepared(job)
    const rules = this.#rulesOf(job)
    if (hub.has('job.started') && isRunnable) hub.emit('job.started', { job: queuedJobOf(job) })

    // What is stopped by now, or cannot be run, reaches no executor.
    const isTimed = plugins.hasSaved && isRunnable && attempt.stop.reason === null
    const startedAt = isTimed ? clock.monotonic() : 0
    const durable =
      rules.isDurable && isRunnable && attempt.stop.reason === null
        ? await this.#options.durable.begin(job, attempt.stop)
        : null
    let outcome = await this.#outcome(job, rules, attempt, executor, durable)
    if (durable !== null) outcome = await durable.end(outcome)
    let update = (durable?.hasRecorded === true ? settleAnew : settle)(job, outcome, rules.policy)
    if (durable !== null) update = { ...update, isDurable: true }
    if (isTimed && outcome.usage === undefined) setRanMs(update, clock.monotonic() - startedAt)
    if (plugins.hasAfter) update = await this.#adjusted(update, outcome)
    // After the hooks, or in the meantime the ledger would not know the job.
    // Dropped: another attempt of the job runs here now, or the lease was lost, or the worker has released
    // it because it did not stop.
    if (!running.remove(attempt)) return
    const last = progress.take(job)
    if (last !== undefined) update = { ...update, progress: last }
    if (rules.retentionMs !== undefined) update = { ...update, retentionMs: rules.retentionMs }
    buffer.add(update)
  }

  /** Puts jobs back before all that are ready, without using an attempt. */
  release(attempts: readonly RunningAttempt[]): void {
    const { running, buffer } = this.#options
    for (const attempt of attempts) {
      if (!running.remove(attempt)) continue
      const { job, stop } = attempt
      const kind = stop.reason === 'cancelled' ? 'cancelled' : 'interrupted'
      buffer.add(settle(job, { kind }, this.#rulesOf(job).policy))
    }
  }

  /** Tries once. When the database cannot be reached it waits, and the job is released. */
  async #loaded(job: ClaimedJob): Promise<ClaimedJob> {
    const { database, hub, clock } = this.#options
    try {
      const [row] = await database.run(loadJob, [job.id, `${job.fence}`])
      return row === undefined ? job : loadedJob(job, row)
    } catch (error) {
      hub.emit('database.error', { what: 'reading a large job', error })
      await clock.sleep(RETRY_MS)
      return job
    }
  }

  async #outcome(
    job: ClaimedJob,
    { limits }: Rules,
    { stop }: RunningAttempt,
    executor: Pick<Executor, 'run'>,
    durable: DurableAttempt | null,
  ): Promise<Outcome> {
    // Asked to stop while it waited for its slot.
    if (stop.reason === 'cancelled') return { kind: 'cancelled' }
    if (stop.reason !== null) return { kind: 'interrupted' }
    const { fault, isPartial } = job.extras
    // Not read: the database cannot be reached, or another attempt owns the job.
    if (isPartial === true) return { kind: 'interrupted' }
    if (fault !== undefined) return rowInvalid(job, fault)
    const plain = { job, limits, report: this.#report, permit: this.#options.permit }
    if (durable === null) return executor.run(plain, stop)
    return durable.outcome ?? executor.run({ ...plain, durable }, stop)
  }

  #rulesOf(job: ClaimedJob): Rules {
    const { extras } = job
    if (extras.limits === undefined && extras.backoff === undefined) {
      let rules = this.#rules.get(job.name)
      if (rules === undefined) {
        rules = this.#makeRules(job)
        this.#rules.set(job.name, rules)
      }
      return rules
    }
    return this.#makeRules(job)
  }

  /** The row decides where it has a value, except that it can only lower limits. */
  #makeRules({ name, extras }: ClaimedJob): Rules {
    const definition = this.#options.definitions.get(name)
    const retentionMs = definition?.retentionMs ?? DEFAULT_RETENTION_MS
    return {
      limits: this.#limitsOf(name, extras.limits),
      policy: { backoff: this.#backoffOf(name, extras.backoff), random: Math.random },
      retentionMs: retentionMs === DEFAULT_RETENTION_MS ? undefined : retentionMs,
      isDurable: definition?.isDurable === true,
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
        this.#options.log.error({ err: thrown, name }, 'a backoff function failed')
        return DEFAULT_BACKOFF.baseMs
      }
    }
  }

  async #prepared(job: ClaimedJob): Promise<ClaimedJob> {
    const before = runningJobOf(job)
    const after = await this.#options.plugins.beforeAttempt(before)
    if (after === before) return job
    const args = after.args === before.args ? job.args : JSON.stringify(after.args)
    return { ...job, args, extras: { ...job.extras, meta: after.meta } }
  }

  async #adjusted(update: JobUpdate, outcome: Outcome): Promise<JobUpdate> {
    const job = runningJobOf(update.job)
    const { state, delayMs } = update
    const before = Object.freeze({ job, state, delayMs, meta: job.meta })
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
