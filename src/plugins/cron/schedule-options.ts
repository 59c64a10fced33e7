import { checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { type Pushable, toJob } from '../../core/job.ts'
import { POLICY_OPTIONS, type Policy, type PolicyOptions, policyOf } from './policy.ts'
import { TIMING_OPTIONS, type Timing, type TimingOptions, timingOf } from './timing.ts'

/** The whole definition of a schedule: with `cron` or `every`, and the job that each tick pushes. */
export interface ScheduleOptions<R, A> extends TimingOptions, PolicyOptions {
  /** 1 to 200 bytes. The same key again replaces the definition. */
  readonly key: string
  /** With every `with…` except `withScheduledAt` and `withDelay`: the schedule says when. */
  readonly job: Pushable<R, A>
  /** Default: as it was; a new schedule is not. */
  readonly paused?: boolean | undefined
}

/** Options of any job, for lists of schedules. */
// biome-ignore lint/suspicious/noExplicitAny: a job is invariant in its arguments, so no other type takes all
export type AnySchedule = ScheduleOptions<any, any>

/** Options that were checked, apart from what is known at the push of the job alone. */
export interface Definition {
  readonly key: string
  readonly options: TimingOptions
  readonly policy: Policy
  readonly job: Pushable<unknown, unknown>
  readonly paused: boolean | undefined
}

const MAX_KEY_BYTES = 200

export function checkKey(key: unknown, what: string): string {
  return checkText(key, { what: `${what}: key`, maxBytes: MAX_KEY_BYTES })
}

/** @throws {ConfigError} that says what is wrong and what to write */
export function definitionOf(given: unknown, what: string): Definition {
  const allowed = ['key', 'job', 'paused', ...TIMING_OPTIONS, ...POLICY_OPTIONS]
  const options = checkOptions(given ?? null, allowed, what) as Partial<AnySchedule>
  const key = checkKey(options.key, what)
  const at = `${what} ${inspect(key)}`
  const { paused } = options
  if (paused !== undefined && typeof paused !== 'boolean') {
    throw new ConfigError(`${at}: paused: expected true or false, got ${inspect(paused)}.`)
  }
  const job = toJob(options.job as Pushable<unknown, unknown>)
  if (job.scheduledAt !== null || job.delayMs !== null) {
    const found = job.delayMs === null ? 'withScheduledAt' : 'withDelay'
    throw new ConfigError(
      `${at}: job: ${found} says when the job runs, and so does the schedule. Leave it out; "jitter" makes ticks later.`,
    )
  }
  const definition: Definition = {
    key,
    options: options as TimingOptions,
    policy: policyOf(options, at),
    job,
    paused,
  }
  timingAt(definition, new Date(0))
  return definition
}

/** Its timing, where the key was declared first at `declaredAt`. */
export function timingAt({ key, options }: Definition, declaredAt: Date): Timing {
  return timingOf(options, declaredAt, `The schedule ${inspect(key)}`)
}
