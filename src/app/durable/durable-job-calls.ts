import type { RecordedStep } from '../../core/durable/recorded-step.ts'
import type { JobId, Reference } from '../../core/reference.ts'
import type { Signal } from '../../core/signal.ts'
import { WorkflowCalls } from '../workflows/workflow-calls.ts'
import type { DurableActions, ForkOptions, SignalOptions, SignalTarget } from './durable-actions.ts'

/** What an application does with durable jobs, beside what it does with any job. */
export abstract class DurableJobCalls extends WorkflowCalls {
  /** Loads what works with durable jobs. @internal */
  protected abstract durable(): Promise<DurableActions>

  /**
   * Sends a signal to a durable job: it is kept, in order, until the job asks for it, also when it comes before the job
   * waits for it, or runs.
   *
   * @param target A reference, `{ uniqueKey }` of a job that waits or runs, or a job with a unique key, which is pushed
   *   when none lives.
   * @param options With `session` it is sent by the commit of the caller's transaction; the same `key` for the same job
   *   counts once. Default: immediately, and no key.
   * @returns 'sent', or 'finished': the job has ended
   * @throws {ConfigError} when the value cannot be stored, or does not fit the schema of the signal
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   * @throws {ChancyError} `SIGNALS_FULL`: the job has 10,000 that it has not taken
   */
  async signal<T, R, A>(
    target: SignalTarget<R, A>,
    signal: Signal<T>,
    value: NoInfer<T>,
    options?: SignalOptions,
  ): Promise<'sent' | 'finished'> {
    return (await this.durable()).signal(target as SignalTarget, signal, value, options)
  }

  /**
   * What a durable job has recorded in its present run, in the order in which results came. Empty for any other job.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`
   */
  async getSteps(ref: JobId): Promise<RecordedStep[]> {
    return (await this.durable()).steps(ref)
  }

  /**
   * Pushes a durable job that has every step which another one, waiting, running or finished, recorded before the step
   * `before`. It has no unique key.
   *
   * @throws {NotFoundError} `JOB_NOT_FOUND`, `STEP_NOT_FOUND`
   */
  async fork<R>(ref: JobId<R>, options: ForkOptions): Promise<Reference<R>> {
    return (await this.durable()).fork(ref, options)
  }
}
