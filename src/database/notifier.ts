import type { Clock } from '../core/clock.ts'
import { isChancyError } from '../core/errors.ts'
import { nextDelayMs } from '../core/retry-delay.ts'
import type { Driver } from './driver.ts'

/**
 * One LISTEN session for a process.
 *
 * A notification is a hint: everything it says is also found by polling, so a lost session costs
 * time and nothing else. The session is made again with decorrelated jitter, and after that
 * `onReconnected` says so, because what was sent in between was not received.
 */
export interface NotifierEvents {
  /** The first words of a payload are the event's name; the rest is its subject. */
  onEvent(name: string, subject: string): void
  onConnected(): void
  onLost(error: unknown): void
  onReconnected(): void
}

export class Notifier {
  readonly #driver: Driver
  readonly #channel: string
  readonly #clock: Clock
  readonly #events: NotifierEvents
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null
  #tried: Promise<void> | null = null
  #isListening = false

  constructor(driver: Driver, channel: string, clock: Clock, events: NotifierEvents) {
    this.#driver = driver
    this.#channel = channel
    this.#clock = clock
    this.#events = events
  }

  /** Whether notifications are received, as far as is known. */
  get isListening(): boolean {
    return this.#isListening
  }

  /** Resolves when it listens, or when the first try has failed: it then tries again by itself. */
  start(): Promise<void> {
    this.#tried ??= new Promise((resolve) => {
      this.#running = this.#run(resolve)
    })
    return this.#tried
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(onFirstTry: () => void): Promise<void> {
    const { signal } = this.#stopping
    let delayMs = 0
    let isAgain = false
    while (!signal.aborted) {
      try {
        const ended = await this.#listen(() => {
          delayMs = 0
          if (isAgain) this.#events.onReconnected()
          else this.#events.onConnected()
          isAgain = true
          onFirstTry()
        })
        if (ended === null) return
        this.#events.onLost(ended)
      } catch (error) {
        if (delayMs === 0 && !signal.aborted) this.#events.onLost(error)
        // Such as behind a transaction pooler: it will never be otherwise.
        if (isChancyError(error) && error.code === 'CONFIG_INVALID') return onFirstTry()
      }
      onFirstTry()
      // What is sent before the first success is missed as well.
      isAgain = true
      delayMs = nextDelayMs(delayMs)
      await this.#clock.sleep(delayMs, signal)
    }
  }

  /** Resolves with the error that ended it, or null when it was stopped. */
  async #listen(onListening: () => void): Promise<Error | null> {
    const { signal } = this.#stopping
    let end: (error: Error | null) => void = () => {}
    const ended = new Promise<Error | null>((resolve) => {
      end = resolve
    })
    const unlisten = await this.#driver.listen(this.#channel, {
      onPayload: (payload) => this.#take(payload),
      onLost: (error) => end(error),
    })
    this.#isListening = true
    onListening()
    const stop = (): void => end(null)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    const error = await ended
    this.#isListening = false
    signal.removeEventListener('abort', stop)
    await unlisten().catch(() => {})
    return error
  }

  #take(payload: string): void {
    const space = payload.indexOf(' ')
    const name = space < 0 ? payload : payload.slice(0, space)
    this.#events.onEvent(name, space < 0 ? '' : payload.slice(space + 1))
  }
}
