import { describe, expect, it } from 'vitest'
import { fairShares } from '../../../../src/executors/pool/fair-shares.ts'

describe('the children of a pool are divided', () => {
  it.each([
    ['all to the only queue with work', 4, [4], [4]],
    ['no more to a queue than it needs', 4, [1, 4], [1, 3]],
    ['none to a queue without work', 4, [0, 4, 0], [0, 4, 0]],
    ['evenly among queues that need all', 4, [4, 4], [2, 2]],
    ['the rest to the first', 3, [3, 3], [2, 1]],
    ['one to each queue, also where there are more queues than children', 2, [2, 2, 2], [1, 1, 1]],
    ['not at all among no queues', 2, [], []],
    ['and left over where little is wanted', 8, [1, 2], [1, 2]],
  ] as const)('%s', (_title, size, needs, shares) => {
    expect(fairShares(size, needs)).toEqual(shares)
  })
})
