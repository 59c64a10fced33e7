import { describe, expect, it } from 'vitest'
import { machineMs, systemClock } from '../../../../src/core/clock.ts'
import { LeaseState } from '../../../../src/worker/lease/lease-state.ts'
import { HandClock } from '../../../support/clock.ts'

const TIMES = { leaseMs: 20_000, heartbeatMs: 5_000 }

describe('the state of a lease', () => {
  it('is trusted by the clock of a test until a margin before its end', async () => {
    const clock = new HandClock()
    const lease = new LeaseState(clock)
    expect(lease.isTrusted()).toBe(false)
    lease.renewed(lease.term, lease.now(), TIMES)
    await clock.advance(16_999)
    expect(lease.isTrusted()).toBe(true)
    expect([lease.ageMs(), lease.steadyMs()]).toEqual([16_999, 16_999])
    await clock.advance(1)
    expect(lease.isTrusted()).toBe(false)
  })

  it('returns until when it is trusted, by the clock of the machine, which children read', async () => {
    const clock = new HandClock()
    const lease = new LeaseState(clock)
    lease.renewed(lease.term, lease.now(), TIMES)
    await clock.advance(16_000)
    expect(lease.untilMs - machineMs()).toBeGreaterThan(500)
    expect(lease.untilMs - machineMs()).toBeLessThanOrEqual(1_000)
    await clock.advance(2_000)
    expect(lease.untilMs).toBeLessThan(machineMs())
  })

  it('is seen by another thread through its memory', () => {
    const lease = new LeaseState()
    const beside = new LeaseState(systemClock, lease.buffer)
    beside.renewed(lease.term, beside.now(), TIMES)
    expect(lease.isTrusted()).toBe(true)
    lease.nextTerm()
    expect([beside.isTrusted(), beside.term]).toEqual([false, 1n])
  })

  it('is not changed by what is said of an earlier term', () => {
    const lease = new LeaseState()
    const { term } = lease
    lease.nextTerm()
    lease.renewed(term, lease.now(), TIMES)
    expect(lease.isTrusted()).toBe(false)
    lease.renewed(lease.term, lease.now(), TIMES)
    lease.revoked(term)
    expect(lease.isTrusted()).toBe(true)
  })
})
