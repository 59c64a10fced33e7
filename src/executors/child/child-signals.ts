/**
 * What SIGTERM and SIGINT mean in a child: nothing, unless the parent has announced them. A service
 * manager sends SIGTERM to all processes of a service; the worker then lets its jobs finish, and they
 * must not end before. The watchdog handles the end of the parent.
 *
 * An announced signal goes to the handlers that jobs have installed, and ends the child where there
 * are none, as it would without the handlers of this class. The line that announces it and the signal
 * come by two ways, in either order.
 */
export class ChildSignals {
  /** Signals that were announced and have not come. */
  #announced = 0
  /** One has come that was not announced, or not yet. */
  #hasCome = false
  readonly #onHandlers: (has: boolean) => void

  /** @param onHandlers Is called with whether jobs have handlers of their own, when that changes. */
  constructor(onHandlers: (has: boolean) => void) {
    this.#onHandlers = onHandlers
  }

  install(): void {
    const emit = process.emit.bind(process) as (
      name: string | symbol,
      ...args: unknown[]
    ) => boolean
    const filtered = (name: string | symbol, ...args: unknown[]): boolean => {
      if (name === 'SIGINT' || (name === 'SIGTERM' && !this.#isWanted())) return true
      return emit(name, ...args)
    }
    // Before the first listener: from then on Node holds on to the function that is there.
    process.emit = filtered as typeof process.emit
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => {})
    process.on('newListener', (name) => {
      if (name === 'SIGTERM') this.#onHandlers(true)
    })
    process.on('removeListener', (name) => {
      if (name === 'SIGTERM' && !this.#hasHandlers) this.#onHandlers(false)
    })
  }

  /** The parent sends SIGTERM on purpose. */
  announce(): void {
    if (!this.#hasHandlers) process.kill(process.pid, 'SIGKILL')
    this.#announced++
    if (this.#hasCome) process.emit('SIGTERM')
    this.#hasCome = false
  }

  /** Beside ours. */
  get #hasHandlers(): boolean {
    return process.listenerCount('SIGTERM') > 1
  }

  #isWanted(): boolean {
    if (this.#announced > 0) {
      this.#announced--
      return true
    }
    this.#hasCome = true
    return false
  }
}
