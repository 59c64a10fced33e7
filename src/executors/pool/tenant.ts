import type { RecyclePolicy } from './recycle-policy.ts'

/** Those whose attempts a child runs: of one queue at a time, all alike. */
export interface Tenant {
  /** Attempts at once in one child. */
  readonly width: number
  /** Each has the child for itself, whatever others the queue has. */
  readonly isAlone: boolean
  readonly killAfterMs: number
  readonly policy: RecyclePolicy
}
