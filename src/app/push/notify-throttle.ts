import { type Clock, callAfter } from '../../core/clock.ts'
import { newId } from '../../core/reference.ts'

/**
 * The shortest time between two notifications of one process about new jobs of one queue, in milliseconds.
 * Each NOTIFY takes a server-wide lock at commit, and a burst of small pushes must not send one each.
 */
const WINDOW_MS = 10

export type WakeEvent = 'queue.pushed' | 'job.scheduled' | 'plugin.woken'

/**
 * Decides which pushes carry a notification: the first of a window does (the leading edge), and when
 * others followed in it, one more is sent at its end (the trailing edge), so that the last push of a
 * burst never waits for the poll.
 */
export class NotifyThrottle {
  readonly #clock: Clock
  readonly #send: (payload: string) => void
  readonly #lastMs = new Map<string, number>()
  readonly #trailing = new Map<string, () => void>()
  /** Identifies the notifications of this process, whose own queue runners are awake already. */
  readonly origin: string

  constructor(clock: Clock, send: (payload: string) => void) {
    this.#clock = clock
    this.#send = send
    this.origin = newId(clock.now()).slice(-12)
  }

  /**
   * The payload to send along with a push, or null inside of a window. Then the push is announced
   * once it is committed: a notification that overtook it would wake workers for nothing.
   */
  take(event: WakeEvent, queue: string): string | null {
    const payload = this.payload(event, queue)
    const now = this.#clock.monotonic()
    if (now < this.#dueMs(payload)) return null
    this.#lastMs.set(payload, now)
    return payload
  }

  /** Announces what is committed: now, or at the end of the window. */
  announce(event: WakeEvent, queue: string): void {
    const taken = this.take(event, queue)
    if (taken !== null) {
      this.#send(taken)
      return
    }
    const payload = this.payload(event, queue)
    if (this.#trailing.has(payload)) return
    const leftMs = this.#dueMs(payload) - this.#clock.monotonic()
    const send = (): void => this.#sendTrailing(payload)
    this.#trailing.set(payload, callAfter(this.#clock, leftMs, send, 'lets-process-end'))
  }

  payload(event: string, queue: string): string {
    return `${event}/${this.origin} ${queue}`
  }

  /** Sends what is still waiting for the end of its window. */
  flush(): void {
    for (const payload of [...this.#trailing.keys()]) this.#sendTrailing(payload)
  }

  #dueMs(payload: string): number {
    return (this.#lastMs.get(payload) ?? Number.NEGATIVE_INFINITY) + WINDOW_MS
  }

  #sendTrailing(payload: string): void {
    this.#trailing.get(payload)?.()
    this.#trailing.delete(payload)
    this.#lastMs.set(payload, this.#clock.monotonic())
    this.#send(payload)
  }
}
