import type { AttemptFailure, QueuedJob } from '../../core/queued-job.ts'
import type { SettledState } from '../../core/settle.ts'

/** An attempt whose outcome was committed. Everything but `job` costs nothing to read. */
export interface SavedAttempt {
  readonly id: string
  readonly name: string
  readonly queue: string
  /** The state that the attempt led to. */
  readonly state: SettledState
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Whether the worker stopped before it ended: it is not counted, and the job waits again. */
  readonly isReleased: boolean
  /** Null when the attempt did not fail. */
  readonly error: AttemptFailure | null
  /** From when the job could first run to its start, in milliseconds; null for every attempt but the first. */
  readonly waitMs: number | null
  /** How long the executor took, in milliseconds; null when the attempt reached none. */
  readonly wallMs: number | null
  /** Null where the executor does not measure it. */
  readonly cpuMs: number | null
  readonly peakBytes: number | null
  readonly meta: Readonly<Record<string, unknown>>
  /** The whole snapshot, made when it is first read. */
  readonly job: QueuedJob
}
