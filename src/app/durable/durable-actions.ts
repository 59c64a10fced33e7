import { checkOptions, checkText, inspect } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import type { RecordedStep } from '../../core/durable/recorded-step.ts'
import { ChancyError, ConfigError, jobNotFound, NotFoundError } from '../../core/errors.ts'
import { isDefinedJob, isJob, isJobFunction, type Pushable } from '../../core/job.ts'
import { MAX_KEY_BYTES } from '../../core/job-name.ts'
import { encodeJson, MAX_ARGS_BYTES } from '../../core/json.ts'
import type { PushRow } from '../../core/push-row.ts'
import { idOf, type JobId, newId, Reference } from '../../core/reference.ts'
import { type AnySignal, checkSignal, encodeSignal } from '../../core/signal.ts'
import { plainArray } from '../../database/array-literal.ts'
import type { Database } from '../../database/database.ts'
import { asSession } from '../../database/session.ts'
import {
  forkJob,
  getSteps,
  jobOfKey,
  leaveSignal,
  type SentSignalRow,
  type StepRow,
  wakeJobs,
} from '../../database/statements/durable.ts'
import { getStates } from '../../database/statements/queued-jobs.ts'
import type { Hub } from '../../events/hub.ts'
import { isRefusedRight, type StatementRunner } from '../statement-runner.ts'
import { SignalBatcher } from './signal-batcher.ts'

/** A job by its reference, the living one with a unique key, or one that is pushed when none with its key lives. */
export type SignalTarget<R = unknown, A = unknown> =
  | JobId
  | { readonly uniqueKey: string }
  | Pushable<R, A>

/** Options of `signal`. */
export interface SignalOptions {
  /** A transaction of the caller: the signal is sent by its commit. Default: immediately. */
  readonly session?: unknown
  /** The same key for the same job counts once; 1 to 1,000 bytes. Default: none. */
  readonly key?: string
}

/** Options of `fork`. */
export interface ForkOptions {
  /** The name of a recorded step: the new job has all that were recorded before it. */
  readonly before: string
  /** Default: those of the other job. */
  readonly args?: Readonly<Record<string, unknown>>
}

export interface DurableActionsOptions {
  readonly statements: StatementRunner
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly notifying: boolean
  readonly makeRow: (job: Pushable<unknown, unknown>) => PushRow | Promise<PushRow>
  /** Pushes a row, in the transaction of a caller where there is one, and returns the id of the job that stands for it. */
  readonly push: (row: PushRow, session: unknown) => Promise<string>
}

/** How often a job is pushed whose predecessor ended in between. */
const MAX_PUSHES = 5

/** What an application does to its durable jobs. */
export class DurableActions {
  readonly #options: DurableActionsOptions
  readonly #batcher: SignalBatcher

  constructor(options: DurableActionsOptions) {
    this.#options = options
    this.#batcher = new SignalBatcher(options.statements, options.notifying)
  }

  async signal(
    target: SignalTarget,
    given: AnySignal,
    value: unknown,
    options?: SignalOptions,
  ): Promise<'sent' | 'finished'> {
    const { name } = checkSignal(given, 'signal')
    const { session, key } = checkOptions(options, ['session', 'key'], 'signal') as SignalOptions
    if (key !== undefined) checkText(key, { what: 'signal: key', maxBytes: MAX_KEY_BYTES })
    const content = await encodeSignal(given, value)
    const userKey = key === undefined ? null : `k:${key}`
    const send = (jobId: string): Promise<SentSignalRow['verdict']> =>
      session === undefined
        ? this.#send(jobId, name, content, userKey)
        : this.#leave(session, jobId, name, content, userKey)
    const verdict = isPushable(target)
      ? await this.#pushed(target, session, send)
      : await send(await this.#idOf(target, session))
    if (verdict === 'full')
      throw new ChancyError(
        'SIGNALS_FULL',
        `signal: the job has 10,000 signals that it has not taken, so "${name}" was not sent.`,
        { details: { signal: name } },
      )
    if (verdict === 'unknown')
      throw jobNotFound(isPushable(target) ? 'that was pushed' : shown(target))
    return verdict
  }

  async steps(ref: JobId): Promise<RecordedStep[]> {
    const id = idOf(ref)
    const { statements } = this.#options
    const rows = await statements.read(getSteps, [id])
    if (rows.length > 0) return rows.map(recordedStep)
    const [known] = await statements.read(getStates, [plainArray([id])])
    if (known === undefined) throw jobNotFound(id)
    return []
  }

  async fork<R>(ref: JobId<R>, options: ForkOptions): Promise<Reference<R>> {
    const id = idOf(ref)
    const given = checkOptions(options, ['before', 'args'], 'fork') as Partial<ForkOptions>
    const before = checkText(given.before, { what: 'fork: before', maxBytes: 1_000 })
    const args = given.args === undefined ? null : encodeArgs(given.args)
    const { statements, clock, hub, notifying } = this.#options
    const made = newId(clock.now())
    const [row] = await statements.engine(forkJob, [id, made, before, args, notifying])
    if (row === undefined || row.verdict === 'unknown') throw jobNotFound(id)
    if (row.verdict === 'no step')
      throw new NotFoundError(
        'STEP_NOT_FOUND',
        `fork: the job ${id} has recorded no step ${inspect(before)}. getSteps() has their names.`,
        { details: { id, before } },
      )
    hub.emit('queue.pushed', { queue: row.queue ?? 'default' })
    return new Reference<R>(made, true)
  }

  async #idOf(
    target: Exclude<SignalTarget, Pushable<unknown, unknown>>,
    session: unknown,
  ): Promise<string> {
    const uniqueKey = keyOf(target)
    if (uniqueKey === null) return idOf(target as JobId)
    const key = checkText(uniqueKey, { what: 'signal: uniqueKey', maxBytes: MAX_KEY_BYTES })
    const { statements, database } = this.#options
    const [row] =
      session === undefined
        ? await statements.read(jobOfKey, [key])
        : await database.run(jobOfKey, [key], { session: asSession(session), prepare: false })
    if (row !== undefined) return row.id
    throw new NotFoundError(
      'JOB_NOT_FOUND',
      `signal: no job that waits or runs has the unique key ${inspect(key)}. Push it, or give the job itself as the target, which is pushed then.`,
      { details: { uniqueKey: key } },
    )
  }

