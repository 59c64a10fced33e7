import { show } from './check.ts'
import { ConfigError } from './errors.ts'

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

/** The longest that one timer of Node can wait, in milliseconds: 24.8 days. It fires a longer one at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Calls `done` once, after `ms`, however long that is. Gives back what calls it off. */
export function after(ms: number, done: () => void): () => void {
  const endsAt = performance.now() + ms
  const set = (leftMs: number): NodeJS.Timeout =>
    leftMs <= MAX_TIMER_MS ? setTimeout(done, leftMs) : setTimeout(next, MAX_TIMER_MS)
  function next(): void {
    timer = set(Math.ceil(endsAt - performance.now()))
  }
  let timer = set(ms)
  return () => clearTimeout(timer)
}

/** Monotonic milliseconds that all processes and threads of the machine share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const callOff = after(ms, done)
      function done(): void {
        callOff()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      signal?.addEventListener('abort', done, { once: true })
    }),
}

/** Checks that a value is a clock; none is the system's. */
export function checkClock(value: unknown, what: string): Clock {
  if (value === undefined) return systemClock
  const clock = value as Partial<Clock> | null
  const methods = ['now', 'monotonic', 'sleep'] as const
  if (methods.every((name) => typeof clock?.[name] === 'function')) return clock as Clock
  throw new ConfigError(
    `${what}: expected an object with now(), monotonic() and sleep(ms, signal), got ${show(value)}. Leave it out to use the time of the system.`,
  )
}

/** A timer that is this late was held up by a blocked loop, in milliseconds. */
const LATE_MS = 50
/** How much of the time in which the loop stood still a deadline makes up for, in milliseconds. */
const MAX_GRACE_MS = 1_000

/**
 * Calls back once `ms` have passed, unless it is cleared before.
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
