import type { ActionOptions } from '../core/action-options.ts'
import type {
  FailureCounts,
  FailureDetails,
  FailurePage,
  FailureQuery,
} from '../core/failure-group.ts'
import type { AllQueueCounts } from '../core/queue-counts.ts'

/** What the plugin `failures` does for an application. */
export interface FailureActions {
  list(query: FailureQuery | undefined): Promise<FailurePage>
  get(fingerprint: string): Promise<FailureDetails | null>
  count(): Promise<FailureCounts>
  mute(fingerprint: string, options: ActionOptions | undefined): Promise<void>
  unmute(fingerprint: string, options: ActionOptions | undefined): Promise<void>
  resolve(fingerprint: string, options: ActionOptions | undefined): Promise<void>
  note(fingerprint: string, note: string | null, options: ActionOptions | undefined): Promise<void>
}

/** What default plugins do for an application that has them: it knows none of them itself. */
export interface PluginOffers {
  /** Of the plugin `failures`, loaded at its first use. */
  failures(): Promise<FailureActions>
  /** Of the plugin `metrics`. */
  queueCounts(): Promise<AllQueueCounts>
}
