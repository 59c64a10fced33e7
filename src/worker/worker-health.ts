/**
 * What a worker does now:
 *
 * - `starting`: it does not claim yet;
 * - `running`: it claims;
 * - `doubtful`: its lease could not be renewed and may expire, so it claims nothing until it is renewed;
 * - `paused`: it was paused, and claims nothing until `resume()`;
 * - `stopping`: it claims nothing more, and waits for what runs;
 * - `stopped`: nothing of it runs.
 */
export type WorkerState = 'starting' | 'running' | 'doubtful' | 'paused' | 'stopping' | 'stopped'

/** What `worker.health()` returns: whether it may claim, and what it runs. */
export interface WorkerHealth {
  readonly state: WorkerState
  /** How long the lease surely holds if it is not renewed, in milliseconds. 0: it may have expired, or there is none. */
  readonly leaseMs: number
  /** Attempts that run. */
  readonly running: number
  /** The queues whose jobs can run here now. */
  readonly queues: readonly string[]
  /** The longest delay of the event loop within the last five to ten seconds, in milliseconds. */
  readonly loopLagMs: number
}

/** What the state of a worker is made of. */
export interface WorkerFacts {
  readonly isStarted: boolean
  readonly isPaused: boolean
  readonly isStopping: boolean
  readonly isStopped: boolean
  readonly isLeaseTrusted: boolean
}

/** A pause does not hide that the lease is at risk: its jobs may be started again elsewhere. */
export function stateOf(facts: WorkerFacts): WorkerState {
  if (facts.isStopped) return 'stopped'
  if (facts.isStopping) return 'stopping'
  if (!facts.isStarted) return 'starting'
  if (!facts.isLeaseTrusted) return 'doubtful'
  return facts.isPaused ? 'paused' : 'running'
}
