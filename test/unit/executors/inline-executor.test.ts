import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { definitionOf, job } from '../../../src/core/job-function.ts'
import { StopRequest } from '../../../src/core/stop-request.ts'
import type { Attempt } from '../../../src/executors/executor.ts'
import { InlineExecutor } from '../../../src/executors/inline-executor.ts'
import { HandClock } from '../../support/clock.ts'

const DAY_MS = 86_400_000

describe('a time limit of the inline executor', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('of more days than a timer can wait is kept to', async () => {
    const cooperative = job({ name: 'cooperative' }, (_, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', reject))
    })
    const executor = new InlineExecutor(new Map([['cooperative', definitionOf(cooperative)]]))
    const stop = new StopRequest()
    const attempt = {
      job: { name: 'cooperative', args: '{}' },
      limits: { timeMs: 30 * DAY_MS },
    } as unknown as Attempt
    const ended = executor.run(attempt, stop)
    await vi.advanceTimersByTimeAsync(30 * DAY_MS - 1)
    expect(stop.reason).toBeNull()
    await vi.advanceTimersByTimeAsync(1)
    expect(await ended).toEqual({ kind: 'timed-out', limitMs: 30 * DAY_MS })
  })
})

describe('a memory limit', () => {
  it('is ignored by the inline executor only where it is made so', async () => {
    const plain = job({ name: 'plain' }, () => 'ran')
    const definitions = new Map([['plain', definitionOf(plain)]])
    const attempt = {
      job: { name: 'plain', args: '{}' },
      limits: { memoryBytes: 1_000_000 },
      report: { log: () => {} },
    } as unknown as Attempt
    const run = (executor: InlineExecutor) => executor.run(attempt, new StopRequest())
    expect(await run(new InlineExecutor(definitions))).toMatchObject({
      kind: 'limit-not-supported',
    })
    const ignoring = new InlineExecutor(definitions, systemClock, null, 'ignored')
    expect(await run(ignoring)).toMatchObject({ kind: 'returned' })
  })
})

describe('a time limit', () => {
  it('is counted by the time of limits where the clock has one', async () => {
    const hanging = job({ name: 'hanging' }, (_, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', reject))
    })
    const [clock, limits] = [new HandClock(), new HandClock()]
    const executor = new InlineExecutor(
      new Map([['hanging', definitionOf(hanging)]]),
      Object.assign(clock, { limits }),
    )
    const stop = new StopRequest()
    const attempt = { job: { name: 'hanging', args: '{}' }, limits: { timeMs: 1_000 } }
    const ended = executor.run(attempt as unknown as Attempt, stop)
    await clock.jump(2_000)
    expect(stop.reason).toBeNull()
    await limits.jump(1_000)
    expect(await ended).toEqual({ kind: 'timed-out', limitMs: 1_000 })
  })
})
