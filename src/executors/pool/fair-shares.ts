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
