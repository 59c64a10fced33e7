import { describe, expect, it } from 'vitest'
import {
  forceDue,
  isMeasurementDue,
  isOverMemory,
  isOverTime,
  type StoppingAttempt,
} from '../../../../src/executors/pool/limit-policy.ts'

const stopping = (rest: Partial<StoppingAttempt>): StoppingAttempt => ({
  stoppingMs: 0,
  killAfterMs: 5_000,
  hasReceivedStop: true,
  isTerminated: false,
  hasOthers: false,
  ...rest,
})

describe('an attempt that was asked to stop', () => {
  it.each([
    ['has time to end by itself', { stoppingMs: 2_499 }, 'none'],
    ['gets SIGTERM halfway', { stoppingMs: 2_500 }, 'terminate'],
    ['gets SIGTERM once', { stoppingMs: 4_999, isTerminated: true }, 'none'],
    ['is killed at the end', { stoppingMs: 5_000, isTerminated: true }, 'kill'],
    [
      'gets SIGTERM soon when its loop is blocked',
      { stoppingMs: 100, hasReceivedStop: false },
      'terminate',
    ],
    ['has a moment to answer', { stoppingMs: 99, hasReceivedStop: false }, 'none'],
    [
      'has half of a short time to answer',
      { stoppingMs: 50, killAfterMs: 100, hasReceivedStop: false },
      'terminate',
    ],
    ['leaves others in its child the whole time', { stoppingMs: 4_999, hasOthers: true }, 'none'],
    [
      'is killed with others in its child at the end',
      { stoppingMs: 5_000, hasOthers: true },
      'kill',
    ],
  ] as const)('%s', (_title, rest, force) => {
    expect(forceDue(stopping(rest))).toBe(force)
  })
})

describe('an attempt is over its limit', () => {
  it.each([
    ['when its time has passed', { timeMs: 100 }, 100, true],
    ['not before', { timeMs: 100 }, 99, false],
    ['never without a time limit', { memoryBytes: 1 }, 1e9, false],
  ] as const)('of time %s', (_title, limits, ranMs, isOver) => {
    expect(isOverTime(limits, ranMs)).toBe(isOver)
  })

  it.each([
    ['when it has more memory', { memoryBytes: 1_000 }, 1_001, true],
    ['not when it has as much', { memoryBytes: 1_000 }, 1_000, false],
    ['not while its memory cannot be seen', { memoryBytes: 1_000 }, null, false],
    ['never without a memory limit', { timeMs: 1 }, 1e12, false],
  ] as const)('of memory %s', (_title, limits, bytes, isOver) => {
    expect(isOverMemory(limits, bytes)).toBe(isOver)
  })
})

describe('the memory of an attempt is measured', () => {
  it.each([
    ['every 40 ms where it has a limit', { memoryBytes: 1 }, 40, true],
    ['not more often', { memoryBytes: 1 }, 39, false],
    ['every 200 ms where it has none', {}, 200, true],
    ['not more often where it has none', { timeMs: 1 }, 199, false],
  ] as const)('%s', (_title, limits, sinceMs, isDue) => {
    expect(isMeasurementDue(limits, sinceMs)).toBe(isDue)
  })
})
