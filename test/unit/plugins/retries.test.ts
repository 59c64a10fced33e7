import { ConfigError } from 'chancy'
import { type RetryPolicy, retries } from 'chancy/plugins/retries'
import { describe, expect, it } from 'vitest'
import { serializeError } from '../../../dist/core/serialize-error.js'
import { attemptOf } from '../../support/attempt.ts'

class RateLimited extends Error {
  override name = 'RateLimited'
}

const threw = (error: unknown) => ({ kind: 'threw' as const, error: serializeError(error) })
const caused = new Error('the call failed', { cause: new RateLimited('slow down') })
const STAYS = { state: 'retrying', delayMs: 1_000 }
const FAILS = { state: 'failed', delayMs: 0 }

/** What the plugin makes of a failed attempt that would be tried again after a second. */
async function decide(
  policies: readonly RetryPolicy[],
  outcome: Parameters<NonNullable<ReturnType<typeof retries>['afterAttempt']>>[1],
  job: Partial<Parameters<typeof attemptOf>[0]> = {},
  state: 'retrying' | 'failed' | 'cancelled' | 'succeeded' | 'pending' = 'retrying',
) {
  const update = attemptOf(job, { state, delayMs: state === 'retrying' ? 1_000 : 0 })
  const { afterAttempt } = retries(policies)
  const after = await afterAttempt?.(update, outcome)
  expect(after?.job).toBe(update.job)
  return { state: after?.state, delayMs: after?.delayMs }
}

