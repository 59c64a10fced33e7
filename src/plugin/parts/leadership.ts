/** The name of the plugin that says which worker leads. */
export const LEADERSHIP = 'chancy.leadership'
/** What that plugin wakes, as `wake('election')`, when a worker gives up the lead. */
export const ELECTION_LOOP = 'election'

/** Whether this worker leads, asked by the loops of the leader. */
export interface Leadership {
  readonly isOpen: boolean
  /**
   * Resolves when this worker leads, with a signal that aborts when it no longer surely does. Rejects
   * with the reason of `signal` when that aborts first.
   */
  opened(signal: AbortSignal): Promise<AbortSignal>
  /** Is called when `wake('election')` was called in some process, or may have been. */
  wake?(): void
  /** Gives the lead to another worker. */
  stop(): Promise<void>
}
