/** Hands over parts of a list, each by a call of its own, so many of them under way at once. */
export async function inBulks<T>(
  all: readonly T[],
  size: number,
  atOnce: number,
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
  await Promise.all(Array.from({ length: atOnce }, caller))
}
