import { createHash } from 'node:crypto'
import { checkOptions, inspect } from '../check.ts'
import type { OpenWait, StepRecord } from '../durable-record.ts'
import { durationMs } from '../duration.ts'
import { ConfigError } from '../errors.ts'
import type { AnySignal } from '../signal.ts'
import { checkSignal } from '../signal.ts'
import { SHORT_MS } from './durable-limits.ts'
import type { DurableRun } from './durable-run.ts'
import { checkStepName } from './step-retry.ts'

/** The longest name that is made of the names of signals, in characters. */
const MAX_LIST = 400
/** Signals of one `waitForAny`. */
const MAX_SIGNALS = 100
// Years that both sides print alike.
const MAX_TIME_MS = Date.UTC(9999, 11, 31)

/** Numbers calls that have no name of their own: `sleep 1`, `sleep 2`. */
export class CallNumbers {
  readonly #counts = new Map<string, number>()

  next(what: string): string {
    const count = (this.#counts.get(what) ?? 0) + 1
    this.#counts.set(what, count)
    return `${what} ${count}`
  }
}

interface Wanted {
  readonly name?: unknown
  readonly timeout?: unknown
}

/** The sleeps and the waits for signals of one run. */
export class DurableWaits {
  readonly #run: DurableRun
  readonly #numbers: CallNumbers

  constructor(run: DurableRun, numbers: CallNumbers) {
    this.#run = run
    this.#numbers = numbers
  }

  sleep(duration: unknown, options: unknown): Promise<StepRecord> {
    const ms = durationMs(duration, 'ctx.sleep')
    const name = this.#name(checkOptions(options, ['name'], 'ctx.sleep'), 'sleep', 'ctx.sleep')
    return this.#run.ask('sleep', name, () => {
      if (ms >= SHORT_MS) this.#open({ kind: 'sleep', name, signals: [] }, ms, null)
      else this.#sleepInPlace(name, ms)
    })
  }

  sleepUntil(date: unknown, options: unknown): Promise<StepRecord> {
    const ms = date instanceof Date ? date.getTime() : Number.NaN
    if (!(Math.abs(ms) <= MAX_TIME_MS))
      throw new ConfigError(`ctx.sleepUntil: expected a Date until 9999, got ${inspect(date)}.`)
    const name = this.#name(
      checkOptions(options, ['name'], 'ctx.sleepUntil'),
      'sleep',
      'ctx.sleepUntil',
    )
    return this.#run.ask('sleep', name, () => {
      // By a time of the database that has passed for certain.
      if (ms <= this.#run.times.claimedMs) this.#sleepInPlace(name, 0)
      else this.#open({ kind: 'sleep', name, signals: [] }, null, ms)
    })
  }

  forSignal(given: unknown, options: unknown): Promise<StepRecord> {
    const { name: signal } = checkSignal(given, 'ctx.waitForSignal')
    const wanted = checkOptions(options, ['name', 'timeout'], 'ctx.waitForSignal')
    const name = this.#name(wanted, `signal ${signal}`, 'ctx.waitForSignal')
    const afterMs = timeoutMs(wanted, 'ctx.waitForSignal')
    return this.#run.ask('signal', name, () => {
      this.#open({ kind: 'signal', name, signals: [signal] }, afterMs, null)
    })
  }

  forAny(given: unknown, options: unknown): Promise<StepRecord> {
    const signals = signalsOf(given)
    const wanted = checkOptions(options, ['name', 'timeout'], 'ctx.waitForAny')
    const name = this.#name(wanted, listName(signals), 'ctx.waitForAny')
    const afterMs = timeoutMs(wanted, 'ctx.waitForAny')
    return this.#run.ask('any', name, () => {
      this.#open({ kind: 'any', name, signals }, afterMs, null)
    })
  }

  #name({ name }: Wanted, what: string, method: string): string {
    return name === undefined ? this.#numbers.next(what) : checkStepName(name, method)
  }

  #open(
    wait: Pick<OpenWait, 'kind' | 'name' | 'signals'>,
    afterMs: number | null,
    untilMs: number | null,
  ): void {
    const startedMs = this.#run.times.startMs
    const known = this.#run.reached(wait.name)
    this.#run.wait(known ?? { ...wait, untilMs, afterMs, startedMs, children: null })
  }

  #sleepInPlace(name: string, ms: number): void {
    const run = this.#run
    const startedMs = run.times.startMs
    run.work.later(ms, () => {
      const times = { startedMs, endedMs: run.times.databaseMs }
      run.done((saver) =>
        saver.record({ kind: 'sleep', name, result: 'null', error: null, ...times }),
      )
    })
  }
}

function timeoutMs({ timeout }: Wanted, method: string): number | null {
  return timeout === undefined ? null : durationMs(timeout, `${method}: timeout`)
}

function signalsOf(given: unknown): string[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_SIGNALS)
    throw new ConfigError(
      `ctx.waitForAny: expected an array of 1 to ${MAX_SIGNALS} signals, got ${inspect(given)}.`,
    )
  const signals = given as readonly AnySignal[]
  return [...new Set(signals.map((one) => checkSignal(one, 'ctx.waitForAny').name))]
}

function listName(signals: readonly string[]): string {
  const list = signals.join(', ')
  if (list.length <= MAX_LIST) return `any of ${list}`
  return `any of ${createHash('sha256').update(JSON.stringify(signals)).digest('hex')}`
}
