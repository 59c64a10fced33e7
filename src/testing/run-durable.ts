import { AsyncLocalStorage } from 'node:async_hooks'
import { checkOptions, inspect } from '../core/check.ts'
import { type ClaimedJob, queuedJobOf } from '../core/claimed-job.ts'
import { systemClock } from '../core/clock.ts'
import { detachedContext } from '../core/context.ts'
import { DurableCalls } from '../core/durable/durable-calls.ts'
import type { DurableEnd, StepScope } from '../core/durable/durable-end.ts'
import { DurableRun } from '../core/durable/durable-run.ts'
import type { StepKind } from '../core/durable-record.ts'
import { AttemptError, ConfigError } from '../core/errors.ts'
import { type AnyJobFunction, isJobFunction } from '../core/job.ts'
import { definitionOf } from '../core/job-function.ts'
import { decodeJson, encodeJson, MAX_ARGS_BYTES } from '../core/json.ts'
import type { PushRow } from '../core/push-row.ts'
import { newId } from '../core/reference.ts'
import { restoreError } from '../core/restore-error.ts'
import { serializeError } from '../core/serialize-error.ts'
import { type AnySignal, checkSignal, encodeSignal } from '../core/signal.ts'
import { StopRequest } from '../core/stop-request.ts'
import type { Transact } from '../core/transact.ts'
import { userDatabase } from '../core/user-database.ts'
import { DurableMemory } from './durable-memory.ts'
import type { AnyFunction } from './run-job.ts'

/** Options of `runDurable`. */
export interface RunDurableOptions {
  /** Sent before the job begins, in this order: `[[approved, { by: 'ada' }]]`. Default: none. */
  readonly signals?: readonly (readonly [signal: AnySignal, value: unknown])[]
  /** Whether a sleep, a backoff and a timeout of a second and more end immediately. Default: they take their time. */
  readonly skipTime?: boolean
  /** Job functions that run what the job invokes. Default: none. */
  readonly jobs?: readonly AnyJobFunction[]
}

/** What a durable job did. */
export interface DurableRunResult<R> {
  readonly result: R
  /** What the last run has recorded, in its order. */
  readonly steps: readonly { readonly kind: StepKind; readonly name: string }[]
  /** What `ctx.set` has set. */
  readonly values: Readonly<Record<string, unknown>>
  /** Jobs that it pushed or invoked. */
  readonly pushed: readonly { readonly name: string; readonly args: unknown }[]
  /** Signals that it sent. */
  readonly sent: readonly { readonly signal: string; readonly value: unknown }[]
  /** How often the function began: once, and again after each wait. */
  readonly attempts: number
}

const storage = new AsyncLocalStorage<string>()
const scope: StepScope = {
  get current() {
    return storage.getStore() ?? null
  },
  enter: (step, fn) => storage.run(step, fn),
}

/**
 * Runs a durable job to its end with neither queue nor database: what it records is kept in memory, and its function begins
 * again after each wait, as under a worker. `ctx.transaction` runs on the database that it is given.
 *
 * @throws what the function throws
 * @throws {ConfigError} when it waits for a signal that was not given, or invokes a job that is not in `jobs`
 */
export async function runDurable<F extends AnyFunction>(
  fn: F,
  args: Parameters<F>[0],
  options: RunDurableOptions = {},
): Promise<DurableRunResult<Awaited<ReturnType<F>>>> {
  if (!isJobFunction(fn) || !definitionOf(fn).isDurable)
    throw new ConfigError(`runDurable: expected a durable job function, got ${inspect(fn)}.`)
  checkOptions(options, ['signals', 'skipTime', 'jobs'], 'runDurable')
  const memory = new DurableMemory(newId(systemClock.now()), systemClock.now())
  for (const [given, value] of options.signals ?? []) {
    const signal = checkSignal(given, 'runDurable: signals')
    memory.send(signal.name, await encodeSignal(signal, value))
  }
  const trial = new DurableTrial(memory, fn, options)
  const result = (await trial.toEnd(encodeArgs(args ?? {}))) as Awaited<ReturnType<F>>
  return {
    result,
    steps: memory.records.map(({ kind, name }) => ({ kind, name })),
    values: memory.values,
    pushed: memory.pushed.map((row) => ({ name: row.name, args: decodeJson(row.args) })),
    sent: memory.sent.map(({ name, value }) => ({ signal: name, value: decodeJson(value) })),
    attempts: trial.attempts,
  }
}

/** One durable job of a test. */
class DurableTrial {
  attempts = 0
  readonly #memory: DurableMemory
  readonly #fn: AnyJobFunction
  readonly #options: RunDurableOptions
  /** What ends the test, whatever the job does. */
  #fault: unknown = null
  #children: Promise<void>[] = []

