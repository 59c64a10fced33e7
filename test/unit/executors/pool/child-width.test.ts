import { describe, expect, it } from 'vitest'
import { ChildWidth } from '../../../../src/executors/pool/child-width.ts'

describe('the concurrent attempts of a child', () => {
  it('are one until its loop has turned, and then twice as many each time', () => {
    const width = new ChildWidth()
    expect(width.set(10, true)).toBe(true)
    expect(width.slots(0, 10)).toBe(1)
    expect(width.answered()).toBe(true)
    expect(width.begun(1)).toBe(true)
    expect(width.slots(1, 10)).toBe(1)
    expect(width.answered()).toBe(true)
    expect(width.slots(1, 10)).toBe(2)
    expect(width.begun(2)).toBe(true)
    expect(width.slots(2, 10)).toBe(2)
    width.answered()
    expect(width.slots(2, 10)).toBe(4)
    expect(width.slots(8, 10)).toBe(10)
  })

  it('stay as they are while the loop is blocked', () => {
    const width = new ChildWidth()
    width.set(10, true)
    width.answered()
    width.begun(1)
    width.answered()
    expect(width.stalled()).toBe(true)
    expect(width.slots(1, 10)).toBe(1)
    expect(width.stalled()).toBe(false)
    width.answered()
    expect(width.slots(1, 10)).toBe(2)
  })

  it('are one, without a probe, where one is enough', () => {
    const width = new ChildWidth()
    expect(width.set(1, true)).toBe(false)
    expect(width.begun(1)).toBe(false)
    expect(width.slots(1, 1)).toBe(1)
    expect(width.answered()).toBe(false)
  })

  it('were as many at most as since it was idle last', () => {
    const width = new ChildWidth()
    width.set(10, true)
    width.set(2, false)
    expect(width).toMatchObject({ current: 2, most: 10 })
    width.set(2, true)
    expect(width.most).toBe(2)
  })
})
