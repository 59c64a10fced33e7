import type { RecyclePolicy } from './recycle-policy.ts'

/** The owner of the attempts that a child runs: of one queue at a time, all of one kind. */
export interface Tenant {
  /** Attempts that may run concurrently in one child. */
  readonly width: number
  /** Each has the child for itself, whatever other attempts the queue has. */
  readonly isAlone: boolean
  readonly killAfterMs: number
  readonly policy: RecyclePolicy
}
