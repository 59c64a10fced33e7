import { inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Outcome } from '../../core/outcome.ts'
import { retriableFailure } from '../../core/settle.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { AttemptUpdate } from '../../plugin/hooks/attempt-update.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { type Policy, parsePolicy, type RetryPolicy } from './policy.ts'

export type { RetryAction, RetryCondition, RetryError, RetryPolicy } from './policy.ts'

const MAX_POLICIES = 100

/**
 * Decides by the error whether and when a failed job is tried again: of several policies the first that fits. A
 * job never gets more attempts than its own, and what was cancelled, discarded or has failed stays so.
 *
 * @throws {ConfigError}
 */
export function retries(policies: readonly RetryPolicy[]): Plugin {
  const isList = Array.isArray(policies) && policies.length > 0 && policies.length <= MAX_POLICIES
  if (!isList)
    throw new ConfigError(
      `retries: expected an array of 1 to ${MAX_POLICIES} policies { when, then }, got ${inspect(policies)}.`,
    )
  const all = policies.map((one, n) => parsePolicy(one, `retries[${n}]`))
  return definePlugin({
    name: 'chancy.retries',
    afterAttempt: (update, outcome) => decided(all, update, outcome),
  })
}

function decided(
  policies: readonly Policy[],
  update: AttemptUpdate,
  outcome: Outcome,
): AttemptUpdate {
  if (update.state !== 'retrying') return update
  const failure = retriableFailure(outcome)
  if (failure === null) return update
  const { job } = update
  const policy = policies.find((one) => one.fits(failure, job))
  if (policy === undefined) return update
  const { attempts, delayMs } = policy
  if (attempts !== null && job.attempts >= attempts)
    return { ...update, state: 'failed', delayMs: 0 }
  // A RetryJob says itself when.
  if (delayMs === null || outcome.kind === 'retry-asked') return update
  return { ...update, delayMs: delayMs(failure, job) }
}
