import type { Clock } from '../core/clock.ts'
import { nextDelayMs } from '../database/retry.ts'
import type { Service } from './service.ts'

export interface LoopOptions {
  readonly clock: Clock
  /**
   * One pass. Gives back how long to wait before the next, in milliseconds, if nobody wakes it.
   * `isWoken`: somebody did, so that this one is not due to the wait alone.
   */
  readonly pass: (signal: AbortSignal, isWoken: boolean) => Promise<number>
  /** A pass that fails is made again with backoff; this hears of each failure. */
  readonly onError: (error: unknown, inARow: number) => void
}

/**
 * A pass made again and again: after the wait it asked for, or sooner when woken. A wake during a
 * pass is kept for the next one, so nothing that happened is slept over.
 */
export class Loop implements Service {
  readonly #options: LoopOptions
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
        delayMs = nextDelayMs(failures === 1 || this.#isHastened ? 0 : delayMs)
        await this.#backOff(delayMs)
        continue
      }
      await this.#wait(delayMs)
    }
  }

  /** Not to be woken out of: a database in trouble is not asked more often. */
  async #backOff(ms: number): Promise<void> {
    this.#backoff = new AbortController()
    const over = AbortSignal.any([this.#stopping.signal, this.#backoff.signal])
    await this.#options.clock.sleep(ms, over)
    this.#backoff = null
  }

  async #wait(ms: number): Promise<void> {
    if (this.#isWoken || this.#stopping.signal.aborted || ms <= 0) return
    this.#dueAt = this.#options.clock.monotonic() + ms
    await new Promise<void>((resolve) => {
      this.#rouse = resolve
      this.#setAlarm(ms)
    })
    this.#rouse = null
  }

  /**
   * An alarm outlives the wait that somebody ended: calling off and setting anew, at every job, would
   * cost more than one that goes off in vain and is set again for what is left.
   */
  #setAlarm(ms: number): void {
    const { clock } = this.#options
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
