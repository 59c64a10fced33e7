import { setMaxListeners } from 'node:events'
import { machineMs } from './clock.ts'

/** Why an attempt is asked to stop. */
export type StopReason = 'cancelled' | 'timed-out' | 'over-memory' | 'interrupted' | 'lost'

/**
 * Asks one attempt to stop. Its `AbortSignal` is made at first use: a signal for each attempt would
 * cost more than a short job itself.
 */
export class StopRequest {
  #reason: StopReason | null = null
  #controller: AbortController | null = null
  #listeners: ((reason: StopReason) => void)[] | null = null

  /** The first reason given, or null while the attempt was not asked to stop. */
  get reason(): StopReason | null {
    return this.#reason
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      // Every call of a job may listen to it, and that many at a time are no leak.
      setMaxListeners(0, this.#controller.signal)
      if (this.#reason !== null) this.#controller.abort(abortError(this.#reason))
    }
    return this.#controller.signal
  }

  /** Only the first call counts. */
  ask(reason: StopReason): void {
    if (this.#reason !== null) return
    this.#reason = reason
    this.#controller?.abort(abortError(reason))
    for (const listener of this.#listeners ?? []) listener(reason)
    this.#listeners = null
  }

  /** Calls back once; immediately when the attempt was asked already. */
  onAsk(listener: (reason: StopReason) => void): void {
    if (this.#reason !== null) {
      listener(this.#reason)
      return
    }
    this.#listeners ??= []
    this.#listeners.push(listener)
  }
}

const MESSAGES: Readonly<Record<StopReason, string>> = {
  cancelled: 'The job was cancelled.',
  'timed-out': 'The attempt passed its time limit.',
  'over-memory': 'The attempt passed its memory limit.',
  interrupted: 'The worker is stopping.',
  lost: 'The worker lost its lease on this job.',
}

function abortError(reason: StopReason): Error {
  const error = new Error(MESSAGES[reason])
  error.name = 'AbortError'
  return error
}

/**
 * Until when attempts may begin: as long as the lease of their worker surely holds. Between the claim
 * and the beginning an attempt waits in several places, and a process that was suspended meanwhile, or a
 * database that was away, may have cost the lease: then it runs elsewhere by now.
 */
export interface BeginPermit {
  /** By the monotonic clock of the machine: see `machineMs`. */
  readonly untilMs: number
}

/** Without a permit there is no lease to lose. */
export function mayBegin({ permit }: { readonly permit?: BeginPermit | undefined }): boolean {
  return permit === undefined || machineMs() < permit.untilMs
}
