import type { Clock } from './clock.ts'

export interface GateOptions {
  readonly clock: Clock
  readonly onOpen?: () => void
  readonly onClose?: () => void
}

/**
 * A flag that closes by itself at a deadline, unless it is opened again before. What waits for it is
 * handed a signal that aborts when it closes.
 */
export class Gate {
  readonly #options: GateOptions
  readonly #waiting = new Set<(held: AbortSignal) => void>()
  #held: AbortController | null = null
  /** In monotonic milliseconds. */
  #untilMs = Number.NEGATIVE_INFINITY
  #alarm = new AbortController()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** By the clock as well as by the timer, which a blocked loop holds up. */
  get isOpen(): boolean {
    return this.#held !== null && this.#options.clock.monotonic() < this.#untilMs
  }

  /** Opens it, or keeps it open, until a time of the monotonic clock. A time that is over does nothing. */
  open(untilMs: number): void {
    const { clock, onOpen } = this.#options
    const leftMs = untilMs - clock.monotonic()
    if (leftMs <= 0) return
    // Its deadline may be over, and its timer late: then it was closed in between.
    if (this.#held !== null && !this.isOpen) this.close()
    this.#untilMs = untilMs
    this.#alarm.abort()
    this.#alarm = new AbortController()
    const { signal } = this.#alarm
    void clock.sleep(leftMs, signal).then(() => {
      if (!signal.aborted) this.close()
    })
    if (this.#held !== null) return
    const held = new AbortController()
    this.#held = held
    onOpen?.()
    for (const resolve of [...this.#waiting]) resolve(held.signal)
    this.#waiting.clear()
  }

  close(): void {
    const held = this.#held
    if (held === null) return
    this.#held = null
    this.#alarm.abort()
    held.abort()
    this.#options.onClose?.()
  }

  /** Resolves when it is open. Rejects with the reason of `signal` when that aborts first. */
  opened(signal: AbortSignal): Promise<AbortSignal> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(done)
        reject(signal.reason)
      }
      const done = (held: AbortSignal): void => {
        signal.removeEventListener('abort', abort)
        resolve(held)
      }
      if (signal.aborted) return abort()
      if (this.#held !== null && this.isOpen) return resolve(this.#held.signal)
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.add(done)
    })
  }
}
