import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../src/core/claimed-job.ts'
import { mayBecome } from '../../../src/core/job-state.ts'
import type { Outcome } from '../../../src/core/outcome.ts'
import {
  MAX_CRASHES,
  type SettledState,
  settle,
  settleAnew,
  unsavedFailure,
} from '../../../src/core/settle.ts'

const error = { name: 'TypeError', message: 'no', stack: 'TypeError: no\n  at x' }
const usage = { wallMs: 5, cpuMs: 4, peakBytes: 3 }
const policy = { backoff: { baseMs: 100, factor: 2, maxMs: 1_000, jitter: 0 }, random: () => 0 }

const jobWith = (attempts: number, maxAttempts: number, crashes: number): ClaimedJob => ({
  id: '01890000-0000-7000-8000-000000000000',
  queue: 'default',
  name: 'task',
  args: '{}',
  priority: 0,
  attempts,
  maxAttempts,
  fence: 3,
  ctid: '(0,1)',
  claimSeq: 1,
  position: 1,
  createdMs: 0,
  scheduledMs: null,
  startedMs: 0,
  workerId: '01890000-0000-7000-8000-000000000001',
  extras: crashes === 0 ? {} : { crashes },
})

interface Row {
  readonly outcome: Outcome
  /** With attempts left; then with the last one used. */
  readonly states: readonly [left: SettledState, last: SettledState]
  readonly kind: string | null
  readonly delaysMs?: readonly [left: number, last: number]
  readonly givenBack?: boolean
  readonly front?: boolean
  readonly crashed?: boolean
}

const TABLE: Readonly<Record<Outcome['kind'], Row>> = {
  returned: {
    outcome: { kind: 'returned', result: '{"a":1}' },
    states: ['succeeded', 'succeeded'],
    kind: null,
  },
  threw: {
    outcome: { kind: 'threw', error },
    states: ['retrying', 'failed'],
    kind: 'error',
    delaysMs: [200, 0],
  },
  discarded: {
    outcome: { kind: 'discarded', error },
    states: ['failed', 'failed'],
    kind: 'discarded',
  },
  snoozed: {
    outcome: { kind: 'snoozed', delayMs: 70 },
    states: ['pending', 'pending'],
    kind: null,
    delaysMs: [70, 70],
    givenBack: true,
  },
  'retry-asked': {
    outcome: { kind: 'retry-asked', delayMs: 60, error },
    states: ['retrying', 'failed'],
    kind: 'error',
    delaysMs: [60, 0],
  },
  'timed-out': {
    outcome: { kind: 'timed-out', limitMs: 10 },
    states: ['retrying', 'failed'],
    kind: 'timeout',
    delaysMs: [200, 0],
  },
  'over-memory': {
    outcome: { kind: 'over-memory', limitBytes: 10 },
    states: ['retrying', 'failed'],
    kind: 'memory',
    delaysMs: [200, 0],
  },
  cancelled: {
    outcome: { kind: 'cancelled' },
    states: ['cancelled', 'cancelled'],
    kind: 'cancelled',
  },
  interrupted: {
    outcome: { kind: 'interrupted' },
    states: ['pending', 'pending'],
    kind: null,
    givenBack: true,
    front: true,
  },
  'child-lost': {
    outcome: { kind: 'child-lost', error },
    states: ['retrying', 'failed'],
    kind: 'crash',
    delaysMs: [200, 0],
    crashed: true,
  },
  'limit-not-supported': {
    outcome: { kind: 'limit-not-supported', error },
    states: ['failed', 'failed'],
    kind: 'limit-not-supported',
  },
  'row-invalid': {
    outcome: { kind: 'row-invalid', error },
    states: ['failed', 'failed'],
    kind: 'row-invalid',
  },
  'not-storable': {
    outcome: { kind: 'not-storable', error },
    states: ['failed', 'failed'],
    kind: 'result-not-storable',
  },
  parked: {
    outcome: { kind: 'parked', waits: [] },
    states: ['pending', 'pending'],
    kind: null,
    givenBack: true,
  },
  continued: {
    outcome: { kind: 'continued', args: '{}' },
    states: ['pending', 'pending'],
    kind: null,
  },
  'steps-changed': {
    outcome: { kind: 'steps-changed', error },
    states: ['retrying', 'failed'],
    kind: 'steps-changed',
    delaysMs: [200, 0],
  },
  'history-full': {
    outcome: { kind: 'history-full', error },
    states: ['failed', 'failed'],
    kind: 'history',
  },
  expired: {
    outcome: { kind: 'expired' },
    states: ['failed', 'failed'],
    kind: 'deadline',
  },
}

