import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { callAfter, callEvery, Deadline, systemClock } from '../../../src/core/clock.ts'

import { HandClock } from '../../support/clock.ts'

const DAY_MS = 86_400_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a wait', () => {
  it.each([1, 2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 3_650 * DAY_MS])(
    'of %i ms is over then, and not before',
    async (ms) => {
      let isOver = false
      void systemClock.sleep(ms).then(() => {
        isOver = true
      })
      await vi.advanceTimersByTimeAsync(ms - 1)
      expect(isOver).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      expect(isOver).toBe(true)
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  it('that is long ends when its signal aborts, in any of its parts', async () => {
    const over = new AbortController()
    const slept = systemClock.sleep(60 * DAY_MS, over.signal)
    await vi.advanceTimersByTimeAsync(40 * DAY_MS)
    over.abort()
    await slept
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that was called off calls nothing', async () => {
    let calls = 0
    const callOff = callAfter(systemClock, 60 * DAY_MS, () => calls++)
    await vi.advanceTimersByTimeAsync(40 * DAY_MS)
    callOff()
    await vi.advanceTimersByTimeAsync(40 * DAY_MS)
    expect(calls).toBe(0)
  })
})

describe.each([
  ['of the system', 'system'],
  ['of a test', 'test'],
] as const)('a timer on a clock %s', (_title, kind) => {
  const hand = new HandClock()
  const clock = kind === 'test' ? hand : systemClock
  const advance = async (ms: number): Promise<void> => {
    if (kind === 'system') return void (await vi.advanceTimersByTimeAsync(ms))
    // What moves the other clock waits for the loop.
    vi.useRealTimers()
    await hand.advance(ms)
  }
  const timers = (): number => (kind === 'test' ? hand.sleepers : vi.getTimerCount())

  it('calls once after its time, and never once it was cancelled', async () => {
    let calls = 0
    callAfter(clock, 100, () => calls++)
    const cancel = callAfter(clock, 100, () => calls--)
    cancel()
    await advance(99)
    expect(calls).toBe(0)
    await advance(1)
    await advance(1_000)
    expect(calls).toBe(1)
    expect(timers()).toBe(0)
  })

  it('calls at every interval until it is ended', async () => {
    let calls = 0
    const end = callEvery(clock, 100, () => calls++)
    await advance(350)
    expect(calls).toBe(3)
    end()
    await advance(1_000)
    expect(calls).toBe(3)
    expect(timers()).toBe(0)
  })
})

describe('a deadline', () => {
  it('passes once, and never after it was cleared', async () => {
    let passed = 0
    new Deadline(100, () => passed++)
    new Deadline(100, () => passed++).clear()
    await vi.advanceTimersByTimeAsync(99)
    expect(passed).toBe(0)
    await vi.advanceTimersByTimeAsync(10)
    expect(passed).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not pass when it is cleared in the turn of the loop in which it is due', async () => {
    vi.useRealTimers()
    let passed = 0
    const deadline = new Deadline(5, () => passed++)
    // Runs in the same phase as the deadline, or before the sockets are read.
    setTimeout(() => deadline.clear(), 5)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(passed).toBe(0)
  })
})
