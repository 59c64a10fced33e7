import type { DurableHost, OpenWait, StepRecord } from '../durable-record.ts'

export interface WaitEvents {
  onCame(records: readonly StepRecord[]): void
  /** Another attempt has the job. */
  onLost(): void
  onRefused(error: unknown): void
  /** Nothing is being taken any more. */
  onIdle(): void
}

/** Takes what ends of the open waits while the attempt runs on: one call of the host at a time. */
export class WaitListener {
  readonly #host: Pick<DurableHost, 'resume' | 'take'>
  readonly #events: WaitEvents
  #controller: AbortController | null = null
  /** Names of the waits that are listened for. */
  #names = ''
  #isTaking = false
  #isOver = false

  constructor(host: Pick<DurableHost, 'resume' | 'take'>, events: WaitEvents) {
    this.#host = host
    this.#events = events
  }

  get isIdle(): boolean {
    return this.#controller === null && !this.#isTaking
  }

  /** For these, and no others: a call for others is called off first, and `onIdle` follows. */
  listen(waits: readonly OpenWait[]): void {
    if (this.#isTaking || this.#isOver) return
    const names = JSON.stringify(waits.map(({ name }) => name))
    if (this.#controller !== null) {
      if (names !== this.#names) this.stop()
      return
    }
    this.#names = names
    const controller = new AbortController()
    this.#controller = controller
    this.#host.resume(waits, controller.signal).then(
      (records) => {
        this.#controller = null
        if (this.#isOver) return
        if (records.length === 0) this.#events.onLost()
        else this.#events.onCame(records)
      },
      (error) => {
        this.#controller = null
        if (this.#isOver) return
        if (controller.signal.aborted) this.#events.onIdle()
        else this.#events.onRefused(error)
      },
    )
  }

  /** What has ended by now. */
  take(waits: readonly OpenWait[]): void {
    this.#isTaking = true
    this.#host.take(waits).then(
      (records) => {
        this.#isTaking = false
        if (this.#isOver) return
        if (records === 'lost') this.#events.onLost()
        else if (records.length === 0) this.#events.onIdle()
        else this.#events.onCame(records)
      },
      (error) => {
        this.#isTaking = false
        if (!this.#isOver) this.#events.onRefused(error)
      },
    )
  }

  stop(): void {
    this.#controller?.abort()
  }

  end(): void {
    this.#isOver = true
    this.stop()
  }
}
