import { checkText, inspect } from '../check.ts'
import type { ClaimedJob } from '../claimed-job.ts'
import type { Context, ContextLog } from '../context.ts'
import type { DurableHost, StepRecord } from '../durable-record.ts'
import { ConfigError, StepError } from '../errors.ts'
import { decodeJson, encodeJson, MAX_ARGS_BYTES } from '../json.ts'
import { Reference } from '../reference.ts'
import { restoreError } from '../restore-error.ts'
import { seededRandom, stepKey } from '../seeded-random.ts'
import type { SerializedError } from '../serialize-error.ts'
import type { Transact } from '../transact.ts'
import type { DurableContext, HistorySize, Settled, StepCall } from './durable-context.ts'
import { DurableJobs } from './durable-jobs.ts'
import { MAX_VALUES, MAX_VALUES_BYTES } from './durable-limits.ts'
import type { DurableRun } from './durable-run.ts'
import { CallNumbers, DurableWaits } from './durable-waits.ts'
import { ownTransaction } from './own-transaction.ts'
import { checkStepName, parseStepRetry, type RetryRule } from './step-retry.ts'
import { encodeResult, type StepRun, StepTries } from './step-tries.ts'

export interface DurableCallsOptions {
  readonly run: DurableRun
  readonly host: DurableHost
  readonly job: ClaimedJob
  /** What every job has. */
  readonly context: Context
  /** Default: `ownTransaction`. */
  readonly transact?: Transact
}

const ONCE: RetryRule = parseStepRetry(undefined, '')
const MAX_KEY_BYTES = 200

/**
 * The context of one attempt of a durable job: what is asked for by name goes to the run. Its methods are bound, so that a
 * job may take `{ step }` out of it.
 */
export class DurableCalls implements DurableContext {
  readonly #options: DurableCallsOptions
  readonly #run: DurableRun
  readonly #tries: StepTries
  readonly #waits: DurableWaits
  readonly #jobs: DurableJobs
  /** What was thrown in the steps whose failures the code was given. */
  readonly #thrown = new Map<string, unknown>()
  readonly #values: Map<string, string>
  #random: (() => number) | null = null