  /** The one that holds the key may end before the signal comes to it: then there is room for another one. */
  async #pushed(
    job: Pushable<unknown, unknown>,
    session: unknown,
    send: (id: string) => Promise<SentSignalRow['verdict']>,
  ): Promise<SentSignalRow['verdict']> {
    let verdict: SentSignalRow['verdict'] = 'finished'
    for (let i = 0; i < MAX_PUSHES && verdict === 'finished'; i++) {
      const row = await this.#options.makeRow(job)
      if (row.uniqueKey === null)
        throw new ConfigError(
          `signal: the job "${row.name}" has no unique key, so each signal would push another one. Give it one by withUniqueKey(), or send to the reference of a job.`,
        )
      verdict = await send(await this.#options.push(row, session))
    }
    return verdict
  }

  async #send(
    jobId: string,
    name: string,
    content: string,
    userKey: string | null,
  ): Promise<SentSignalRow['verdict']> {
    const { hub, clock } = this.#options
    const key = userKey ?? `t:${newId(clock.now())}`
    const signal = { jobId, name, content, key }
    const row = await (userKey === null ? this.#batcher.send(signal) : this.#batcher.alone(signal))
    if (row.verdict !== 'sent') return row.verdict
    if (row.left) void this.#wake(jobId)
    if (row.woken !== null) hub.emit('queue.pushed', { queue: row.woken })
    if (row.runs) hub.emit('job.signaled', { id: jobId })
    hub.emit('signal.sent', { id: jobId, name })
    return row.verdict
  }

  /** Another transaction held the job when the signal came. What fails here is done by the sweep of a worker. */
  async #wake(jobId: string): Promise<void> {
    const { statements, hub } = this.#options
    try {
      const [row] = await statements.engine(wakeJobs, [plainArray([jobId]), true])
      if (row?.verdict === 'woken') hub.emit('queue.pushed', { queue: row.queue ?? 'default' })
      if (row?.verdict === 'runs') hub.emit('job.signaled', { id: jobId })
    } catch (error) {
      if (!isRefusedRight(error)) hub.emit('database.error', { what: 'waking a job', error })
    }
  }

  async #leave(
    session: unknown,
    jobId: string,
    name: string,
    content: string,
    key: string | null,
  ): Promise<SentSignalRow['verdict']> {
    const { database, notifying, hub } = this.#options
    const [row] = await database.run(leaveSignal, [jobId, name, content, key, notifying], {
      session: asSession(session),
      prepare: false,
    })
    const verdict = row?.verdict ?? 'unknown'
    if (verdict === 'sent') hub.emit('signal.sent', { id: jobId, name })
    return verdict
  }
}

function isPushable(target: unknown): target is Pushable<unknown, unknown> {
  return isJob(target) || isJobFunction(target) || isDefinedJob(target)
}

function keyOf(target: unknown): string | null {
  if (typeof target !== 'object' || target === null || 'id' in target) return null
  return 'uniqueKey' in target ? (target.uniqueKey as string) : null
}

function shown(target: Exclude<SignalTarget, Pushable<unknown, unknown>>): string {
  return keyOf(target) ?? idOf(target as JobId)
}

function encodeArgs(args: unknown): string {
  const what = 'fork: args'
  const text = encodeJson(args, {
    what: 'args',
    maxBytes: MAX_ARGS_BYTES,
    error: (message, details) => new ConfigError(`${what}: ${message}`, { details }),
  })
  if (text.startsWith('{')) return text
  throw new ConfigError(`${what}: expected an object, got ${text.slice(0, 80)}.`)
}

function recordedStep(row: StepRow): RecordedStep {
  const error = row.error === null ? null : (JSON.parse(row.error) as RecordedStep['error'])
  return Object.freeze({
    n: row.n,
    kind: row.kind as RecordedStep['kind'],
    name: row.name,
    result: row.result === null ? null : (JSON.parse(row.result) as unknown),
    error:
      error === null
        ? null
        : { name: error.name, message: error.message, stack: error.stack ?? null },
    startedAt: new Date(row.started_ms),
    endedAt: new Date(row.ended_ms),
  })
}