  constructor(memory: DurableMemory, fn: AnyJobFunction, options: RunDurableOptions) {
    this.#memory = memory
    this.#fn = fn
    this.#options = options
    memory.onChild = (wait, index, row) => this.#children.push(this.#runChild(wait, index, row))
    memory.onWorkflow = (name) => {
      this.#fault ??= new ConfigError(
        `runDurable: the job "${this.#fn.job.name}" invokes the workflow "${name}", which needs a database. Test it with testApp() and a worker.`,
      )
    }
  }

  async toEnd(firstArgs: string): Promise<unknown> {
    for (let args = firstArgs; ; ) {
      const end = await this.#attempt(args)
      await Promise.all(this.#children.splice(0))
      if (this.#fault !== null) throw this.#fault
      if (end.kind === 'returned') return end.value
      if (end.kind === 'threw') throw end.thrown
      if (end.kind === 'stopped') throw new Error('The attempt of the durable job was stopped.')
      const { outcome } = end
      if (outcome.kind === 'continued') {
        this.#memory.continue()
        args = outcome.args
      } else if (outcome.kind === 'parked') {
        this.#memory.park(outcome.waits)
        await Promise.all(this.#children.splice(0))
        await this.#next()
      } else if ('error' in outcome && outcome.error !== undefined) {
        throw restoreError(outcome.error)
      } else {
        throw new AttemptError('ATTEMPT_OVER', `The attempt ended as "${outcome.kind}".`)
      }
    }
  }

  /** Until something has come of what is waited for. */
  async #next(): Promise<void> {
    const memory = this.#memory
    if (memory.isWoken) return
    const due = memory.nextDueMs
    if (due === null) {
      const waits = memory.waits.map(({ name }) => inspect(name)).join(', ')
      throw new ConfigError(
        `runDurable: the job "${this.#fn.job.name}" waits for ${waits}, which never comes. Give the option "signals" what it waits for.`,
      )
    }
    if (this.#options.skipTime !== true) await systemClock.sleep(due - memory.nowMs)
    memory.nowMs = due
  }

  async #attempt(args: string): Promise<DurableEnd> {
    this.attempts++
    const memory = this.#memory
    const definition = definitionOf(this.#fn)
    const job: ClaimedJob = { ...claimed(memory, definition.name), args, attempts: this.attempts }
    const host = memory.begin()
    const stop = new StopRequest()
    const run = new DurableRun({ job, host, stop, scope })
    const base = { ...detachedContext(job.name), job: queuedJobOf(job), signal: stop.signal }
    const transact: Transact = (database, step) => this.#transact(database, step)
    const calls = new DurableCalls({ run, host, job, context: base, transact })
    return run.run(() => definition.fn(decodeJson(args), calls))
  }

  readonly #transact: Transact = async (database, step) => {
    const result = await userDatabase(database).transaction((tx) => step.work(tx))
    const [, , , name] = step.recordedValues
    const values = step.saveValues(result)
    const [startedMs, endedMs] = values.slice(-2) as [number, number]
    const times = { startedMs, endedMs }
    const { n } = this.#memory.record({
      ...{ kind: 'transaction', name: String(name), result, error: null },
      ...times,
    })
    return { kind: 'recorded', n, result }
  }

  async #runChild(wait: string, index: number, row: PushRow): Promise<void> {
    const fn = this.#options.jobs?.find(({ job }) => job.name === row.name)
    if (fn === undefined) {
      this.#fault ??= new ConfigError(
        `runDurable: the job "${this.#fn.job.name}" invokes "${row.name}". Give its function in the option "jobs".`,
      )
      return
    }
    try {
      const call = fn as unknown as (args: unknown) => unknown
      const value = await call(decodeJson(row.args))
      const result = value === undefined ? 'null' : encodeArgs(value)
      this.#memory.endChild(wait, index, { state: 'succeeded', result })
    } catch (thrown) {
      this.#memory.endChild(wait, index, { state: 'failed', error: serializeError(thrown) })
    }
  }
}

function encodeArgs(value: unknown): string {
  return encodeJson(value, {
    what: 'value',
    maxBytes: MAX_ARGS_BYTES,
    error: (message, details) => new ConfigError(`runDurable: ${message}`, { details }),
  })
}

function claimed(memory: DurableMemory, name: string): ClaimedJob {
  return {
    id: memory.id,
    queue: 'default',
    name,
    args: '{}',
    priority: 0,
    attempts: 1,
    maxAttempts: 1,
    fence: 1,
    ctid: '(0,1)',
    claimSeq: 1,
    position: 1,
    createdMs: memory.nowMs,
    scheduledMs: null,
    startedMs: memory.nowMs,
    workerId: newId(memory.nowMs),
    extras: {},
  }
}
