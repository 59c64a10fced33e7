import { SLOW_MODULE_MS } from '../job-modules.ts'

/** A child that has reported nothing for so long returns what it has not begun. */
const STALL_MS = 20
/** A child that is not the last one ends after this long without work. */
const SPARE_MS = 10_000
/** A retired child that does not end by itself is killed. */
const RETIRE_MS = 1_000
/** A child that is not ready after so long never will be. */
export const BOOT_MS = 60_000
/**
 * A child that has nothing else to do and does not begin what it was sent: code that an earlier job
 * left behind blocks its loop, has stopped it, or has closed its descriptors.
 */
export const UNRESPONSIVE_MS = 2_000
/** An unresponsive child returns within this what it can return. */
const RETURN_MS = 1_000
/** The share of a memory limit that may be used before anything runs. */
const FULL = 0.8

/** What is due to a child, in this order. */
export type SupervisionStep =
  | 'report-slow-boot'
  | 'fail-boot'
  | 'stalled'
  | 'give-up'
  | 'retire'
  | 'kill'

/** A child, as its supervision sees it. Times are monotonic milliseconds. */
export interface SupervisedChild {
  readonly state: string
  readonly isIdle: boolean
  readonly boot: { readonly startedAt: number; readonly isReported: boolean }
  readonly activeAt: number
  readonly attempts: {
    readonly size: number
    readonly begun: number
    readonly firstSince: number | null
  }
  readonly end: { readonly retiredAt: number | null; readonly unresponsiveAt: number | null }
}

/**
 * What is due to a child so that it neither holds attempts that it does not run nor lives longer than
 * it is of use.
 *
 * @param isLast No other child would be there to begin the next attempt immediately.
 */
export function supervisionDue(
  child: SupervisedChild,
  now: number,
  isLast: boolean,
): SupervisionStep[] {
  switch (child.state) {
    case 'booting':
      return bootSteps(child.boot, now)
    case 'killed':
    case 'gone':
      return []
  }
  const { attempts, end } = child
  if (attempts.begun > 0) return runningSteps(child, now)
  if (end.unresponsiveAt !== null) {
    if (attempts.size === 0 || now - end.unresponsiveAt > RETURN_MS) return ['kill']
  } else if (attempts.firstSince !== null && now - attempts.firstSince > UNRESPONSIVE_MS) {
    // By the attempt and not by the silence of the child: code that was left behind may print.
    return ['give-up']
  }
  return endSteps(child, now, isLast)
}

function bootSteps({ startedAt, isReported }: SupervisedChild['boot'], now: number) {
  const steps: SupervisionStep[] = []
  if (now - startedAt > SLOW_MODULE_MS && !isReported) steps.push('report-slow-boot')
  if (now - startedAt > BOOT_MS) steps.push('fail-boot')
  return steps
}

function runningSteps({ activeAt, attempts }: SupervisedChild, now: number): SupervisionStep[] {
  return attempts.size > attempts.begun && now - activeAt > STALL_MS ? ['stalled'] : []
}

function endSteps(child: SupervisedChild, now: number, isLast: boolean): SupervisionStep[] {
  const { retiredAt } = child.end
  if (child.state === 'retiring') {
    if (retiredAt === null) return ['retire']
    return now - retiredAt > RETIRE_MS ? ['kill'] : []
  }
  return child.isIdle && !isLast && now - child.activeAt > SPARE_MS ? ['retire'] : []
}

/** A child that has run nothing is so near its limit that its jobs will pass it. */
export function isMemoryTight(memoryBytes: number | undefined, usedBytes: number): boolean {
  return memoryBytes !== undefined && usedBytes >= memoryBytes * FULL
}
