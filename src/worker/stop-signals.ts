import type { Clock } from '../core/clock.ts'

/** What the signals stop. */
interface Stoppable {
  stop(): Promise<void>
}

const SIGNALS = { SIGTERM: 15, SIGINT: 2 } as const
/**
 * What the program does after the worker has stopped may take this long, in milliseconds: the second
 * number when the shutdown has used up its time, so that the process ends within a second of it.
 */
const AFTER_MS = 1_000
const AFTER_LATE_MS = 200

/**
 * The first SIGTERM or SIGINT stops the worker and then the process, with exit code 0; the second
 * ends it at once. Gives back what takes the handlers away.
 */
export function stopOnSignals(
  worker: Stoppable,
  { clock, shutdownTimeoutMs }: { readonly clock: Clock; readonly shutdownTimeoutMs: number },
): () => void {
  let isStopping = false
  const handle = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(128 + SIGNALS[signal as keyof typeof SIGNALS])
    isStopping = true
    const endsAt = clock.monotonic() + shutdownTimeoutMs + AFTER_MS - AFTER_LATE_MS
    void worker.stop().then(() => {
      // A program that ends by itself does so before; one that does not is ended.
      const leftMs = Math.max(AFTER_LATE_MS, Math.min(AFTER_MS, endsAt - clock.monotonic()))
      setTimeout(() => process.exit(), leftMs).unref()
    })
  }
  for (const signal of Object.keys(SIGNALS)) process.on(signal, handle)
  return () => {
    // While it stops the second signal must still be heard.
    if (isStopping) return
    for (const signal of Object.keys(SIGNALS)) process.off(signal, handle)
  }
}
