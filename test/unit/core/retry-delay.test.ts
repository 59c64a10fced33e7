import { describe, expect, it } from 'vitest'
import { DATABASE_RETRY, nextDelayMs } from '../../../src/core/retry-delay.ts'

describe('nextDelayMs', () => {
  it.each([DATABASE_RETRY, { leastMs: 1_000, mostMs: 60_000 }])(
    'stays within $leastMs to $mostMs ms, and grows at most threefold',
    (range) => {
      const { leastMs, mostMs } = range
      let delayMs = 0
      for (let i = 0; i < 1_000; i++) {
        const next = nextDelayMs(delayMs, range)
        expect(next).toBeGreaterThanOrEqual(leastMs)
        expect(next).toBeLessThanOrEqual(Math.min(mostMs, Math.max(leastMs, delayMs * 3)))
        delayMs = next
      }
    },
  )
})
