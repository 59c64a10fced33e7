import { type Clock, systemClock } from '../../core/clock.ts'
import type { Listener } from '../driver.ts'

/** How often a subscription is probed. A half-open connection reports nothing by itself. */
export const PROBE_EVERY_MS = 10_000
/** How long the probe may take before the subscription counts as lost. */
export const PROBE_DEADLINE_MS = 5_000
/** The same when another connection was just lost in silence. */
const DOUBT_DEADLINE_MS = 1_000
/** How long a listening connection may take to be made. */
export const LISTEN_DEADLINE_MS = 10_000
/** How long the other side may take to close a connection before its socket is destroyed. */
export const CLOSE_DEADLINE_MS = 1_000

/** Asks the session itself what it listens to. */
export const PROBE_TEXT =
  'SELECT pg_catalog.count(*)::int AS channels FROM pg_catalog.pg_listening_channels() AS channel WHERE channel = $1'

export interface Subscription {
  /** Something says that it is gone: the listener is called once, the probe ends. */
  lost(error: Error): void
  /** Ends it without a word. */
  end(): void
  /** Another connection was lost in silence: probes this one now. */
  check(): void
  readonly isOver: boolean
}

/**
 * Keeps an eye on a subscription from the moment it stands.
 *
 * @param options.probe Whether the server still knows the subscription. Rejects when there is no answer
 *   within the deadline.
 * @param options.onEnd Closes what belongs to it, however it ends. Called once.
 */
export function watchSubscription(
  listener: Listener,
  options: {
    probe: (deadlineMs: number) => Promise<boolean>
    onEnd: () => void
    clock?: Clock | undefined
  },
): Subscription {
  const clock = options.clock ?? systemClock
  const over = new AbortController()
  let doubt = new AbortController()

  const end = (): boolean => {
    if (over.signal.aborted) return false
    over.abort()
    options.onEnd()
    return true
  }
  const lost = (error: Error): void => {
    if (end()) listener.onLost(error)
  }
  const probing = async (): Promise<void> => {
    while (true) {
      await clock.sleep(PROBE_EVERY_MS, AbortSignal.any([over.signal, doubt.signal]))
      if (over.signal.aborted) return
      const deadlineMs = doubt.signal.aborted ? DOUBT_DEADLINE_MS : PROBE_DEADLINE_MS
      doubt = new AbortController()
      try {
        if (!(await options.probe(deadlineMs)))
          return lost(new Error('The server no longer knows this LISTEN subscription'))
      } catch (error) {
        return lost(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
  void probing()

  return {
    lost,
    end: () => void end(),
    check: () => doubt.abort(),
    get isOver() {
      return over.signal.aborted
    },
  }
}

/** A channel as an identifier. Lower case only, since PGlite folds it: `names.ts` sees to that. */
export function quoteChannel(channel: string): string {
  return `"${channel.replaceAll('"', '""')}"`
}
