import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import { type Retry, retrying } from '../../../src/database/retry.ts'

/** Time that passes only by sleeping. */
function sleepingClock(): Clock & { readonly slept: number[] } {
  let nowMs = 0
  const slept: number[] = []
  return {
    slept,
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async (ms, signal) => {
      if (signal?.aborted) return
      slept.push(ms)
      nowMs += ms
    },
  }
}

const failing = (...codes: string[]) => {
  const calls: number[] = []
  const work = async (attempt: number): Promise<string> => {
    calls.push(attempt)
    const code = codes.shift()
    if (code) throw Object.assign(new Error(code), { code, severity: 'ERROR' })
    return 'done'
  }
  return { work, calls }
}

describe('retrying', () => {
  it('repeats what only reads, and ends with its last error as it came', async () => {
    const { work, calls } = failing('08006', '08006', '08006')
    const clock = sleepingClock()
    await expect(retrying(work, { clock, deadlineMs: 150, reads: true })).rejects.toMatchObject({
      code: '08006',
    })
    expect(calls.length).toBeGreaterThan(1)
  })

  it('continues while the errors are transient', async () => {
    const clock = sleepingClock()
    const seen: Retry[] = []
    const { work, calls } = failing('40001', '25006', '26000')
    const onRetry = (retry: Retry) => void seen.push(retry)
    expect(await retrying(work, { clock, deadlineMs: 60_000, onRetry })).toBe('done')
    expect(calls).toEqual([1, 2, 3, 4])
    expect(seen.map((retry) => retry.verdict)).toEqual([
      'transient',
      'wrong-node',
      'stale-statement',
    ])
    expect(seen.map((retry) => retry.delayMs)).toEqual(clock.slept)
  })

  it('throws what never passes as it came', async () => {
    const clock = sleepingClock()
    const { work, calls } = failing('23505')
    await expect(retrying(work, { clock, deadlineMs: 60_000 })).rejects.toMatchObject({
      code: '23505',
    })
    expect([calls.length, clock.slept.length]).toEqual([1, 0])
  })

  it('does nothing twice that may have been committed, unless that is harmless', async () => {
    const clock = sleepingClock()
    await expect(
      retrying(failing('57P01').work, { clock, deadlineMs: 60_000 }),
    ).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: '57P01' } })
    const again = retrying(failing('57P01').work, { clock, deadlineMs: 60_000, idempotent: true })
    expect(await again).toBe('done')
  })

  it('gives up at the deadline with the last error', async () => {
    const clock = sleepingClock()
    const work = () => Promise.reject(Object.assign(new Error('x'), { code: '40P01' }))
    await expect(retrying(work, { clock, deadlineMs: 1_000 })).rejects.toMatchObject({
      code: '40P01',
    })
    expect(clock.monotonic()).toBeLessThanOrEqual(1_000)
    expect(clock.slept.length).toBeGreaterThan(0)
  })

  it('is reported as unknown when an earlier try may have been committed', async () => {
    const clock = sleepingClock()
    const codes = ['57P01']
    const work = () =>
      Promise.reject(Object.assign(new Error('x'), { code: codes.shift() ?? 'ECONNREFUSED' }))
    await expect(
      retrying(work, { clock, deadlineMs: 5_000, idempotent: true }),
    ).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: 'ECONNREFUSED' } })
  })

  it('ends with the signal', async () => {
    const clock = sleepingClock()
    const stop = new AbortController()
    const { work, calls } = failing('40001', '40001', '40001')
    const onRetry = () => stop.abort()
    const options = { clock, deadlineMs: 60_000, signal: stop.signal, onRetry }
    await expect(retrying(work, options)).rejects.toMatchObject({ code: '40001' })
    expect(calls).toEqual([1])
  })
})
