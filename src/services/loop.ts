import type { Clock } from '../core/clock.ts'
import { nextDelayMs, type RetryRange } from '../core/retry-delay.ts'
import type { Service } from './service.ts'

export interface LoopOptions {
  readonly clock: Clock
  /**
   * One pass. Returns how long to wait for the next, in milliseconds, unless `wake` ends the wait.
   * `isWoken`: `wake` was called since the last pass began. The signal aborts at `stop`.
   */
  readonly pass: (signal: AbortSignal, isWoken: boolean) => Promise<number>
  /** Called with each failure of a pass, which is then made again with backoff. */
  readonly onError: (error: unknown, inARow: number) => void
  /** How long to wait after a failure. Default: 100 ms to 5 s. */
  readonly retry?: RetryRange | undefined
}

/**
 * Repeats a pass: after the wait that it asked for, or sooner when `wake` is called. A call during a
 * pass counts for the next one, so that nothing that happened during a pass is missed.
 */
export class Loop implements Service {
  readonly #options: LoopOptions
  /** Of the waits between passes. */
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null
  #isWoken = false
  #isHastened = false
  /** Of the present wait after a failure. */
  #backoff: AbortController | null = null
  /** Ends the present wait. */
  #rouse: (() => void) | null = null
  /** When the present wait is over by itself. */
  #dueAt = 0
  #alarm: { readonly endsAt: number; readonly off: AbortController } | null = null

  constructor(options: LoopOptions) {
    this.#options = options
    this.#clock = options.clock.passes ?? options.clock
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends the present wait, or makes the next one none. */
  wake(): void {
    this.#isWoken = true
    this.#rouse?.()
  }

  /** The database can be reached again: a backoff ends now, and a pass under way is made again soon. */
  hasten(): void {
    this.#isHastened = true
    this.#backoff?.abort()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#rouse?.()
    try {
      await this.#running
    } finally {
      this.#alarm?.off.abort()
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const { retry } = this.#options
    let failures = 0
    let delayMs = 0
    while (!signal.aborted) {
      const isWoken = this.#isWoken
      this.#isWoken = false
      this.#isHastened = false
      try {
        delayMs = await this.#options.pass(signal, isWoken)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures++
        this.#options.onError(error, failures)
        delayMs = nextDelayMs(failures === 1 || this.#isHastened ? 0 : delayMs, retry)
        await this.#backOff(delayMs)
        continue
      }
      await this.#wait(delayMs)
    }
  }

  /** `wake` does not end this wait: a database in trouble is not asked more often. */
  async #backOff(ms: number): Promise<void> {
    this.#backoff = new AbortController()
    const over = AbortSignal.any([this.#stopping.signal, this.#backoff.signal])
    await this.#options.clock.sleep(ms, over)
    this.#backoff = null
  }

  async #wait(ms: number): Promise<void> {
    if (this.#isWoken || this.#stopping.signal.aborted || ms <= 0) return
    this.#dueAt = this.#clock.monotonic() + ms
    await new Promise<void>((resolve) => {
      this.#rouse = resolve
      this.#setAlarm(ms)
    })
    this.#rouse = null
  }

  /**
   * An alarm outlives a wait that `wake` ended: cancelling it and setting another, at every job, would
   * cost more than an early one that is set again for the time that is left.
   */
  #setAlarm(ms: number): void {
    const clock = this.#clock
    if (this.#alarm !== null) {
      if (this.#alarm.endsAt <= this.#dueAt) return
      this.#alarm.off.abort()
    }
    const alarm = { endsAt: this.#dueAt, off: new AbortController() }
    this.#alarm = alarm
    void clock.sleep(ms, alarm.off.signal).then(() => {
      if (this.#alarm !== alarm) return
      this.#alarm = null
      if (this.#rouse === null) return
      // By the alarm as well as by the clock: a clock that sleeps shorter than it counts must not keep
      // this setting alarms without an end.
      const leftMs = this.#dueAt - Math.max(alarm.endsAt, clock.monotonic())
      if (leftMs > 0) this.#setAlarm(leftMs)
      else this.#rouse()
    })
  }
}

/** A time within 30 % of this one, so that many workers do not do things together. */
export function jittered(ms: number): number {
  return ms * (0.7 + Math.random() * 0.6)
}
