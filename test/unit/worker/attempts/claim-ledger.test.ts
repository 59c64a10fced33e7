import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../../src/core/claimed-job.ts'
import {
  ClaimLedger,
  InFlightClaims,
  type RunningAttempt,
} from '../../../../src/worker/attempts/claim-ledger.ts'

const jobOf = (id: string, fence: number, claimSeq: number, workerId = 'w1'): ClaimedJob => ({
  id,
  queue: 'default',
  name: 'task',
  args: '{}',
  priority: 0,
  attempts: 1,
  maxAttempts: 1,
  fence,
  ctid: '(0,1)',
  claimSeq,
  position: 1,
  createdMs: 0,
  scheduledMs: null,
  startedMs: 0,
  workerId,
  extras: {},
})

/** As an attempt that ended and whose outcome goes to the buffer. */
function decide(ledger: ClaimLedger, attempt: RunningAttempt | null): void {
  if (attempt === null || !ledger.running.remove(attempt)) throw new Error('is not held')
  ledger.saving(attempt.job)
}

describe('whether the ledger holds a job', () => {
  it('is true from the answer of its claim until its outcome is settled', () => {
    const ledger = new ClaimLedger()
    const job = jobOf('a', 1, 7)
    expect(ledger.knows(job)).toBe(false)
    const attempt = ledger.add(job)
    expect([ledger.knows(job), ledger.isSaving(job)]).toEqual([true, false])
    decide(ledger, attempt)
    expect([ledger.knows(job), ledger.isSaving(job)]).toEqual([true, true])
    ledger.settled(job)
    expect([ledger.knows(job), ledger.isSaving(job)]).toEqual([false, false])
  })

  it('is true for an earlier attempt, and false for a later one', () => {
    const ledger = new ClaimLedger()
    const attempt = ledger.add(jobOf('a', 3, 7))
    for (const [fence, known] of [
      [2, true],
      [3, true],
      [4, false],
    ] as const) {
      expect(ledger.knows(jobOf('a', fence, 8))).toBe(known)
    }
    decide(ledger, attempt)
    expect(ledger.knows(jobOf('a', 2, 8))).toBe(true)
    expect(ledger.knows(jobOf('a', 4, 8))).toBe(false)
    expect(ledger.knows(jobOf('b', 2, 8))).toBe(false)
  })

  it('stays true for an outcome that is being saved when the lease is lost', () => {
    const ledger = new ClaimLedger()
    const saving = jobOf('a', 1, 7)
    decide(ledger, ledger.add(saving))
    const held = jobOf('b', 1, 7)
    ledger.add(held)
    expect(ledger.forgetAll().map(({ job }) => job)).toEqual([held])
    expect([ledger.knows(saving), ledger.knows(held)]).toEqual([true, false])
    ledger.settled(saving)
    expect(ledger.knows(saving)).toBe(false)
  })
})

describe('a job that is added while an attempt of it is held', () => {
  it('is refused when it is that very attempt', () => {
    const ledger = new ClaimLedger()
    const attempt = ledger.add(jobOf('a', 1, 7))
    expect(ledger.add(jobOf('a', 1, 7))).toBe(null)
    expect(attempt?.stop.reason).toBe(null)
  })

  it.each([
    ['a later fence', jobOf('a', 2, 8)],
    ['the same fence under another id of the worker', jobOf('a', 1, 8, 'w2')],
  ])('replaces the older attempt when it has %s', (_, newer) => {
    const ledger = new ClaimLedger()
    const older = ledger.add(jobOf('a', 1, 7))
    const attempt = ledger.add(newer)
    expect(older?.stop.reason).toBe('lost')
    expect(older !== null && ledger.running.remove(older)).toBe(false)
    expect(ledger.running.all()).toEqual([attempt])
    // The claim of the older attempt has no other job.
    expect(ledger.takeRemovable()).toEqual([7])
  })
})

