import type { EventMap, EventName } from './event-map.ts'

type Listener<Name extends EventName> = (payload: EventMap[Name]) => void

/**
 * Emits the events of this process. Listeners run synchronously, in the order in which they were added; one that
 * throws is reported and stops no other.
 */
export class Hub {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>()
  readonly #onError: (name: EventName, error: unknown) => void

  constructor(onError: (name: EventName, error: unknown) => void = () => {}) {
    this.#onError = onError
  }

  /** Whether an event is worth making. */
  has(name: EventName): boolean {
    return this.#listeners.has(name)
  }

  emit<Name extends EventName>(name: Name, payload: EventMap[Name]): void {
    const listeners = this.#listeners.get(name)
    if (listeners === undefined) return
    for (const listener of [...listeners]) {
      try {
        const given: unknown = (listener as Listener<Name>)(payload)
        // An async listener fails later; unheard, its rejection would end the process.
        if (given instanceof Promise) given.catch((error) => this.#onError(name, error))
      } catch (error) {
        this.#onError(name, error)
      }
    }
  }

  /** Returns a function that ends the listening. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(name, listeners)
    }
    // A function of its own, so that one listener added twice is two.
    const own: Listener<Name> = (payload) => listener(payload)
    listeners.add(own as Listener<never>)
    return () => {
      listeners.delete(own as Listener<never>)
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) {
        this.#listeners.delete(name)
      }
    }
  }

  /** Resolves with the next event that passes `test`; rejects when the signal aborts. */
  waitFor<Name extends EventName>(
    name: Name,
    test: (payload: EventMap[Name]) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<EventMap[Name]> {
    return new Promise((resolve, reject) => {
      const stop = this.on(name, (payload) => {
        if (!test(payload)) return
        end()
        resolve(payload)
      })
      const abort = (): void => {
        end()
        reject(signal?.reason)
      }
      const end = (): void => {
        stop()
        signal?.removeEventListener('abort', abort)
      }
      if (signal?.aborted) return abort()
      signal?.addEventListener('abort', abort, { once: true })
    })
  }
}
