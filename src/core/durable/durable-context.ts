import type { BackoffOptions } from '../backoff.ts'
import type { Context } from '../context.ts'
import type { Duration } from '../duration.ts'
import type { Pushable } from '../job.ts'
import type { Given, ResultOf } from '../job-types.ts'
import type { JobId, Reference } from '../reference.ts'
import type { PgPool, PostgresJs, Transactional } from '../session-shapes.ts'
import type { AnySignal, Signal } from '../signal.ts'
import type { Workflow } from '../workflow/workflow.ts'

/** What the function of a step gets. */
export interface StepCall {
  /** Which try of the step this is: 1 for the first. */
  readonly attempt: number
  /** Aborts when the attempt is to stop, and when the step has passed its `timeout`. */
  readonly signal: AbortSignal
  /** The same for every try of this step and for no other: for services that know idempotency keys. 64 characters. */
  readonly key: string
}

/** Options of `ctx.step`. */
export interface StepRetry {
  /** How often it is tried, 1 to 1,000. Default: 1. */
  readonly maxAttempts?: number
  /** How long it waits before the next try, without a slot beyond 1 s. Default: `{ base: '1s', factor: 2, max: '5m', jitter: 0.2 }`. */
  readonly backoff?: BackoffOptions
  /** How long one try may take. Default: none. */
  readonly timeout?: Duration
}

/** What has come of a signal in a list of them. */
export type Came<S> =
  S extends Signal<infer T, infer N> ? { readonly signal: N; readonly value: T } : never

/** How a job of `ctx.invokeAll` has ended, with `settle: true`. */
export type Settled<R> =
  | { readonly state: 'succeeded'; readonly result: R }
  | { readonly state: 'failed' | 'cancelled'; readonly error: Error }

/** Where `ctx.sendSignal` sends to: a job, the living job with a unique key, or a job that is pushed when none lives. */
export type SignalTarget = JobId | { readonly uniqueKey: string } | Pushable<unknown, object>

/** How much a run has recorded. */
export interface HistorySize {
  /** Of at most 10,000. */
  readonly steps: number
  /** JSON of the results, in bytes: of at most 16 MiB. */
  readonly bytes: number
}

/** Options of a wait. */
export interface WaitName {
  /** What it is recorded as; unique in the run. Default: made of what it waits for, and numbered. */
  readonly name?: string
}

/** Options of a wait that ends by itself. */
export interface WaitTimeout extends WaitName {
  /** From the first time that it is reached, by the clock of the database. */
  readonly timeout: Duration
}

/**
 * The context of a durable job. What a call of it gave is recorded, and given again, without running, when the function
 * begins again after a wait, a crash or a failed attempt.
 *
 * Every call rejects with an `AttemptError` when its name was used before in the run (`STEP_DUPLICATE`), inside of a step
 * (`STEP_NESTED`), and after the attempt has ended (`ATTEMPT_OVER`).
 */
// biome-ignore lint/suspicious/noExplicitAny: a context without a type argument takes every argument
export interface DurableContext<A = any> extends Context {
  /**
   * Runs `fn`, records what it gave, and only then continues. At least once: a step that was running at a crash runs again.
   *
   * @param name 1 to 200 bytes, unique in the run.
   * @throws {StepError} when its last try failed
   */
  step<T>(name: string, options: StepRetry, fn: (call: StepCall) => T): Promise<ResultOf<T>>
  step<T>(name: string, fn: (call: StepCall) => T): Promise<ResultOf<T>>

  /**
   * Runs `fn` in a transaction that also records the step, under the fence: exactly once. `database` must be the one that
   * holds the schema of Chancy.
   *
   * @throws {StepError} when `fn` failed, and its transaction was rolled back
   * @throws {AttemptError} `NOT_SAME_DATABASE`
   */
  transaction<T, S>(name: string, database: PostgresJs<S>, fn: (tx: S) => T): Promise<ResultOf<T>>
  transaction<T, D>(
    name: string,
    database: Transactional<D>,
    fn: (tx: D) => T,
  ): Promise<ResultOf<T>>
  transaction<T, C>(name: string, database: PgPool<C>, fn: (tx: C) => T): Promise<ResultOf<T>>

