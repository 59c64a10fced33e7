/** Chance that can be had again: `CHANCY_SEED` gives the numbers of the run that printed it. */
export interface Chance {
  readonly seed: number
  /** From 0 to 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number
  pick<T>(from: readonly T[]): T
}

/** Prints its seed, so that a test that failed can be run the same way. */
export function chance(what: string): Chance {
  const seed = Number(process.env.CHANCY_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`${what}: CHANCY_SEED=${seed}`)
  let state = seed >>> 0
  // Source: mulberry32, by Tommy Ettinger, in the public domain.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1))
  return { seed, next, between, pick: (from) => from[between(0, from.length - 1)]! }
}
