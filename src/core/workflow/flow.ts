import type { Duration } from '../duration.ts'
import type { Pushable } from '../job.ts'
import type { RunWhen } from './flow-plan.ts'
import type { AnyJobOf, Input, Output, Placeholder } from './flow-types.ts'
import type { Workflow } from './workflow.ts'

/** A step of a workflow that is being built. */
export interface Step<out R> {
  readonly name: string
  /** Stands for its result; with `map`, the list of the results in the order of the items. */
  readonly output: Output<R>
  /** The same where it may be missing, which is null then. */
  readonly outputOrNull: Output<R | null>
}

/** When a step runs. */
export interface StepOptions {
  /** Steps to wait for without using their output. Default: none. */
  // biome-ignore lint/suspicious/noExplicitAny: an output of any type
  readonly after?: readonly (Step<unknown> | Placeholder<any>)[]
  /** Which ends of the steps before it let it run. Default: `'all-succeeded'`. */
  readonly runWhen?: RunWhen
  /** Anything but `true` there skips the step. Default: none. */
  // biome-ignore lint/suspicious/noExplicitAny: an output of any type
  readonly runIf?: Placeholder<any>
  /** Whether the workflow can succeed although it has failed. Default: false. */
  readonly mayFail?: boolean
  /** How long it waits from the moment in which it could run. Default: the delay of its job, else none. */
  readonly delay?: Duration
}

/** When the jobs of a map run. */
export interface MapOptions extends StepOptions {
  /** How many of its jobs run concurrently at most, 1 to 1,000,000. Default: no limit. */
  readonly concurrency?: number
}

/** What describes the steps of a workflow, while it is built. */
export interface Flow {
  /**
   * A step: one job.
   *
   * @param name Unique in the workflow; 1 to 200 bytes.
   * @param options.args Replaces those of the job; outputs of other steps may stand anywhere in it, and those steps
   *   are waited for. Without it, the arguments of the job must be whole.
   * @throws {ConfigError}
   * @throws {ChancyError} `WORKFLOW_TOO_LARGE`
   */
  step<R, A>(
    name: string,
    job: Pushable<R, A>,
    options?: StepOptions & { readonly args?: Input<A> },
  ): Step<R>
  step<R, A, G>(
    name: string,
    job: AnyJobOf<R, A, G>,
    options: StepOptions & { readonly args: Input<A> },
  ): Step<R>
  /**
   * A job for each item of a list that another step gives. An empty list ends it immediately, succeeded, with `[]`;
   * what is no list fails it, kind `'input'`.
   *
   * @param options.args Called once, when the workflow is built, with what stands for an item and its index, from 0.
   * @throws {ConfigError}
   * @throws {ChancyError} `WORKFLOW_TOO_LARGE`
   */
  map<T, R, A, G>(
    name: string,
    over: Placeholder<readonly T[]>,
    job: AnyJobOf<R, A, G>,
    options: MapOptions & {
      readonly args: (item: Output<T>, index: Output<number>) => Input<A>
    },
  ): Step<R[]>
  /**
   * The steps of another workflow, as `name.step`. It has ended when all of them have, failed when one of them failed
   * that may not, and `output` is that workflow's. Its retention and its meta are those of the whole.
   *
   * @param options When its first steps may run; when that does not come, all of its steps are skipped.
   * @throws {ConfigError} also when it has a unique key, a deadline or `onFailure: 'cancel'`, which only the whole can have
   * @throws {ChancyError} `WORKFLOW_TOO_LARGE`
   */
  include<O>(name: string, workflow: Workflow<O>, options?: StepOptions): Step<O>
}
