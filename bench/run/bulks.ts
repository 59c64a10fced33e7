/** Hands over parts of a list, each by a call of its own, with `concurrency` of them concurrently. */
export async function inBulks<T>(
  all: readonly T[],
  size: number,
  concurrency: number,
  hand: (part: readonly T[]) => Promise<unknown>,
): Promise<void> {
  let from = 0
  const caller = async () => {
    while (from < all.length) {
      const part = all.slice(from, from + size)
      from += size
      await hand(part)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
}
