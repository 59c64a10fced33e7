import { MAX_CLAIM } from './claim-policy.ts'

/**
 * What the runner of a queue is doing:
 *
 * - `idle`: the last full scan left nothing to claim. It waits for a wake-up or for its next poll.
 * - `claiming`: the last claim found fewer jobs than it asked for, or none was answered yet.
 * - `backlog`: the last claim found as many jobs as it asked for. The next one need not wait for its answer.
 * - `saturated`: no claim is worth its round trip before a slot is free.
 * - `suspended`: nothing may be claimed, since the lease is at risk or too many outcomes are unsaved.
 */
export type RunnerPhase = 'idle' | 'claiming' | 'backlog' | 'saturated' | 'suspended'

/** Times are monotonic milliseconds. */
export interface RunnerState {
  readonly phase: RunnerPhase
  /** Whether the last claim found as many jobs as it asked for: outlasts `saturated` and `suspended`. */
  readonly hasBacklog: boolean
  /** Whether there was a wake-up since the last claim began: there may be more jobs than it saw. */
  readonly wakePending: boolean
  /** When the last claim was answered. */
  readonly scannedAtMs: number
  /** The most jobs of the next claim: fewer after a claim that the server refused. */
  readonly maxClaim: number
  /** Set while `idle`. */
  readonly idle: IdleState | null
}

export interface IdleState {
  /** When a scan last found nothing. */
  readonly emptyAtMs: number
  /** Until when the runner need not poll, since a scan of many queues found this one empty. */
  readonly quietUntilMs: number
}

export type Dueness = 'due' | 'near' | 'early'

export type RunnerEvent =
  /** There may be something to claim. */
  | { readonly kind: 'woken' }
  /** A pass found that nothing may be claimed. */
  | { readonly kind: 'suspended' }
  /** A pass found no slot worth a claim. `isShort`: the executor lacks capacity for a time. */
  | { readonly kind: 'saturated'; readonly isShort: boolean }
  /** A pass sends a claim. */
  | { readonly kind: 'begun' }
  /** A claim is sent with a push. */
  | { readonly kind: 'offered' }
  | {
      readonly kind: 'answered'
      readonly atMs: number
      readonly requested: number
      readonly scanned: number
      /** Whether nothing is left that only another pass can find or start. */
      readonly isComplete: boolean
    }
  /** A claim failed. `refused`: how many jobs it asked for, when the statement itself may be the reason. */
  | { readonly kind: 'failed'; readonly refused: number | null }
  /** Jobs were handed to the slots. */
  | { readonly kind: 'handed-over' }
  /** A scan of many queues, begun at that time, found nothing here. */
  | { readonly kind: 'seen-empty'; readonly atMs: number; readonly quietUntilMs: number }

/** A refused claim is repeated for a part of its jobs: one of the rows may be the reason. */
const SHRINK = 4
/** A scan that is older than this may be repeated when a job ends, in milliseconds. */
const MAX_SCAN_AGE_MS = 1_000
/** After this part of its polling interval the poller of idle queues is to scan an idle one. */
const DUE_SHARE = 0.4
/** After this part it joins a scan of others, so that the few that were claimed from later do not stay apart. */
const NEAR_SHARE = 0.2

export const INITIAL_STATE: RunnerState = {
  phase: 'claiming',
  hasBacklog: false,
  wakePending: false,
  scannedAtMs: 0,
  maxClaim: MAX_CLAIM,
  idle: null,
}

/** The next state: pure. Only a pass ends `suspended`. */
export function transition(state: RunnerState, event: RunnerEvent): RunnerState {
  switch (event.kind) {
    case 'woken':
      return { ...state, wakePending: true }
    case 'suspended':
      return { ...state, phase: 'suspended', idle: null }
    case 'saturated': {
      // This pass is repeated when there is capacity again.
      const wakePending = state.wakePending || event.isShort
      return { ...state, phase: 'saturated', idle: null, wakePending }
    }
    case 'begun': {
      const phase = state.hasBacklog ? 'backlog' : 'claiming'
      return { ...state, phase, idle: null, wakePending: false }
    }
    case 'offered':
    case 'handed-over':
      return state.phase === 'idle' ? { ...state, phase: 'claiming', idle: null } : state
    case 'answered':
      return answered(state, event)
    case 'failed':
      return failed(state, event.refused)
    case 'seen-empty': {
      const { atMs, quietUntilMs } = event
      // A scan from before the runner's own last one says nothing.
      if (state.idle === null || atMs < state.idle.emptyAtMs) return state
      return { ...state, idle: { emptyAtMs: atMs, quietUntilMs } }
    }
    default:
      return event satisfies never
  }
}

function answered(
  state: RunnerState,
  { atMs, requested, scanned, isComplete }: Extract<RunnerEvent, { kind: 'answered' }>,
): RunnerState {
  // All that was scanned may have been parked or blocked: there may be more behind it.
  const hasBacklog = requested > 0 && scanned >= requested
  // A queue that may not be claimed from is polled as often as its declaration says.
  const isIdle = !hasBacklog && isComplete && requested > 0
  const maxClaim = Math.min(MAX_CLAIM, state.maxClaim * 2)
  const next = { ...state, hasBacklog, maxClaim, scannedAtMs: atMs }
  if (state.phase === 'suspended') return next
  if (isIdle) return { ...next, phase: 'idle', idle: { emptyAtMs: atMs, quietUntilMs: 0 } }
  return { ...next, phase: hasBacklog ? 'backlog' : 'claiming', idle: null }
}

function failed(state: RunnerState, refused: number | null): RunnerState {
  const maxClaim = refused === null ? state.maxClaim : Math.max(1, Math.floor(refused / SHRINK))
  const phase = state.phase === 'suspended' ? 'suspended' : 'claiming'
  return { ...state, phase, hasBacklog: false, wakePending: true, maxClaim, idle: null }
}

/** Whether there may be more jobs than the last claim found; otherwise it need not be repeated yet. */
export function mayFindJobs(
  { hasBacklog, wakePending, scannedAtMs }: RunnerState,
  nowMs: number,
  notificationsLive: boolean,
): boolean {
  if (hasBacklog || wakePending || !notificationsLive) return true
  // A process that was to notify may have ended before, or its notification was lost.
  return nowMs - scannedAtMs > MAX_SCAN_AGE_MS
}

/** How long no poll is needed, in milliseconds. */
export function quietMs({ idle }: RunnerState, nowMs: number): number {
  return idle === null ? 0 : Math.max(0, idle.quietUntilMs - nowMs)
}

/** Whether the poller of idle queues is to scan this one, or may do so in a scan that others are due for. */
export function dueness({ idle }: RunnerState, nowMs: number, pollMs: number): Dueness {
  const share = idle === null ? 0 : (nowMs - idle.emptyAtMs) / pollMs
  if (share > DUE_SHARE) return 'due'
  return share > NEAR_SHARE ? 'near' : 'early'
}
