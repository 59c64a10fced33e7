import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { definitionOf, job } from '../../../src/core/job-function.ts'
import { Stop } from '../../../src/core/stop.ts'
import type { Attempt } from '../../../src/executors/executor.ts'
import { InlineExecutor } from '../../../src/executors/inline-executor.ts'

const DAY_MS = 86_400_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a time limit of the inline executor', () => {
  it('of more days than a timer can wait is kept to', async () => {
    const heeding = job({ name: 'heeding' }, (_, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', reject))
    })
    const executor = new InlineExecutor(new Map([['heeding', definitionOf(heeding)]]))
    const stop = new Stop()
    const attempt = {
      job: { name: 'heeding', args: '{}' },
      limits: { timeMs: 30 * DAY_MS },
    } as unknown as Attempt
    const ended = executor.run(attempt, stop)
    await vi.advanceTimersByTimeAsync(30 * DAY_MS - 1)
    expect(stop.reason).toBeNull()
    await vi.advanceTimersByTimeAsync(1)
    expect(await ended).toEqual({ kind: 'timed-out', limitMs: 30 * DAY_MS })
  })
})
