/**
 * The newest timeline of a cluster that was seen, in memory that threads share.
 *
 * Each promotion of a standby begins a new timeline. So a primary of an older one is one that was
 * left behind: what is written to it is lost when it is stopped, and what it knows is out of date.
 */
export class ClusterTimeline {
  readonly buffer: SharedArrayBuffer
  /** The identifier of the cluster, and its timeline. 0: none was seen. */
  readonly #cells: BigUint64Array

  constructor(buffer = new SharedArrayBuffer(2 * BigUint64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#cells = new BigUint64Array(buffer)
  }

  get newest(): number {
    return Number(Atomics.load(this.#cells, 1))
  }

  /** Notes what a primary says of itself. `older` and `foreign` are not to be used. */
  see(systemId: bigint, timeline: number): 'current' | 'older' | 'foreign' {
    const known = Atomics.compareExchange(this.#cells, 0, 0n, systemId)
    if (known !== 0n && known !== systemId) return 'foreign'
    for (;;) {
      const newest = Atomics.load(this.#cells, 1)
      if (BigInt(timeline) < newest) return 'older'
      if (BigInt(timeline) === newest) return 'current'
      const found = Atomics.compareExchange(this.#cells, 1, newest, BigInt(timeline))
      if (found === newest) return 'current'
    }
  }
}
