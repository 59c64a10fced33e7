/** A time at which something comes due, and what. */
export interface Point {
  /** Whole milliseconds since the epoch. */
  readonly atMs: number
  readonly what: string
}
