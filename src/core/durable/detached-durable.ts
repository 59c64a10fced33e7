import { backoffDelayMs } from '../backoff.ts'
import { inspect } from '../check.ts'
import { systemClock } from '../clock.ts'
import { type Context, detachedContext } from '../context.ts'
import { durationMs } from '../duration.ts'
import { endingOf } from '../ending.ts'
import { ConfigError, StepError } from '../errors.ts'
import { isJobFunction } from '../job.ts'
import { decodeJson } from '../json.ts'
import { restoreError } from '../restore-error.ts'
import { stepKey } from '../seeded-random.ts'
import { serializeError } from '../serialize-error.ts'
import { userDatabase } from '../user-database.ts'
import { isWorkflow } from '../workflow/workflow.ts'
import type { DurableContext, StepCall } from './durable-context.ts'
import { checkStepName, parseStepRetry } from './step-retry.ts'
import { encodeResult } from './step-tries.ts'

/**
 * The context of a durable job that is called directly: its steps run and are not recorded, its sleeps take their time, and
 * what needs a queue is refused.
 */
export function detachedDurable(name: string, args: unknown = {}): DurableContext {
  const base: Context = detachedContext(name, args)
  const context: DurableContext = {
    ...base,
    step: async (given: string, second: unknown, third?: unknown): Promise<never> => {
      const step = checkStepName(given, 'ctx.step')
      const [options, fn] = typeof second === 'function' ? [undefined, second] : [second, third]
      const rule = parseStepRetry(options, `ctx.step ${inspect(step)}`)
      const key = stepKey(base.job.id, 1, step)
      for (let attempt = 1; ; attempt++) {
        const call: StepCall = { attempt, signal: base.signal, key }
        try {
          const value: unknown = await (fn as (call: StepCall) => unknown)(call)
          return decodeJson(encodeResult(step, value)) as never
        } catch (thrown) {
          const ending = endingOf(thrown)?.kind
          if (ending === 'discard' || ending === 'snooze') throw thrown
          if (attempt >= rule.maxAttempts) throw failureOf(step, thrown)
          await systemClock.sleep(backoffDelayMs(rule.backoff, attempt))
        }
      }
    },
    transaction: async (given: string, database: unknown, fn: unknown): Promise<never> => {
      const step = checkStepName(given, 'ctx.transaction')
      const own = userDatabase(database)
      try {
        const text = await own.transaction(async (tx) =>
          encodeResult(step, await (fn as (tx: unknown) => unknown)(tx)),
        )
        return decodeJson(text) as never
      } catch (thrown) {
        throw failureOf(step, thrown)
      }
    },
    sleep: (duration) => systemClock.sleep(durationMs(duration, 'ctx.sleep')),
    sleepUntil: (date) => systemClock.sleep(Math.max(0, date.getTime() - systemClock.now())),
    waitForSignal: async () => needsQueue(name, 'ctx.waitForSignal'),
    waitForAny: async () => needsQueue(name, 'ctx.waitForAny'),
    signals: () => needsQueue(name, 'ctx.signals'),
    invoke: async (given: unknown): Promise<never> => called(name, given),
    invokeAll: async (_: string, jobs: Iterable<unknown>): Promise<never> =>
      (await Promise.all([...jobs].map((one) => called(name, one)))) as never,
    push: async () => needsQueue(name, 'ctx.push'),
    sendSignal: async () => needsQueue(name, 'ctx.sendSignal'),
    version: async (_, current = 1) => current,
    now: () => new Date(systemClock.now()),
    random: Math.random,
    set: () => {},
    history: { steps: 0, bytes: 0 },
    continueWith: () => needsQueue(name, 'ctx.continueWith'),
  }
  return Object.freeze(context)
}

function failureOf(step: string, thrown: unknown): StepError {
  const error = serializeError(thrown)
  return new StepError(step, `The step "${step}" failed: ${error.message}`, {
    details: { step },
    cause: restoreError(error),
  })
}

/** A job function is called directly too; a job alone has no code here. */
async function called(name: string, given: unknown): Promise<never> {
  if (isWorkflow(given)) return needsQueue(name, 'ctx.invoke of a workflow')
  if (!isJobFunction(given)) return needsQueue(name, 'ctx.invoke of a job without its function')
  const fn = given as unknown as (args: unknown) => unknown
  return (await fn(given.job.args)) as never
}

function needsQueue(name: string, what: string): never {
  throw new ConfigError(
    `The durable job "${name}" was called directly, and ${what} needs a queue: push the job, or use runDurable() of chancy/testing.`,
  )
}