describe('a policy of retries', () => {
  it.each<[string, RetryPolicy['when'], boolean]>([
    ['the name of an error', { error: 'Error' }, true],
    ['the name of its cause', { error: 'RateLimited' }, true],
    ['one of several names', { error: ['TypeError', 'RateLimited'] }, true],
    ['another name', { error: 'TypeError' }, false],
    ['a kind', { kind: 'error' }, true],
    ['another kind', { kind: ['timeout', 'crash'] }, false],
    ['a queue', { queue: 'mail' }, true],
    ['another queue', { queue: ['default', 'other'] }, false],
    ['a job', { name: ['send', 'other'] }, true],
    ['another job', { name: 'other' }, false],
    ['all that is given', { error: 'Error', kind: 'error', queue: 'mail', name: 'send' }, true],
    ['but not by a part of it', { error: 'Error', queue: 'other' }, false],
    ['nothing, which all fit', {}, true],
    [
      'a function',
      (error, job) => error.cause?.message === 'slow down' && job.attempts === 2,
      true,
    ],
    ['a function that says no', (error) => error.kind === 'timeout', false],
  ])('fits by %s', async (_, when, fits) => {
    expect(await decide([{ when, then: 'never' }], threw(caused))).toEqual(fits ? FAILS : STAYS)
  })

  it.each([
    [{ kind: 'timed-out', limitMs: 5 }, 'timeout'],
    [{ kind: 'over-memory', limitBytes: 5 }, 'memory'],
    [{ kind: 'child-lost', error: serializeError(new Error('gone')) }, 'crash'],
  ] as const)('knows the kind of %j', async (outcome, kind) => {
    expect(await decide([{ when: { kind }, then: 'never' }], outcome)).toEqual(FAILS)
    const error = kind === 'crash' ? 'Error' : 'AttemptError'
    expect(await decide([{ when: { error }, then: 'never' }], outcome)).toEqual(FAILS)
  })

  it('decides alone when it is the first that fits', async () => {
    const policies: RetryPolicy[] = [
      { when: { error: 'TypeError' }, then: 'never' },
      { when: { error: 'RateLimited' }, then: { after: '10m' } },
      { when: {}, then: 'never' },
    ]
    const later = { state: 'retrying', delayMs: 600_000 }
    expect(await decide(policies, threw(caused))).toEqual(later)
    expect(await decide(policies, threw(new TypeError('no')))).toEqual(FAILS)
  })

  it('waits as its backoff says, or its function', async () => {
    const steady = { base: '2s', factor: 3, jitter: 0 } as const
    const third = { attempts: 3, maxAttempts: 9 }
    const delay = async (backoff: object | 'none') =>
      (await decide([{ when: {}, then: { backoff } as never }], threw(caused), third)).delayMs
    expect(await delay(steady)).toBe(18_000)
    expect(await delay('none')).toBe(0)
    expect(await delay((attempt: number, error: Error) => attempt * error.message.length)).toBe(45)
  })

  it('lowers the attempts of the job and never raises them', async () => {
    const policies: RetryPolicy[] = [{ when: {}, then: { attempts: 3 } }]
    const at = (attempts: number, maxAttempts: number) =>
      decide(policies, threw(caused), { attempts, maxAttempts })
    expect(await at(2, 9)).toEqual(STAYS)
    expect(await at(3, 9)).toEqual(FAILS)
    expect(await at(4, 9)).toEqual(FAILS)
    expect(
      await decide(policies, threw(caused), { attempts: 2, maxAttempts: 2 }, 'failed'),
    ).toEqual(FAILS)
  })

  it('leaves the time to a RetryJob, and can still end its attempts', async () => {
    const asked = { kind: 'retry-asked', delayMs: 1_000, error: serializeError(caused) } as const
    expect(await decide([{ when: {}, then: { after: '10m' } }], asked)).toEqual(STAYS)
    expect(await decide([{ when: {}, then: { after: '10m', attempts: 2 } }], asked)).toEqual(FAILS)
    expect(await decide([{ when: { error: 'RateLimited' }, then: 'never' }], asked)).toEqual(FAILS)
  })

  it.each([
    [{ kind: 'discarded', error: serializeError(new Error('no')) }, 'failed'],
    [{ kind: 'cancelled' }, 'cancelled'],
    [{ kind: 'returned', result: null }, 'succeeded'],
    [{ kind: 'snoozed', delayMs: 5 }, 'pending'],
    [{ kind: 'interrupted' }, 'pending'],
    [{ kind: 'not-storable', error: serializeError(new Error('no')) }, 'failed'],
  ] as const)('never changes what %j led to', async (outcome, state) => {
    const policies: RetryPolicy[] = [{ when: {}, then: { after: '1s' } }]
    expect(await decide(policies, outcome, { maxAttempts: 9 }, state)).toEqual({
      state,
      delayMs: 0,
    })
  })

  it.each<[unknown, string]>([
    [[], 'retries: expected an array of 1 to 100 policies'],
    [{}, 'retries: expected an array'],
    [[{ then: 'never' }], 'retries[0].when: expected'],
    [[{ when: {} }], 'retries[0].then: expected "never"'],
    [[{ when: {}, then: 'always' }], 'retries[0].then: expected "never"'],
    [[{ when: {}, then: {} }], 'expected one of after and backoff, or attempts alone'],
    [[{ when: {}, then: { after: '1s', backoff: 'none' } }], 'expected one of after and backoff'],
    [[{ when: {}, then: { after: 'soon' } }], 'retries[0].then.after: expected a duration'],
    [[{ when: {}, then: { attempts: 0 } }], 'retries[0].then.attempts: expected a whole number'],
    [[{ when: {}, then: { backoff: { max: 1, base: 2 } } }], 'expected max to be at least base'],
    [[{ when: { errors: 'A' }, then: 'never' }], 'unknown option "errors"'],
    [[{ when: { error: [] }, then: 'never' }], 'retries[0].when.error: expected a text'],
    [[{ when: { name: 7 }, then: 'never' }], 'retries[0].when.name: expected text'],
    [[{ when: { kind: 'discarded' }, then: 'never' }], 'expected one of error, timeout, memory'],
    [
      [
        { when: {}, then: 'never' },
        { when: {}, then: 'n' },
      ],
      'retries[1].then',
    ],
  ])('is refused when it is wrong: %j', (given, message) => {
    expect(() => retries(given as never)).toThrow(ConfigError)
    expect(() => retries(given as never)).toThrow(message)
  })

  it('counts as absent when its function answers neither true nor false', () => {
    const { afterAttempt } = retries([{ when: (async () => true) as never, then: 'never' }])
    expect(() => afterAttempt?.(attemptOf({}, STAYS as never), threw(caused))).toThrow(
      'retries[0].when: expected true or false',
    )
  })
})
