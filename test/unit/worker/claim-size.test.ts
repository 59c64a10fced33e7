import { describe, expect, it } from 'vitest'
import { claimSize, isOneByOne, lacksCapacity, slotsOf } from '../../../src/worker/claim-size.ts'

const executor = { defaultConcurrency: 2, capacity: Number.POSITIVE_INFINITY, ahead: 0 }
const queue = { concurrency: null, rateLimit: null }

describe('a claim', () => {
  it.each([
    ['is for all slots while nothing is held', 10, 0, 0, 10],
    ['is for the slots that are free', 10, 0, 7, 3],
    ['is none while no slot is free', 10, 0, 10, 0],
    ['is none while more is held than there are slots', 2, 0, 10, 0],
    ['reads ahead of short jobs', 10, 30, 10, 30],
    ['waits until it is worth its while', 10, 30, 30, 0],
    ['does not wait where nothing is held', 2, 300, 0, 302],
    ['has a bound', 5_000, 0, 0, 1_000],
  ] as const)('%s', (_title, slots, readAhead, held, size) => {
    expect(claimSize(slots, readAhead, held)).toBe(size)
  })
})

describe('the slots of a queue', () => {
  it('are its concurrency, or the default of its executor', () => {
    expect(slotsOf(queue, executor, 0)).toBe(2)
    expect(slotsOf({ ...queue, concurrency: 7 }, executor, 0)).toBe(7)
  })

  it('are fewer while children are missing, and those that are held elsewhere are none', () => {
    const short = { ...executor, capacity: 3 }
    expect(slotsOf({ ...queue, concurrency: 7 }, short, 0)).toBe(3)
    expect(slotsOf({ ...queue, concurrency: 7 }, short, 5)).toBe(0)
    expect(lacksCapacity({ ...queue, concurrency: 7 }, short)).toBe(true)
    expect(lacksCapacity(queue, short)).toBe(false)
  })

  it('are more by what its children need ahead, unless a start is a claim', () => {
    const rateLimit = { max: 1, perMs: 1_000 }
    expect(slotsOf(queue, { ...executor, ahead: 5 }, 0)).toBe(7)
    expect(slotsOf({ ...queue, rateLimit }, { ...executor, ahead: 5 }, 0)).toBe(2)
  })

  it('are one where jobs run one by one', () => {
    expect(isOneByOne({ ...queue, concurrency: 1 }, executor)).toBe(true)
    expect(isOneByOne({ ...queue, concurrency: 1 }, { ...executor, ahead: 3 })).toBe(false)
    expect(isOneByOne(queue, executor)).toBe(false)
  })
})
