import type { Clock } from '../core/clock.ts'

// Kept from before a test replaces them: fake timers would stop the engine.
const { setTimeout: startTimer, clearTimeout: endTimer } = globalThis
const machineMs = performance.now.bind(performance)
/** The longest that one timer of Node waits, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

interface Sleeper {
  readonly endsAt: number
  end(): void
}

/** A time that stands still until it is moved. Its sleeps end when it has been moved past their end. */
export class MovedClock implements Clock {
  #nowMs: number
  readonly #sleepers = new Set<Sleeper>()

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const sleeper = {
        endsAt: this.#nowMs + ms,
        end: () => {
          this.#sleepers.delete(sleeper)
          signal?.removeEventListener('abort', sleeper.end)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', sleeper.end, { once: true })
    })
  }

  /** When the next sleep ends, or null. */
  get nextEndMs(): number | null {
    if (this.#sleepers.size === 0) return null
    return Math.min(...[...this.#sleepers].map(({ endsAt }) => endsAt))
  }

  moveTo(nowMs: number): void {
    this.#nowMs = nowMs
    const ended = [...this.#sleepers].filter(({ endsAt }) => endsAt <= nowMs)
    for (const { end } of ended.sort((a, b) => a.endsAt - b.endsAt)) end()
  }

  /** Ends all sleeps: nothing waits for this time any more. */
  end(): void {
    for (const { end } of [...this.#sleepers]) end()
  }
}

interface HeldSleeper {
  leftMs: number
  timer: NodeJS.Timeout | null
  startedAt: number
  end(): void
}

/** A real time that is held up between two calls of `run` and `hold`. */
class HeldClock implements Clock {
  readonly #sleepers = new Set<HeldSleeper>()
  #isRunning = false
  readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  monotonic(): number {
    return machineMs()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const sleeper: HeldSleeper = {
        leftMs: ms,
        timer: null,
        startedAt: 0,
        end: () => {
          endTimer(sleeper.timer ?? undefined)
          this.#sleepers.delete(sleeper)
          signal?.removeEventListener('abort', sleeper.end)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', sleeper.end, { once: true })
      if (this.#isRunning) start(sleeper)
    })
  }

  run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    for (const sleeper of this.#sleepers) start(sleeper)
  }

  hold(): void {
    if (!this.#isRunning) return
    this.#isRunning = false
    for (const sleeper of this.#sleepers) {
      endTimer(sleeper.timer ?? undefined)
      sleeper.leftMs -= machineMs() - sleeper.startedAt
    }
  }
}

function start(sleeper: HeldSleeper): void {
  sleeper.startedAt = machineMs()
  sleeper.timer = timer(sleeper.leftMs, sleeper.end)
  sleeper.timer.unref()
}

function timer(ms: number, done: () => void): NodeJS.Timeout {
  return startTimer(done, Math.max(0, Math.min(ms, MAX_TIMER_MS)))
}

/**
 * The clock of an application under test. What people read and time limits stand still until the test moves them.
 * The loops of a worker wait in real time, and only while the test drains. Everything else, such as the wait before a
 * statement is repeated, takes its real time.
 */
export class StillClock implements Clock {
  readonly limits: MovedClock
  readonly passes: HeldClock

  constructor(nowMs: number) {
    this.limits = new MovedClock(nowMs)
    this.passes = new HeldClock(() => this.now())
  }

  now(): number {
    return this.limits.now()
  }

  monotonic(): number {
    return machineMs()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return realSleep(ms, signal)
  }
}

/** Sleeps in real time, whatever a test says. */
export function realSleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      endTimer(waiting)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const waiting = timer(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}
