/** A queue, as the children of a pool are divided. */
export interface SharingQueue {
  readonly concurrency: number
  /** Attempts that could share children. */
  readonly sharedLoad: number
}

/**
 * The children that a queue may have now, at least one. It is counted with all that it may have, so
 * that its share is what it would get if it asked for it; the others with what they need now.
 */
export function shareOf<Q extends SharingQueue>(
  queue: Q,
  queues: ReadonlySet<Q>,
  size: number,
): number {
  const most = Math.min(queue.concurrency, size)
  if (queues.size <= 1) return most
  let own = 0
  const wants: number[] = []
  for (const one of queues) {
    if (one === queue) own = wants.push(most) - 1
    else wants.push(Math.min(one.concurrency, size, one.sharedLoad))
  }
  return fairShares(size, wants)[own] ?? most
}

/**
 * Divides the children of a pool among the queues that have work for them: each gets one, also when
 * there are more queues than children, and what is left goes round one by one, to those that want
 * more. `wants` are the children that each could use.
 */
export function fairShares(size: number, wants: readonly number[]): number[] {
  const shares = wants.map((want) => Math.min(want, 1))
  let left = size - shares.reduce((sum, share) => sum + share, 0)
  while (left > 0) {
    const before = left
    wants.forEach((want, index) => {
      if (left === 0 || shares[index]! >= want) return
      shares[index]!++
      left--
    })
    if (left === before) break
  }
  return shares
}
