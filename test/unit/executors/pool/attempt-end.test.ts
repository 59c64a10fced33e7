import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../../src/core/outcome.ts'
import type { StopReason } from '../../../../src/core/stop-request.ts'
import type { ChildExit } from '../../../../src/executors/child.ts'
import type { Attempt } from '../../../../src/executors/executor.ts'
import {
  answered,
  type EndingAttempt,
  unanswered,
} from '../../../../src/executors/pool/attempt-end.ts'

const HEAP = 4_096
const attemptWith = (
  limits: Attempt['limits'],
  reason: StopReason | null,
  peakBytes: number | null = null,
): EndingAttempt => {
  return { spec: { limits }, stop: { reason }, begunAt: 0, cpuMs: null, peakBytes, stderr: '' }
}
const exit = (rest: Partial<ChildExit>): ChildExit => ({
  code: null,
  signal: null,
  stderrTail: '',
  isOutOfMemory: false,
  ...rest,
})
const limits = { timeMs: 10, memoryBytes: 1_000 }

describe('a child that ended without an answer', () => {
  it.each([
    ['exit(0)', exit({ code: 0 }), null, { kind: 'child-lost' }],
    ['abort', exit({ signal: 'SIGABRT' }), null, { kind: 'child-lost' }],
    ['a kill from outside', exit({ signal: 'SIGKILL' }), null, { kind: 'child-lost' }],
    ['no memory', exit({ isOutOfMemory: true }), null, { kind: 'over-memory', limitBytes: 1_000 }],
    ['our kill for time', exit({ signal: 'SIGKILL' }), 'timed-out', { kind: 'timed-out' }],
    ['our kill for memory', exit({ signal: 'SIGKILL' }), 'over-memory', { kind: 'over-memory' }],
    ['our kill for a cancel', exit({ signal: 'SIGTERM' }), 'cancelled', { kind: 'cancelled' }],
    ['our kill at the end', exit({ signal: 'SIGKILL' }), 'interrupted', { kind: 'interrupted' }],
    ['a lost lease', exit({ signal: 'SIGKILL' }), 'lost', { kind: 'interrupted' }],
  ] as const)('%s', (_what, how, reason, outcome) => {
    expect(unanswered(attemptWith(limits, reason), how, HEAP)).toMatchObject(outcome)
  })

  it('names the limit of the heap where the job has none', () => {
    const outcome = unanswered(attemptWith({}, null), exit({ isOutOfMemory: true }), HEAP)
    expect(outcome).toMatchObject({ kind: 'over-memory', limitBytes: HEAP })
  })

  it.each([
    ['a fault near the limit', 'SIGSEGV', 800, limits, 'over-memory'],
    ['a fault far below it', 'SIGSEGV', 799, limits, 'child-lost'],
    ['a fault of a child that was not measured', 'SIGSEGV', null, limits, 'child-lost'],
    ['a fault without a limit', 'SIGSEGV', 800, { timeMs: 10 }, 'child-lost'],
    ['an abort near the limit, which prints its reason', 'SIGABRT', 999, limits, 'child-lost'],
  ] as const)('%s', (_what, signal, peakBytes, rules, kind) => {
    const attempt = attemptWith(rules, null, peakBytes)
    expect(unanswered(attempt, exit({ signal }), HEAP).kind).toBe(kind)
  })

  it('has how it ended, and the end of its stderr', () => {
    const how = exit({ signal: 'SIGABRT', stderrTail: 'oh no' })
    const { error } = unanswered(attemptWith({}, null), how, HEAP) as { error: Error }
    expect(error.message).toMatch(/by the signal SIGABRT.*\noh no/s)
  })
})

describe('an answer', () => {
  const threw = (name: string, message: string, code?: string): Outcome => ({
    kind: 'threw',
    error: { name, message, stack: null, ...(code === undefined ? {} : { code }) },
  })
  const refused = threw('RangeError', 'Array buffer allocation failed')

  it.each([
    ['returned', { kind: 'returned', result: null }, null, 'returned'],
    [
      'returned when it was cancelled',
      { kind: 'returned', result: null },
      'cancelled',
      'cancelled',
    ],
    ['returned at the end', { kind: 'returned', result: null }, 'interrupted', 'returned'],
    ['threw at the end', threw('Error', 'x'), 'interrupted', 'interrupted'],
    ['threw when its time was over', threw('Error', 'x'), 'timed-out', 'timed-out'],
    ['a refused allocation', refused, null, 'over-memory'],
    ['another RangeError', threw('RangeError', 'Invalid array length'), null, 'threw'],
  ] as const)('%s', (_what, outcome, reason, kind) => {
    expect(answered(attemptWith(limits, reason), outcome as Outcome).kind).toBe(kind)
  })

  it('recognizes a refused allocation as the cause of something else', () => {
    const { error } = refused as { error: { name: string; message: string; stack: null } }
    const outcome: Outcome = {
      kind: 'threw',
      error: { name: 'Error', message: 'no picture', stack: null, cause: error },
    }
    expect(answered(attemptWith(limits, null), outcome).kind).toBe('over-memory')
    expect(answered(attemptWith({}, null), outcome).kind).toBe('threw')
  })

  it('keeps what was used', () => {
    const usage = { wallMs: 1, cpuMs: 1, peakBytes: 1 }
    expect(answered(attemptWith(limits, 'cancelled'), { ...refused, usage }).usage).toEqual(usage)
  })
})
