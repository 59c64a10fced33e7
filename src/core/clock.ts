/**
 * Time as the rest of the code sees it. Nothing else in `src` reads the clock or sets a timer to
 * wait, so a test can move time by handing in another clock.
 */
export interface Clock {
  /** Milliseconds since the epoch: for ids and for what people read; never compared with the database. */
  now(): number
  /** Monotonic milliseconds: the only time that is subtracted and compared inside this process. */
  monotonic(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const timer = setTimeout(done, ms)
      function done(): void {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      signal?.addEventListener('abort', done, { once: true })
    }),
}
