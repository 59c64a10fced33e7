import { inspect } from '../../core/check.ts'
import { systemClock } from '../../core/clock.ts'
import { AttemptError } from '../../core/errors.ts'
import type { Outcome } from '../../core/outcome.ts'
import { type SerializedError, serializeError } from '../../core/serialize-error.ts'
import type { StopReason } from '../../core/stop-request.ts'
import { stoppedOutcome } from '../attempt-outcome.ts'
import type { ChildExit } from '../child.ts'
import type { Attempt } from '../executor.ts'
import { stderrTail } from '../stderr-tail.ts'

/** An attempt, as its outcome depends on it. */
export interface EndingAttempt {
  readonly spec: Pick<Attempt, 'limits'>
  readonly stop: { readonly reason: StopReason | null }
  readonly begunAt: number
  readonly cpuMs: number | null
  readonly peakBytes: number | null
  /** The end of what the job printed to stderr. */
  readonly stderr: string
}

/** The outcome of an attempt whose code has ended. */
export function answered({ spec, stop }: EndingAttempt, answer: Outcome): Outcome {
  const isReturn = answer.kind === 'returned' || answer.kind === 'not-storable'
  const stopped = stop.reason === null ? null : stoppedOutcome(spec, stop, isReturn)
  const { usage } = answer
  if (stopped !== null) return usage === undefined ? stopped : { ...stopped, usage }
  const { memoryBytes } = spec.limits
  if (memoryBytes === undefined || !('error' in answer) || !isRefusedAllocation(answer.error)) {
    return answer
  }
  const end: Outcome = { kind: 'over-memory', limitBytes: memoryBytes }
  return usage === undefined ? end : { ...end, usage }
}

/** The outcome of an attempt whose child ended before its code did. */
export function unanswered(
  attempt: EndingAttempt,
  exit: ChildExit,
  heapLimitBytes: number,
): Outcome {
  const { spec, stop, begunAt, cpuMs, peakBytes } = attempt
  const stopped = stoppedOutcome(spec, stop, false)
  const usage = { wallMs: Math.round(systemClock.monotonic() - begunAt), cpuMs, peakBytes }
  if (stopped !== null) return { ...stopped, usage }
  if (exit.isOutOfMemory || isStarved(attempt, exit)) {
    return { kind: 'over-memory', limitBytes: spec.limits.memoryBytes ?? heapLimitBytes, usage }
  }
  const tail = stderrTail(`${attempt.stderr}${exit.stderrTail}`)
  return { kind: 'child-lost', error: lostError({ ...exit, stderrTail: tail }), usage }
}

/** By these a process ends that used memory which it was not given. */
const FAULTS: readonly (string | null)[] = ['SIGSEGV', 'SIGBUS', 'SIGTRAP', 'SIGILL']
/** Its memory was last measured up to some milliseconds before the fault. */
const NEARLY = 0.8

/**
 * Under the hard data limit the system refuses memory, and native code, at times V8's own, does not
 * check whether it got any. It prints nothing: only its memory distinguishes this from any other fault.
 */
function isStarved({ spec, peakBytes }: EndingAttempt, { signal }: ChildExit): boolean {
  const { memoryBytes } = spec.limits
  return (
    memoryBytes !== undefined && FAULTS.includes(signal) && (peakBytes ?? 0) >= memoryBytes * NEARLY
  )
}

/** The error of a child that ended by itself. */
export function lostError(exit: ChildExit): SerializedError {
  const { code, signal } = exit
  const how = signal === null ? `with the code ${code}` : `by the signal ${signal}`
  if (exit.protocolViolation !== undefined)
    return lost(VIOLATION.replace('…', inspect(exit.protocolViolation)))
  if (code === null && signal === null) {
    return lost(`The child that was to run the attempt could not be started: ${exit.stderrTail}`)
  }
  const tail = exit.stderrTail === '' ? '' : ` The end of its stderr:\n${exit.stderrTail}`
  return lost(`The child that ran the attempt ended ${how} before the attempt had ended.${tail}`)
}

const VIOLATION =
  "The child that ran the attempt was replaced, since its channel carried data that the executor's side of it had not written, or not as it arrived: …. Descriptors 3, 4 and 5 of a child belong to the executor: find what in the job writes to them, reads from them or closes them."

function lost(message: string): SerializedError {
  return { ...serializeError(new AttemptError('CHILD_EXITED', message)), stack: null }
}

const REFUSED =
  /allocation failed|out of memory|could not allocate memory|unable to grow instance memory/i

/** What V8 throws when the system refuses it memory outside of its heap, also as a cause. */
export function isRefusedAllocation(error: SerializedError | undefined): boolean {
  for (let one = error; one !== undefined; one = one.cause) {
    if (one.code === 'ERR_MEMORY_ALLOCATION_FAILED' || one.code === 'ENOMEM') return true
    if (one.name === 'RangeError' && REFUSED.test(one.message)) return true
  }
  return false
}
