import type { Clock } from '../../src/core/clock.ts'

/** A clock whose time the test moves. */
export class HandClock implements Clock {
  #now = 0
  readonly #sleepers = new Set<{ readonly endsAt: number; readonly end: () => void }>()

  now = (): number => this.#now
  monotonic = (): number => this.#now

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const sleeper = {
        endsAt: this.#now + ms,
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

  get sleepers(): number {
    return this.#sleepers.size
  }

  /** Moves the time in one step: every sleep that is over by then ends, in order, at that time. */
  async jump(ms: number): Promise<void> {
    this.#now += ms
    const due = [...this.#sleepers].filter(({ endsAt }) => endsAt <= this.#now)
    for (const { end } of due.sort((a, b) => a.endsAt - b.endsAt)) end()
    await settled()
  }

  /** Moves the time from one end of a sleep to the next, each of which sees its own time. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settled()
    for (;;) {
      const [next] = [...this.#sleepers].sort((a, b) => a.endsAt - b.endsAt)
      if (next === undefined || next.endsAt > until) break
      this.#now = next.endsAt
      next.end()
      await settled()
    }
    this.#now = until
  }
}

/** Until everything that needs no time has happened. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
