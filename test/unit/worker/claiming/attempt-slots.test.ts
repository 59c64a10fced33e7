import { describe, expect, it } from 'vitest'
import {
  isOneByOne,
  LocalQueue,
  lacksCapacity,
  slotsOf,
} from '../../../../src/worker/claiming/attempt-slots.ts'

const executor = { defaultConcurrency: 2, capacity: Number.POSITIVE_INFINITY, ahead: 0 }
const queue = { concurrency: null, rateLimit: null }

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

describe('the local queue', () => {
  it('gives in the order of what was added, also over several additions', () => {
    const queue = new LocalQueue<number>()
    queue.add([1, 2, 3])
    expect([queue.take(), queue.take()]).toEqual([1, 2])
    queue.add([4])
    expect(queue.length).toBe(2)
    expect([queue.take(), queue.take()]).toEqual([3, 4])
    expect(queue.length).toBe(0)
  })

  it('returns all that was not taken, once', () => {
    const queue = new LocalQueue<number>()
    queue.add([1, 2, 3])
    queue.take()
    expect(queue.takeAll()).toEqual([2, 3])
    expect([queue.length, queue.takeAll()]).toEqual([0, []])
    queue.add([4])
    expect(queue.take()).toBe(4)
  })
})