describe('the row of a claim', () => {
  it('is removable once every job of the claim is settled', () => {
    const ledger = new ClaimLedger()
    const [a, b] = [jobOf('a', 1, 7), jobOf('b', 1, 7)]
    const attempts = [ledger.add(a), ledger.add(b)]
    for (const attempt of attempts) decide(ledger, attempt)
    ledger.settled(a)
    expect([ledger.knowsClaim(7), ledger.takeRemovable()]).toEqual([true, []])
    ledger.settled(b)
    expect(ledger.knowsClaim(7)).toBe(true)
    expect(ledger.takeRemovable()).toEqual([7])
    // Until it is gone: a job of the claim may run under a later one by now.
    expect([ledger.knowsClaim(7), ledger.takeRemovable()]).toEqual([true, []])
    ledger.removed([7])
    expect([ledger.knowsClaim(7), ledger.takeRemovable()]).toEqual([false, []])
  })

  it('is removable again when it could not be removed', () => {
    const ledger = new ClaimLedger()
    ledger.claimEnded(7)
    ledger.putBack(ledger.takeRemovable())
    expect(ledger.takeRemovable()).toEqual([7])
  })

  it('stays while a job of the claim is not settled, also when no row of a job was read', () => {
    const ledger = new ClaimLedger()
    ledger.add(jobOf('a', 1, 7))
    ledger.claimEnded(7)
    ledger.claimEnded(8)
    expect(ledger.takeRemovable()).toEqual([8])
  })

  it('is left to recovery when the lease it was made under is lost', () => {
    const ledger = new ClaimLedger()
    const job = jobOf('a', 1, 7)
    decide(ledger, ledger.add(job))
    ledger.claimEnded(8)
    ledger.forgetAll()
    expect([ledger.knowsClaim(7), ledger.knowsClaim(8)]).toEqual([false, false])
    ledger.settled(job)
    expect(ledger.takeRemovable()).toEqual([])
  })
})

describe('claims in flight', () => {
  it('reserve as many jobs as they may bring until they are answered or lost', () => {
    const claims = new InFlightClaims()
    const [first, second] = [claims.begin(10), claims.begin(5)]
    expect([claims.size, claims.reserved]).toEqual([2, 15])
    first.answered()
    expect([claims.size, claims.reserved]).toEqual([1, 5])
    second.lost()
    expect([claims.size, claims.reserved]).toEqual([0, 0])
  })

  it('count in the set of the worker as well as in that of their queue', () => {
    const all = new InFlightClaims()
    const [one, other] = [new InFlightClaims(all), new InFlightClaims(all)]
    const claim = one.begin(10)
    other.begin(3)
    expect([all.reserved, one.reserved, other.reserved]).toEqual([13, 10, 3])
    claim.answered()
    expect([all.reserved, one.reserved, other.reserved]).toEqual([3, 0, 3])
  })

  it('report a lost claim to the set of the worker', () => {
    const all = new InFlightClaims()
    let lost = 0
    all.onLost = () => lost++
    const claims = new InFlightClaims(all)
    claims.begin(1).answered()
    expect(lost).toBe(0)
    claims.begin(1).lost()
    expect(lost).toBe(1)
  })

  it('report a claim as lost whose answer could not be read, and release its reservation once', () => {
    const all = new InFlightClaims()
    let lost = 0
    all.onLost = () => lost++
    const claim = new InFlightClaims(all).begin(4)
    claim.answered()
    claim.lost()
    expect([lost, all.size, all.reserved]).toEqual([1, 0, 0])
  })

  it('have ended when all that were in flight at the call have, whatever began since', async () => {
    const claims = new InFlightClaims()
    const [first, second] = [claims.begin(1), claims.begin(1)]
    const steps: string[] = []
    const ended = claims.ended().then(() => steps.push('ended'))
    claims.begin(1)
    first.answered()
    await first.ended
    expect(steps).toEqual([])
    second.lost()
    // What the answer brought is handed over by now: the rest of this turn comes first.
    steps.push('handed over')
    await ended
    expect(steps).toEqual(['handed over', 'ended'])
    await new InFlightClaims().ended()
  })
})
