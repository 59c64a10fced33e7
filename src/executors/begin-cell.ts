/**
 * A cell of memory that a child and the one that recalls its attempts share: it decides whether an
 * attempt begins or is recalled, also while the loop of the child is blocked.
 */

/** Cells of a child: more than it is ever sent ahead. */
export const CELLS = 4_096

const BEGUN = 1

/** The child takes an attempt to begin it. Returns false when it was recalled before. */
export function takeCell(cells: Int32Array, seq: number): boolean {
  const index = seq % CELLS
  const before = Atomics.load(cells, index)
  if (before === recalled(seq)) return false
  return Atomics.compareExchange(cells, index, before, recalled(seq) + BEGUN) === before
}

/** Recalls an attempt, which then never begins. Returns false when it has begun. */
export function recallCell(cells: Int32Array, seq: number): boolean {
  const index = seq % CELLS
  const before = Atomics.load(cells, index)
  // An attempt of a later round lies in the cell only after this one has ended.
  if (before >= recalled(seq)) return false
  return Atomics.compareExchange(cells, index, before, recalled(seq)) === before
}

/** Cells begin at 0, numbers of attempts at 1. */
const recalled = (seq: number): number => seq * 2