  constructor(options: DurableCallsOptions) {
    const { run, host, job } = options
    const numbers = new CallNumbers()
    this.#options = options
    this.#run = run
    this.#tries = new StepTries(run, (step, thrown) => this.#thrown.set(step, thrown))
    this.#waits = new DurableWaits(run, numbers)
    this.#jobs = new DurableJobs(run, numbers, job)
    const { values } = host.history
    this.#values = new Map(
      Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]),
    )
  }

  get job(): Context['job'] {
    return this.#options.context.job
  }

  get attempt(): number {
    return this.#options.context.attempt
  }

  get signal(): AbortSignal {
    return this.#options.context.signal
  }

  get batch(): Context['batch'] {
    return this.#options.context.batch
  }

  get fence(): number {
    return this.#options.context.fence
  }

  get log(): ContextLog {
    return this.#options.context.log
  }

  get progress(): Context['progress'] {
    return this.#options.context.progress
  }

  get outputs(): Context['outputs'] {
    return this.#options.context.outputs
  }

  get history(): HistorySize {
    return this.#run.size
  }

  /** What was thrown in a step, where it was the function's end. */
  causeOf(thrown: unknown): unknown {
    return thrown instanceof StepError ? (this.#thrown.get(thrown.step) ?? thrown) : thrown
  }

  readonly step: DurableContext['step'] = async (
    given: string,
    second: unknown,
    third?: unknown,
  ): Promise<never> => {
    const name = checkStepName(given, 'ctx.step')
    const what = `ctx.step ${inspect(name)}`
    const [options, fn] = typeof second === 'function' ? [undefined, second] : [second, third]
    if (typeof fn !== 'function')
      throw new ConfigError(`${what}: expected a function, got ${inspect(fn)}.`)
    const call = async (step: StepCall): Promise<string> =>
      encodeResult(name, await (fn as (call: StepCall) => unknown)(step))
    const rule = parseStepRetry(options, what)
    return (await this.#asStep({
      kind: 'step',
      name,
      rule,
      key: () => this.#keyOf(name),
      call,
    })) as never
  }

  readonly transaction: DurableContext['transaction'] = async (
    given: string,
    database: unknown,
    fn: unknown,
  ): Promise<never> => {
    const name = checkStepName(given, 'ctx.transaction')
    if (typeof fn !== 'function')
      throw new ConfigError(
        `ctx.transaction ${inspect(name)}: expected a function, got ${inspect(fn)}.`,
      )
    const call = (): Promise<null> =>
      this.#transact(name, database, async (tx) =>
        encodeResult(name, await (fn as (tx: unknown) => unknown)(tx)),
      )
    const step = { name, rule: ONCE, key: () => this.#keyOf(name), call }
    return (await this.#asStep({ kind: 'transaction', ...step })) as never
  }

  readonly sleep: DurableContext['sleep'] = async (duration, options) => {
    read(await this.#waits.sleep(duration, options))
  }

  readonly sleepUntil: DurableContext['sleepUntil'] = async (date, options) => {
    read(await this.#waits.sleepUntil(date, options))
  }

  readonly waitForSignal: DurableContext['waitForSignal'] = async (
    signal: unknown,
    options?: unknown,
  ): Promise<never> => read(await this.#waits.forSignal(signal, options)) as never

  readonly waitForAny: DurableContext['waitForAny'] = async (
    signals: unknown,
    options?: unknown,
  ): Promise<never> => read(await this.#waits.forAny(signals, options)) as never

  readonly signals: DurableContext['signals'] = (signal) => this.#each(signal) as never

  readonly invoke: DurableContext['invoke'] = async (
    job: unknown,
    options?: unknown,
  ): Promise<never> => read(await this.#jobs.invoke(job, options)) as never

  readonly invokeAll: DurableContext['invokeAll'] = async (
    name: string,
    jobs: unknown,
    options?: { readonly settle?: boolean },
  ): Promise<never> => {
    const value = read(await this.#jobs.invokeAll(name, jobs, options))
    if (options?.settle !== true) return value as never
    return (value as readonly StoredEnd[]).map(settledOf) as never
  }

  readonly push: DurableContext['push'] = async (
    job: unknown,
    options?: unknown,
  ): Promise<never> => {
    const { id, created } = read(await this.#jobs.push(job, options)) as Reference
    return new Reference(id, created) as never
  }

  readonly sendSignal: DurableContext['sendSignal'] = async (target, signal, value, options) =>
    read(await this.#jobs.sendSignal(target, signal, value, options)) as 'sent' | 'finished'

  readonly version: DurableContext['version'] = async (given, current = 1) => {
    const name = checkStepName(given, 'ctx.version')
    if (!Number.isSafeInteger(current) || current < 1)
      throw new ConfigError(
        `ctx.version ${inspect(name)}: expected a whole number from 1, got ${inspect(current)}.`,
      )
    const run = this.#run
    const record = await run.ask('version', `version ${name}`, () => {
      const times = { startedMs: run.times.startMs, endedMs: run.times.databaseMs }
      run.done((saver) =>
        saver.record({
          ...{ kind: 'version', name: `version ${name}`, result: `${current}`, error: null },
          ...times,
        }),
      )
    })
    return read(record) as number
  }

  readonly now = (): Date => new Date(this.#run.times.nowMs)

  readonly random = (): number => {
    const { host } = this.#options
    this.#random ??= seededRandom(host.history.seed)
    return this.#random()
  }

  readonly set = (given: string, value: unknown): void => {
    const key = checkText(given, { what: 'ctx.set: the key', maxBytes: MAX_KEY_BYTES })
    this.#run.check(`ctx.set(${inspect(key)})`)
    // What a replay would set again was set, and may have been set otherwise since.
    if (!this.#run.isLive) return
    const what = `ctx.set(${inspect(key)})`
    const text = value === undefined ? null : encodeValue(what, value)
    if (text === (this.#values.get(key) ?? null)) return
    const changed = new Map(this.#values)
    if (text === null) changed.delete(key)
    else changed.set(key, text)
    checkValues(what, changed)
    if (text === null) this.#values.delete(key)
    else this.#values.set(key, text)
    this.#run.done((saver) => saver.set(key, text))
  }

  readonly continueWith = (args: unknown): never => {
    this.#run.check('ctx.continueWith()')
    const text = encodeArgs(args)
    this.#run.end(this.#run.leftOut() ?? { kind: 'continued', args: text })
    // The attempt has ended: what the function does with this has no effect.
    throw new Error('The attempt has ended by ctx.continueWith().')
  }

  async #asStep(step: StepRun): Promise<unknown> {
    // Its waits have their turns before it.
    const attempt = this.#tries.replay(step)
    return read(await this.#run.ask(step.kind, step.name, () => this.#tries.begin(step, attempt)))
  }

  async *#each(signal: unknown): AsyncGenerator<unknown, void, undefined> {
    for (;;) yield await this.waitForSignal(signal as never)
  }

  #keyOf(name: string): string {
    const { job, host } = this.#options
    return stepKey(job.id, host.history.run, name)
  }

  async #transact(
    name: string,
    database: unknown,
    work: (tx: unknown) => Promise<string>,
  ): Promise<null> {
    const { host, job, transact = ownTransaction } = this.#options
    const run = this.#run
    const startedMs = run.times.startMs
    let endedMs = startedMs
    const id = [job.id, job.fence, job.workerId, name] as const
    run.transacting(true)
    const end = await transact(database, {
      sql: host.sql,
      signal: run.stop.signal,
      recordedValues: id,
      saveValues: (result) => {
        endedMs = run.times.databaseMs
        return [...id, result, startedMs, endedMs]
      },
      work,
    }).finally(() => run.transacting(false))
    if (end.kind === 'lost') run.lost()
    else {
      host.recorded()
      const { n, result } = end
      run.recorded({ n, kind: 'transaction', name, result, error: null, startedMs, endedMs })
    }
    return null
  }
}

/** A job of `invokeAll` with `settle`, as it is recorded. */
type StoredEnd =
  | { readonly state: 'succeeded'; readonly result: unknown }
  | { readonly state: 'failed' | 'cancelled'; readonly error: SerializedError }

function settledOf(end: StoredEnd): Settled<unknown> {
  return 'error' in end ? { state: end.state, error: restoreError(end.error) } : end
}

/** What a record gives to the code. @throws {StepError} */
function read({ name, kind, result, error }: StepRecord): unknown {
  if (error === null) return decodeJson(result ?? 'null')
  const what = kind === 'step' || kind === 'transaction' ? 'step' : 'call'
  throw new StepError(name, `The ${what} "${name}" failed: ${error.message}`, {
    details: { step: name, kind },
    cause: restoreError(error),
  })
}

function encodeValue(what: string, value: unknown): string {
  return encodeJson(value, {
    what: 'value',
    maxBytes: MAX_VALUES_BYTES,
    error: (message, details) => new ConfigError(`${what}: ${message}`, { details }),
  })
}

function checkValues(what: string, values: ReadonlyMap<string, string>): void {
  let bytes = 0
  for (const [key, text] of values) bytes += Buffer.byteLength(key) + Buffer.byteLength(text)
  if (values.size > MAX_VALUES)
    throw new ConfigError(`${what}: expected at most ${MAX_VALUES} keys, got ${values.size}.`)
  if (bytes > MAX_VALUES_BYTES)
    throw new ConfigError(
      `${what}: expected at most 64 KiB of values in all, got ${bytes} bytes of JSON.`,
    )
}

function encodeArgs(args: unknown): string {
  const text = encodeJson(args ?? {}, {
    what: 'args',
    maxBytes: MAX_ARGS_BYTES,
    error: (message, details) => new ConfigError(`ctx.continueWith: ${message}`, { details }),
  })
  if (text.startsWith('{')) return text
  throw new ConfigError(`ctx.continueWith: expected an object, got ${text.slice(0, 80)}.`)
}
