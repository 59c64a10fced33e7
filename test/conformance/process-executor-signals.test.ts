import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'

const pools = testPools()
const jobs = [jobModule('rude')]

describe('a signal to a child', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'is nothing when it is %s from elsewhere',
    async (name) => {
      const executor = pools.process({ jobs, concurrency: 1 })
      const handle = start(executor, 'nap', { ms: 200 })
      process.kill((await handle.begun) as number, name)
      expect(await resultOf(handle)).toBe('rested')
      expect(await resultOf(start(executor, 'ok', { value: 1 }))).toBe(1)
    },
  )

  it('reaches the handlers of a job only when the parent sends it', async () => {
    const executor = pools.process({ jobs, concurrency: 1, killAfterMs: 2_000 })
    const handle = start(executor, 'handles', {}, { timeMs: 600 })
    const pid = (await handle.begun) as number
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.kill(pid, name)
    // Well within its limit, the job must not notice.
    await sleep(200)
    expect(handle.progress).toEqual([pid])
    expect((await handle.ended).kind).toBe('timed-out')
    expect(handle.progress).toEqual([pid, 'SIGTERM'])
  })

  it('ends at the limit what has no handlers, without waiting for the last', async () => {
    for (const name of ['nap', 'spins']) {
      const executor = pools.process({ jobs, concurrency: 1, killAfterMs: 8_000 })
      const startedAt = performance.now()
      const args = name === 'nap' ? { ms: 60_000 } : {}
      const outcome = await start(executor, name, args, { timeMs: 100 }).ended
      expect(outcome.kind).toBe('timed-out')
      expect(performance.now() - startedAt).toBeLessThan(7_500)
    }
  })
})
