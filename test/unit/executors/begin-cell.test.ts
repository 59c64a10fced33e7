import { describe, expect, it } from 'vitest'
import { CELLS, recallCell, takeCell } from '../../../src/executors/begin-cell.ts'

describe('the cell of an attempt', () => {
  it('is taken or recalled, never both, in every round', () => {
    const cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
    for (const round of [0, 1, 2, 200_000]) {
      const [first, second] = [5 + round * CELLS, 6 + round * CELLS]
      expect(takeCell(cells, first)).toBe(true)
      expect(recallCell(cells, first)).toBe(false)
      expect(recallCell(cells, second)).toBe(true)
      expect(takeCell(cells, second)).toBe(false)
      expect(recallCell(cells, second)).toBe(false)
    }
  })

  it('is not recalled late, when the next round has taken it', () => {
    const cells = new Int32Array(new SharedArrayBuffer(CELLS * 4))
    expect(takeCell(cells, 5)).toBe(true)
    expect(takeCell(cells, 5 + CELLS)).toBe(true)
    expect(recallCell(cells, 5)).toBe(false)
  })
})
