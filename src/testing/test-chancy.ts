import { inspect } from '../core/check.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import type { Chancy, JobState, QueuedJob } from '../index.ts'
import type { Drained } from './attempt-tally.ts'
import type { Failing } from './fakes.ts'
import type { Fired } from './fired-ticks.ts'
import type { JobLike, Pushed } from './job-like.ts'
import { nameOf } from './job-like.ts'
import type { Expected } from './pushed-jobs.ts'
import { type AnyFunction, type OwnContext, runJob } from './run-job.ts'
import type { TestApp } from './test-app.ts'
import { startTestApp } from './test-app.ts'
import { parseTestOptions, type TestChancyOptions, timeOf } from './test-options.ts'

/**
 * Makes an application for a test file: the real engine on a schema of its own, whose time stands still.
 *
 * @throws {ConfigError} when an option is wrong, or there is no database
 */
export async function testChancy(options: TestChancyOptions): Promise<TestChancy> {
  return new TestChancy(await startTestApp(parseTestOptions(options)))
}

/** An application under test. Nothing of it runs by itself: only inside `drain` and `advance`. */
export class TestChancy {
  readonly #app: TestApp
  #closing: Promise<void> | null = null
  #running: string | null = null

  /** @internal Use `testChancy()`. */
  constructor(app: TestApp) {
    this.#app = app
  }

  /** For the code under test, which pushes to it. */
  get chancy(): Chancy {
    return this.#app.chancy
  }

  /** The schema of the test's tables. */
  get schema(): string {
    return this.#app.schema.name
  }

  /** The time that stands still. */
  get now(): Date {
    return new Date(this.#app.clock.now())
  }

  /**
   * Runs all that is due now, and what that pushes, until nothing is. Returns what became of it.
   *
   * @throws {ChancyError} `TEST_JOB_RUNS` when a job has not ended within the patience, `TEST_ENDLESS` when jobs come
   *   due again and again, `TEST_LOOP_FAILED` when a loop of a plugin fails
   */
  drain(): Promise<Drained> {
    return this.#alone('drain', () => this.#app.run((timeline) => timeline.drain()))
  }

  /**
   * Runs what is due, moves the time by `duration`, in milliseconds or like `'3d'`, and runs what comes due on the
   * way: each at its own time, before the next. Returns what became of all of it.
   *
   * @throws {ChancyError} as `drain`; `TEST_ENDLESS` after 10,000 steps of time
   */
  advance(duration: Duration): Promise<Drained> {
    const ms = durationMs(duration, 'advance')
    return this.#moveTo('advance', () => Math.ceil(this.#app.clock.now() + ms))
  }

  /** As `advance`, to a time that has not passed. @throws {ConfigError} when it has */
  advanceTo(date: Date): Promise<Drained> {
    const ms = timeOf(date, 'advanceTo')
    return this.#moveTo('advanceTo', () => {
      if (ms >= this.#app.clock.now()) return ms
      throw new ConfigError(
        `advanceTo: expected a time that has not passed, got ${date.toISOString()}, and it is ${this.now.toISOString()}. reset() goes back to the beginning.`,
      )
    })
  }

  /** All jobs that were pushed since the last `reset`, or those of one function, in their order and as they are now. */
  pushed(): Promise<QueuedJob[]>
  pushed<F extends JobLike>(fn: F): Promise<Pushed<F>[]>
  pushed(fn?: JobLike): Promise<QueuedJob[]> {
    return this.#app.pushed.list(fn)
  }

  /**
   * The job of a function that was pushed last.
   *
   * @throws {AssertionError} when there is none
   */
  last<F extends JobLike>(fn: F): Promise<Pushed<F>> {
    return this.#app.pushed.last(fn)
  }