describe.each(Object.entries(TABLE))('an attempt that ended "%s"', (_name, row) => {
  const cases = [
    ['attempts are left', 2, 5, 0],
    ['the last attempt is used', 5, 5, 1],
    ['more attempts are used than there are', 7, 5, 1],
  ] as const

  it.each(cases)('is settled when %s', (_when, attempts, maxAttempts, at) => {
    const job = jobWith(attempts, maxAttempts, 0)
    const update = settle(job, { ...row.outcome, usage }, policy)
    expect(update).toMatchObject({
      job,
      state: row.states[at],
      delayMs: row.delaysMs?.[at] ?? 0,
      givenBack: row.givenBack ?? false,
      front: row.front ?? false,
      crashed: row.crashed ?? false,
      usage,
      result: row.outcome.kind === 'returned' ? '{"a":1}' : null,
    })
    expect(mayBecome('running', update.state)).toBe(true)
    if (row.kind === null) expect(update.error).toBe(null)
    else expect(update.error).toMatchObject({ attempt: attempts, kind: row.kind, usage })
  })

  it('leaves usage out where it was not measured', () => {
    const update = settle(jobWith(1, 1, 0), row.outcome, policy)
    expect(update.usage).toBe(null)
    expect(update.error === null || !('usage' in update.error)).toBe(true)
  })
})

describe('settle', () => {
  it('keeps what was thrown in the error', () => {
    const update = settle(jobWith(1, 2, 0), { kind: 'threw', error }, policy)
    expect(update.error).toEqual({
      attempt: 1,
      kind: 'error',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      ...error,
    })
  })

  it.each([
    [0, 'retrying'],
    [1, 'retrying'],
    [MAX_CRASHES - 1, 'failed'],
    [MAX_CRASHES, 'failed'],
  ] as const)('ends a job whose child was lost after %i crashes: %s', (crashes, state) => {
    const update = settle(jobWith(1, 9, crashes), { kind: 'child-lost', error }, policy)
    expect(update).toMatchObject({ state, crashed: true, error: { kind: 'crash' } })
  })

  it('counts crashes for a lost child only', () => {
    const update = settle(jobWith(1, 9, MAX_CRASHES), { kind: 'threw', error }, policy)
    expect(update).toMatchObject({ state: 'retrying', crashed: false })
  })

  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [9, 1_000],
  ])('waits longer after attempt %i: %i ms', (attempt, delayMs) => {
    const update = settle(jobWith(attempt, 10, 0), { kind: 'threw', error }, policy)
    expect(update.delayMs).toBe(delayMs)
  })

  it('calls a backoff that is a function, with the attempt and the error', () => {
    const asked: unknown[] = []
    const backoff = (...given: unknown[]) => asked.push(given) + 41
    const update = settle(jobWith(3, 9, 0), { kind: 'threw', error }, { ...policy, backoff })
    expect(update.delayMs).toBe(42)
    expect(asked).toEqual([[3, error]])
  })

  it('does not compute a backoff when no attempt is left', () => {
    const backoff = () => {
      throw new Error('asked')
    }
    const update = settle(jobWith(1, 1, 0), { kind: 'threw', error }, { ...policy, backoff })
    expect(update.state).toBe('failed')
  })

  it.each([
    ['threw', { kind: 'threw', error }, 'retrying', false],
    ['lost its child', { kind: 'child-lost', error }, 'retrying', true],
    ['found its steps changed', { kind: 'steps-changed', error }, 'retrying', false],
    ['returned', { kind: 'returned', result: null }, 'succeeded', false],
  ] as const)(
    'counts from an attempt that recorded something and %s',
    (_, outcome, state, crashed) => {
      const job = jobWith(7, 5, MAX_CRASHES - 1)
      const settled = settleAnew(job, outcome, policy)
      expect(settled).toMatchObject({ state, crashed, countsAnew: true })
      expect(settled.job).toBe(job)
      if (state === 'retrying')
        expect(settled).toMatchObject({ delayMs: 100, error: { attempt: 7 } })
    },
  )

  it('fails a job of one attempt, whatever that has recorded', () => {
    expect(settleAnew(jobWith(1, 1, 0), { kind: 'threw', error }, policy).state).toBe('failed')
  })

  it('makes a bare failure of an outcome that the database refuses', () => {
    const settled = settle(jobWith(2, 9, 0), { kind: 'returned', result: '"x"', usage }, policy)
    expect(unsavedFailure(settled, '22P05')).toMatchObject({
      state: 'failed',
      result: null,
      usage: null,
      ranMs: null,
      error: { attempt: 2, kind: 'not-saved', message: expect.stringContaining('22P05') },
    })
  })
})
