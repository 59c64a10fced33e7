/** Another child for a backlog that has one already only when an attempt has waited this long. */
const PATIENCE_MS = 20
/**
 * A queue without a child, while all children work for others, is given one of theirs as soon as it
 * is free. After this long one is started beyond the size of the pool.
 */
const GRACE_MS = 500

/** A backlog with attempts that wait for a child, and slots for them. */
export interface Demand {
  /** Children that it could use now beside those that it has. */
  readonly lacks: number
  readonly hasChild: boolean
  /** Its attempts have a child each: the size of the pool does not bound them, their queue does. */
  readonly isAlone: boolean
  /** How long its oldest attempt has waited, in milliseconds. */
  readonly waitedMs: number
}

/** The children of one group, and what is demanded of them. */
export interface GroupNeeds {
  /** The most children that queues share, and the most that start at a time. */
  readonly size: number
  /** Children that queues can share, with those that start. */
  readonly shared: number
  readonly booting: number
  readonly demands: readonly Demand[]
  /** Its children have no memory limit: one is always there. */
  readonly isPlain: boolean
  /** Children that take attempts, or will. */
  readonly present: number
  /** One of them has to be replaced soon. */
  readonly needsSuccessor: boolean
}

/** How many children of a group are to be started now. */
export function childrenToStart(needs: GroupNeeds): number {
  const { isPlain, present, booting } = needs
  const demanded = childrenDemanded(needs)
  if (!isPlain) return demanded
  const count = present === 0 ? Math.max(demanded, 1) : demanded
  // One at a time is replaced before its end.
  return count === 0 && booting === 0 && needs.needsSuccessor ? 1 : count
}

/**
 * Beyond the size of the pool children start one at a time: jobs that are short free the children
 * again and again, and only as many are started as are needed for no queue to wait long.
 */
function childrenDemanded({ size, shared, booting, demands }: GroupNeeds): number {
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
  const free = Math.max(0, size - shared + booting)
  const needed = Math.max(Math.min(within, free), isStarving ? 1 : 0) + alone
  return Math.max(0, Math.min(needed, size) - booting)
}
