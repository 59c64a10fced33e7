import { checkOptions, inspect } from '../core/check.ts'
import { type Context, detachedContext } from '../core/context.ts'
import { ConfigError } from '../core/errors.ts'
import { isJobFunction } from '../core/job.ts'

/** Any job function, and what is called. */
// biome-ignore lint/suspicious/noExplicitAny: a function is contravariant in its parameters, so no other type takes all
export type AnyFunction = ((...params: any[]) => unknown) & {
  readonly job: { readonly name: string }
}

/** What a test says of the context of a call; the rest is that of a job that is called directly. */
export type OwnContext = Partial<Omit<Context, 'job' | 'log'>> & {
  readonly job?: Partial<Context['job']>
  readonly log?: Partial<Context['log']>
}

const FIELDS = ['job', 'attempt', 'signal', 'fence', 'log', 'progress', 'outputs']

/** Calls one function with a context of the test's own. No row is written. @throws what the function throws */
export async function runJob<F extends AnyFunction>(
  fn: F,
  args: Parameters<F>[0],
  given: OwnContext | undefined,
  nowMs: number,
): Promise<Awaited<ReturnType<F>>> {
  if (!isJobFunction(fn)) {
    throw new ConfigError(`runJob: expected a job function, as job() makes it, got ${inspect(fn)}.`)
  }
  const own = checkOptions(given, FIELDS, 'runJob: context') as OwnContext
  const context = detachedContext((fn as AnyFunction).job.name, args ?? {})
  const now = new Date(nowMs)
  const attempt = own.attempt ?? own.job?.attempts ?? 1
  const job = { ...context.job, createdAt: now, startedAt: now, attempts: attempt, ...own.job }
  const whole: Context = { ...context, ...own, attempt, job, log: { ...context.log, ...own.log } }
  return (await fn(args ?? {}, whole)) as Awaited<ReturnType<F>>
}
