import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { after, systemClock } from '../../../src/core/clock.ts'

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
    const callOff = after(60 * DAY_MS, () => calls++)
    await vi.advanceTimersByTimeAsync(40 * DAY_MS)
    callOff()
    await vi.advanceTimersByTimeAsync(40 * DAY_MS)
    expect(calls).toBe(0)
  })
})
