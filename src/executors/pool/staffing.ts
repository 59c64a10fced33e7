/** Another child for a line that has one already only when an attempt has waited this long. */
const PATIENCE_MS = 20
/**
 * A queue without a child, while all children work for others, is given one of theirs as soon as it
 * is free. After this long one is started beyond the size of the pool.
 */
const GRACE_MS = 500

/** A line with attempts that wait for a child, and slots for them. */
export interface Demand {
  /** Children that it could use now beside those that it has. */
  readonly lacks: number
  readonly hasChild: boolean
  /** Its attempts have a child each: the size of the pool does not bound them, their queue does. */
  readonly isAlone: boolean
  /** How long its oldest attempt has waited, in milliseconds. */
  readonly waitedMs: number
}

/** The children of one group, and what is wanted of them. */
export interface Staff {
  /** The most children that queues share, and the most that start at a time. */
  readonly size: number
  /** Children that queues can share, with those that start. */
  readonly shared: number
  readonly booting: number
  readonly demands: readonly Demand[]
}

/**
 * How many children are to be started now. Beyond the size of the pool it is one at a time: jobs that
 * are short free the children again and again, and only so many are started that no queue waits long.
 */
export function childrenToStart({ size, shared, booting, demands }: Staff): number {
  let within = 0
  let alone = 0
  let isStarving = false
  for (const { lacks, hasChild, isAlone, waitedMs } of demands) {
    if (hasChild && waitedMs < PATIENCE_MS) continue
    if (isAlone) {
      alone += lacks
      continue
    }
    within += lacks
    isStarving ||= !hasChild && waitedMs >= GRACE_MS
  }
  const room = Math.max(0, size - shared + booting)
  const wanted = Math.max(Math.min(within, room), isStarving ? 1 : 0) + alone
  return Math.max(0, Math.min(wanted, size) - booting)
}