  /**
   * Finds a job that was pushed as expected since the last `reset`, and returns the first one. With `times`, exactly
   * that many.
   *
   * @throws {AssertionError} that says what was pushed instead, and in what it differs
   */
  assertPushed<F extends JobLike>(
    fn: F,
    expected?: Expected<F> & { readonly times?: number },
  ): Promise<Pushed<F>> {
    return this.#app.pushed.expect(fn, expected)
  }

  /** @throws {AssertionError} when such a job was pushed since the last `reset` */
  assertNotPushed<F extends JobLike>(fn: F, expected?: Expected<F>): Promise<void> {
    return this.#app.pushed.expectNone(fn, expected)
  }

  /** The jobs since the last `reset` that are in a state, or in any, in the order of their pushes. */
  jobs(): Promise<QueuedJob[]>
  jobs<S extends JobState>(where: {
    readonly state: S | readonly S[]
  }): Promise<QueuedJob<unknown, unknown, S>[]>
  async jobs(where?: { readonly state: JobState | readonly JobState[] }): Promise<QueuedJob[]> {
    const all = await this.#app.pushed.list()
    if (where === undefined) return all
    const states = statesOf(where.state)
    return all.filter(({ state }) => states.includes(state))
  }

  /**
   * The next attempt of a function throws this error, and the function is not called. `SnoozeJob` and its like do what
   * they do.
   *
   * @param options.times How many attempts. Default: 1.
   * @throws {ConfigError}
   */
  failNext(fn: JobLike, error: Error | string, options?: Failing): void {
    this.#app.fakes.fail(nameOf(fn, 'failNext'), error, options)
  }

  /**
   * At the next attempt of a function the process that runs it dies: a child for real, and inline as if. The function
   * is not called.
   *
   * @param options.times How many attempts. Default: 1.
   */
  crashNext(fn: JobLike, options?: Failing): void {
    this.#app.fakes.crash(nameOf(fn, 'crashNext'), options)
  }

  /** Calls one function with a context of your own: what is not given is that of a direct call. Writes no row. */
  runJob<F extends AnyFunction>(
    fn: F,
    args: Parameters<F>[0],
    context?: OwnContext,
  ): Promise<Awaited<ReturnType<F>>> {
    return runJob(fn, args, context, this.#app.clock.now())
  }

  /** The ticks of a schedule that were fired since the last `reset`. @throws {ConfigError} without the plugin `cron` */
  fired(key: string): Fired[] {
    return this.#app.fired.of(key)
  }

  /**
   * Forgets all jobs, schedules and failures that were asked for, and goes back to the time of the beginning. Queues
   * and triggers stay as they were declared, and no queue is paused.
   */
  reset(): Promise<void> {
    return this.#alone('reset', () => this.#app.reset())
  }

  /** Ends everything and leaves the schema empty to the next test, or prints its name with `keep`. */
  close(): Promise<void> {
    this.#closing ??= this.#app.close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #moveTo(call: string, target: () => number): Promise<Drained> {
    return this.#alone(call, () => {
      const ms = target()
      return this.#app.run((timeline) => timeline.moveTo(ms))
    })
  }

  /** Two of them concurrently would take each other's jobs and time. */
  async #alone<T>(call: string, work: () => Promise<T>): Promise<T> {
    if (this.#closing !== null)
      throw new ChancyError(
        'CLOSED',
        `${call}: this test application is closed. Make a new one: testChancy().`,
      )
    if (this.#running !== null) {
      throw new ConfigError(
        `${call} was called while ${this.#running} runs: await that one first. A job cannot move the time of its own test.`,
      )
    }
    this.#running = `${call}()`
    try {
      return await work()
    } finally {
      this.#running = null
    }
  }
}

const STATES: readonly string[] = [
  'pending',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'cancelled',
]

function statesOf(value: unknown): readonly unknown[] {
  const states = Array.isArray(value) ? value : [value]
  for (const one of states) {
    if (STATES.includes(one as string)) continue
    throw new ConfigError(`jobs: state: expected one of ${STATES.join(', ')}, got ${inspect(one)}.`)
  }
  return states
}
