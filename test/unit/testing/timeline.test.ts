import { describe, expect, it } from 'vitest'
import type { Chancy, Worker } from '../../../src/index.ts'
import type { AttemptTally } from '../../../src/testing/attempt-tally.ts'
import type { OwnSchema } from '../../../src/testing/own-schema.ts'
import type { PluginPasses } from '../../../src/testing/plugin-passes.ts'
import { StillClock } from '../../../src/testing/still-clock.ts'
import { MAX_STEPS, Timeline } from '../../../src/testing/timeline.ts'

/** A timeline over doubles: a job is due each second, and the tally counts what the test says. */
function timelineOf(
  tally: Partial<AttemptTally>,
  idle: (signal: AbortSignal) => Promise<void> = async () => {},
) {
  const clock = new StillClock(0)
  const schema = {
    names: { fn: () => '', own: () => '' },
    query: async ({ text }: { text: string }) => {
      if (text.includes('AS at_ms'))
        return [{ kind: 'job', name: 'beat', at_ms: clock.now() + 1_000 }]
      return text.includes('AS pushed') ? [{ pushed: 2 }] : []
    },
    maintain: async () => {},
  } as unknown as OwnSchema
  const timeline = new Timeline({
    chancy: {} as Chancy,
    worker: { idle } as unknown as Worker,
    schema,
    clock,
    passes: { look: async () => {}, pass: async () => {}, next: null } as unknown as PluginPasses,
    tally: Object.create(
      { attempts: 0, running: [], quietMs: () => 0 },
      Object.getOwnPropertyDescriptors(tally),
    ) as AttemptTally,
    patienceMs: 100,
  })
  return { timeline, clock }
}

describe('a timeline', () => {
  it('stops after ten thousand steps, and says what came due', async () => {
    const { timeline, clock } = timelineOf({})
    const error = await timeline.moveTo(Number.MAX_SAFE_INTEGER).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'TEST_ENDLESS' })
    expect(error.message).toBe(
      'advance: stopped after 10000 steps, on the way from 1970-01-01T00:00:00.000Z at 1970-01-01T02:46:40.000Z. What came due: the job "beat" 10000 times. Advance in shorter stretches, or correct what repeats itself.',
    )
    expect(clock.now()).toBe(MAX_STEPS * 1_000)
  })

  it('stops jobs that come due again without time moving, after ten thousand beside those that wait', async () => {
    let attempts = 0
    const tally = {
      get attempts() {
        return attempts
      },
      names: new Map([
        ['once', 1],
        ['chain', 10_002],
      ]),
    }
    const never = (signal: AbortSignal): Promise<void> => {
      attempts = MAX_STEPS + 3
      return new Promise((_, reject) => signal.addEventListener('abort', reject))
    }
    const { timeline } = timelineOf(tally, never)
    await expect(timeline.drain()).rejects.toThrow(
      'What ran: chain 10002 times, once 1 times. A job that is snoozed or retried without a delay',
    )
  })
})

describe('a clock that stands still', () => {
  it('ends the sleeps of limits by being moved, in their order, and those of passes while it runs', async () => {
    const clock = new StillClock(0)
    const ended: string[] = []
    const limit = (ms: number) => clock.limits.sleep(ms).then(() => ended.push(`limit ${ms}`))
    const sleeps = [limit(3_000), limit(1_000), limit(9_000)]
    const pass = clock.passes.sleep(1).then(() => ended.push('pass'))
    const cancelled = new AbortController()
    const aborted = clock.limits.sleep(500, cancelled.signal)
    cancelled.abort()
    await aborted
    expect(clock.limits.nextEndMs).toBe(1_000)
    await clock.sleep(20)
    expect(ended).toEqual([])
    clock.limits.moveTo(3_000)
    await Promise.all(sleeps.slice(0, 2))
    expect(ended).toEqual(['limit 1000', 'limit 3000'])
    clock.passes.run()
    await clock.sleep(0)
    await pass
    clock.passes.hold()
    clock.limits.end()
    await sleeps[2]
    expect(ended).toEqual(['limit 1000', 'limit 3000', 'pass', 'limit 9000'])
  })
})
