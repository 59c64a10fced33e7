import { callAfter, systemClock } from '../../core/clock.ts'

/** Wakes what waits for a pool to change. */
export class ChangeSignal {
  #resolvers: (() => void)[] = []

  changed(): void {
    for (const resolve of this.#resolvers.splice(0)) resolve()
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#resolvers.push(resolve))
  }

  /** Resolves with the next change, or after `ms`. */
  async nextWithin(ms: number): Promise<void> {
    let cancel = (): void => {}
    const passed = new Promise<void>((resolve) => {
      cancel = callAfter(systemClock, ms, resolve)
    })
    await Promise.race([this.next(), passed])
    cancel()
  }
}
