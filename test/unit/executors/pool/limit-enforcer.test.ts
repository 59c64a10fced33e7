import { describe, expect, it } from 'vitest'
import { forceDue, type Stopping } from '../../../../src/executors/pool/limit-enforcer.ts'

const stopping = (rest: Partial<Stopping>): Stopping => ({
  askedMs: 0,
  killAfterMs: 5_000,
  hasHeard: true,
  isTerminated: false,
  hasOthers: false,
  ...rest,
})

describe('an attempt that was asked to stop', () => {
  it.each([
    ['has time to end by itself', { askedMs: 2_499 }, 'none'],
    ['gets SIGTERM halfway', { askedMs: 2_500 }, 'terminate'],
    ['gets SIGTERM once', { askedMs: 4_999, isTerminated: true }, 'none'],
    ['is killed at the end', { askedMs: 5_000, isTerminated: true }, 'kill'],
    ['gets SIGTERM soon when its loop is blocked', { askedMs: 100, hasHeard: false }, 'terminate'],
    ['has a moment to answer', { askedMs: 99, hasHeard: false }, 'none'],
    [
      'has half of a short time to answer',
      { askedMs: 50, killAfterMs: 100, hasHeard: false },
      'terminate',
    ],
    ['leaves others in its child the whole time', { askedMs: 4_999, hasOthers: true }, 'none'],
    ['is killed with others in its child at the end', { askedMs: 5_000, hasOthers: true }, 'kill'],
  ] as const)('%s', (_title, rest, force) => {
    expect(forceDue(stopping(rest))).toBe(force)
  })
})