  /** Waits without a slot, by the clock of the database, from the first time that it is reached. Below 1 s in place. */
  sleep(duration: Duration, options?: WaitName): Promise<void>
  /** Waits without a slot until a time of the database's clock. */
  sleepUntil(date: Date, options?: WaitName): Promise<void>

  /** Takes the next signal of this name, in the order in which they were sent. With a timeout null, when it has passed. */
  waitForSignal<T>(signal: Signal<T>, options: WaitTimeout): Promise<T | null>
  waitForSignal<T>(signal: Signal<T>, options?: WaitName): Promise<T>
  /** Takes the first signal of one of these names; the others stay. With a timeout null, when it has passed. */
  waitForAny<const S extends readonly AnySignal[]>(
    signals: S,
    options: WaitTimeout,
  ): Promise<Came<S[number]> | null>
  waitForAny<const S extends readonly AnySignal[]>(
    signals: S,
    options?: WaitName,
  ): Promise<Came<S[number]>>
  /** One signal of this name after the other: `for await (const value of ctx.signals(approved))`. */
  signals<T>(signal: Signal<T>): AsyncGenerator<T, never, undefined>

  /**
   * Pushes a workflow once, waits for it without a slot, and gives its output. It has no unique key, and is cancelled when
   * this job ends before it.
   *
   * @throws {StepError} when it did not succeed
   */
  invoke<O>(workflow: Workflow<O>, options?: WaitName): Promise<O>
  /** Pushes a job once, waits for it without a slot, and gives its result. @throws {StepError} when it did not succeed */
  invoke<R, A2>(job: Pushable<R, A2>, options?: WaitName): Promise<R>
  /**
   * Pushes jobs once, waits for all of them without a slot, and gives their results in order. At most 10,000 jobs.
   *
   * @param options.concurrency How many of them may run concurrently. Default: no limit.
   * @param options.settle Waits for all, whatever becomes of them. Default: the first failure cancels the rest.
   * @throws {StepError} when one did not succeed
   */
  invokeAll<R, A2>(
    name: string,
    jobs: Iterable<Pushable<R, A2>>,
    options: { readonly concurrency?: number; readonly settle: true },
  ): Promise<Settled<R>[]>
  invokeAll<R, A2>(
    name: string,
    jobs: Iterable<Pushable<R, A2>>,
    options?: { readonly concurrency?: number; readonly settle?: false },
  ): Promise<R[]>
  /** Pushes a job once, and does not wait for it. */
  push<R, A2>(job: Pushable<R, A2>, options?: WaitName): Promise<Reference<R>>
  /**
   * Sends a signal to a job once. `'finished'`: that job has ended.
   *
   * @throws {StepError} when there is no such job, or too many signals of it are unread
   */
  sendSignal<T>(
    target: SignalTarget,
    signal: Signal<T>,
    value: Given<T>,
    options?: WaitName & { readonly key?: string },
  ): Promise<'sent' | 'finished'>

  /**
   * The number of a change of the code: 0 in a run that had passed this point before there was a version, else `current`,
   * and it stays so for the run.
   *
   * @param current From 1. Default: 1.
   */
  version(name: string, current?: number): Promise<number>
  /** The time of the last result, by the clock of the database: the same at each replay. */
  now(): Date
  /** From 0 to 1, the same at each replay. */
  random(): number
  /**
   * Shows a value as `QueuedJob.values`; `undefined` removes it. At most 100 keys and 64 KiB of JSON in all.
   *
   * @throws {ConfigError}
   */
  set(key: string, value: unknown): void
  readonly history: HistorySize
  /** Begins the next run of the job with other arguments: nothing is recorded in it, unread signals and values stay. */
  continueWith(args: Given<A>): never
}
