/**
 * Time, as everything in `src` reads it and waits for it (`scripts/check-clock.mjs`).
 *
 * What an application decides by time uses the clock that it was given, so that a test moves time:
 * intervals, retries, time limits, what is due. `systemClock` is right for what waits for something that
 * lives in real time whatever a test says: an answer of the server, the end of a process, a thread.
 */
export interface Clock {
  /** Milliseconds since the epoch: for ids and for what people read; never compared with the database. */
  now(): number
  /** Monotonic milliseconds: the only time that is subtracted and compared inside this process. */
  monotonic(): number
  /** Resolves after `ms`, or immediately when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /**
   * For what jobs and callers were promised: time limits, and the timeouts of waits. A test moves this time alone,
   * and the engine keeps working in real time meanwhile. Default: this clock.
   */
  readonly limits?: Clock
  /** For the waits between the passes of a loop: a test holds them up. Default: this clock. */
  readonly passes?: Clock
}

/** The longest that one timer of Node can wait, in milliseconds: 24.8 days. It fires a longer one immediately. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The real clock. Its monotonic time is that of the present thread: see `machineNs`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const cancel = callAfter(systemClock, ms, done)
      function done(): void {
        cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      signal?.addEventListener('abort', done, { once: true })
    }),
}

/** Whether a timer keeps the process alive. A clock of a test has timers of its own, which decide that. */
export type TimerHold = 'keeps-process' | 'lets-process-end'

/** Calls `done` once, after `ms`, however long that is. Returns what cancels it. */
export function callAfter(
  clock: Clock,
  ms: number,
  done: () => void,
  hold: TimerHold = 'keeps-process',
): () => void {
  if (clock !== systemClock) {
    const over = new AbortController()
    void clock.sleep(ms, over.signal).then(() => {
      if (!over.signal.aborted) done()
    })
    return () => over.abort()
  }
  const endsAt = performance.now() + ms
  const set = (leftMs: number): NodeJS.Timeout => {
    const timer = leftMs <= MAX_TIMER_MS ? setTimeout(done, leftMs) : setTimeout(next, MAX_TIMER_MS)
    return hold === 'keeps-process' ? timer : timer.unref()
  }
  function next(): void {
    timer = set(Math.ceil(endsAt - performance.now()))
  }
  let timer = set(ms)
  return () => clearTimeout(timer)
}

/** Calls `done` every `ms`, first after `ms`. Returns what ends that. */
export function callEvery(
  clock: Clock,
  ms: number,
  done: () => void,
  hold: TimerHold = 'keeps-process',
): () => void {
  if (clock === systemClock) {
    const timer = setInterval(done, ms)
    if (hold === 'lets-process-end') timer.unref()
    return () => clearInterval(timer)
  }
  const over = new AbortController()
  const { signal } = over
  const repeat = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(ms, signal)
      if (!signal.aborted) done()
    }
  }
  void repeat()
  return () => over.abort()
}

/** Monotonic nanoseconds that all processes and threads of the machine share. */
export function machineNs(): bigint {
  return process.hrtime.bigint()
}

/** `performance.now()` counts the same clock from the start of its own thread, and costs a tenth. */
const STARTED_AT = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** The same in milliseconds. */
export function machineMs(): number {
  return STARTED_AT + performance.now()
}

/** A timer that is this late was held up by a blocked loop, in milliseconds. */
const LATE_MS = 50
/** How much of the time in which the loop stood still a deadline makes up for, in milliseconds. */
const MAX_GRACE_MS = 1_000

/**
 * Calls back once `ms` of real time have passed, unless it is cleared before: what it waits for is outside
 * of this process.
 *
 * Not before the loop has read what had arrived by then: after a blocked loop timers run before sockets
 * are read, and an answer that lies in its socket would count as none. A deadline that a blocked loop
 * held up is put off for as long as it is late, up to a second, so that the answer is also processed.
 */
export class Deadline {
  readonly #dueAt: number
  readonly #onPassed: () => void
  #timer: NodeJS.Timeout
  #isCleared = false

  constructor(ms: number, onPassed: () => void) {
    this.#dueAt = performance.now() + ms
    this.#onPassed = onPassed
    this.#timer = setTimeout(() => this.#onDue(), ms)
  }

  clear(): void {
    this.#isCleared = true
    clearTimeout(this.#timer)
  }

  #onDue(): void {
    const lateMs = performance.now() - this.#dueAt
    if (lateMs < LATE_MS) this.#judge()
    else this.#timer = setTimeout(() => this.#judge(), Math.min(lateMs, MAX_GRACE_MS))
  }

  #judge(): void {
    setImmediate(() => {
      if (!this.#isCleared) this.#onPassed()
    })
  }
}
