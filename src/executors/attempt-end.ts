import { show } from '../core/check.ts'
import { AttemptError } from '../core/errors.ts'
import type { Outcome } from '../core/outcome.ts'
import { type SerializedError, serializeError } from '../core/serialize-error.ts'
import type { ChildExit } from './child.ts'
import { stoppedOutcome } from './entry/run-attempt.ts'
import { lastWords } from './last-words.ts'
import type { Run } from './run.ts'

/** The end of an attempt whose code has answered. */
export function answered(run: Run, answer: Outcome): Outcome {
  const { attempt, stop } = run
  const isReturn = answer.kind === 'returned' || answer.kind === 'not-storable'
  const stopped = stop.reason === null ? null : stoppedOutcome(attempt, stop, isReturn)
  const { usage } = answer
  if (stopped !== null) return usage === undefined ? stopped : { ...stopped, usage }
  const { memoryBytes } = attempt.limits
  if (memoryBytes === undefined || !('error' in answer) || !isRefusedAllocation(answer.error)) {
    return answer
  }
  const end: Outcome = { kind: 'over-memory', limitBytes: memoryBytes }
  return usage === undefined ? end : { ...end, usage }
}

/** The end of an attempt whose child ended before it answered. */
export function unanswered(run: Run, exit: ChildExit, heapLimitBytes: number): Outcome {
  const { attempt, stop } = run
  const stopped = stoppedOutcome(attempt, stop, false)
  const usage = {
    wallMs: Math.round(performance.now() - run.begunAt),
    cpuMs: run.cpuMs,
    peakBytes: run.peakBytes,
  }
  if (stopped !== null) return { ...stopped, usage }
  if (exit.isOutOfMemory || isStarved(run, exit)) {
    return { kind: 'over-memory', limitBytes: attempt.limits.memoryBytes ?? heapLimitBytes, usage }
  }
  const words = lastWords(`${run.said}${exit.lastWords}`)
  return { kind: 'child-lost', error: lostError({ ...exit, lastWords: words }), usage }
}

/** By these a process ends that used memory which it was not given. */
const FAULTS: readonly (string | null)[] = ['SIGSEGV', 'SIGBUS', 'SIGTRAP', 'SIGILL']
/** The last look at its memory may have been a moment before the fault. */
const NEARLY = 0.8

/**
 * Under the hard data limit the system refuses memory, and native code, V8's own now and then, does not
 * look whether it got any. It leaves no words: only how much it held tells this from any other fault.
 */
function isStarved({ attempt, peakBytes }: Run, { signal }: ChildExit): boolean {
  const { memoryBytes } = attempt.limits
  return (
    memoryBytes !== undefined && FAULTS.includes(signal) && (peakBytes ?? 0) >= memoryBytes * NEARLY
  )
}

/** What is said of a child that ended by itself. */
export function lostError(exit: ChildExit): SerializedError {
  const { code, signal } = exit
  const how = signal === null ? `with the code ${code}` : `by the signal ${signal}`
  if (exit.garbage !== undefined) return lost(GARBLED.replace('…', show(exit.garbage)))
  if (code === null && signal === null) {
    return lost(`The child that was to run the attempt could not be started: ${exit.lastWords}`)
  }
  const words = exit.lastWords === '' ? '' : ` The last it wrote to stderr:\n${exit.lastWords}`
  return lost(`The child that ran the attempt ended ${how} before the attempt had ended.${words}`)
}

const GARBLED =
  "The child that ran the attempt was replaced, since what came by its channel was not written by the executor's side of it, or not as it arrived: …. Descriptors 3, 4 and 5 of a child belong to the executor: find what in the job writes to them, reads from them or closes them."

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
