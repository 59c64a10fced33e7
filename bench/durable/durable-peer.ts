/** What runs durable functions, and is measured beside the others. */
export interface DurablePeer {
  /** Runs that many functions of `steps` empty steps each, 100 of them concurrently. Resolves when all have ended. */
  run(runs: number, steps: number): Promise<void>
  /** Starts a function that does nothing. Milliseconds until it began. */
  start(): Promise<number>
  /** Starts a function and lets it wait, then sends what it waits for. Milliseconds until it continued. */
  signal(): Promise<number>
  close(): Promise<void>
}

export interface DurableAdapter {
  /** In an empty database. */
  open(url: string): Promise<DurablePeer>
}

/** How many functions run concurrently, in each system. */
export const CONCURRENCY = 100
/** Long enough for a function that was started to reach its wait, in milliseconds. */
export const SETTLED_MS = 400

/** A moment that one part of the process waits for and another one notes. */
export class Moment {
  #note: (atMs: number) => void = () => {}

  next(): Promise<number> {
    return new Promise((resolve) => {
      this.#note = resolve
    })
  }

  note(): void {
    this.#note(performance.now())
  }
}

/** Calls `work` so often, as many as that concurrently. */
export async function inTurns(times: number, work: () => Promise<unknown>): Promise<void> {
  let left = times
  const lane = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
}
