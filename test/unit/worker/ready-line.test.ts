import { describe, expect, it } from 'vitest'
import { ReadyLine } from '../../../src/worker/ready-line.ts'

describe('the line of what may start', () => {
  it('gives in the order of what was added, also over several additions', () => {
    const line = new ReadyLine<number>()
    line.add([1, 2, 3])
    expect([line.take(), line.take()]).toEqual([1, 2])
    line.add([4])
    expect(line.length).toBe(2)
    expect([line.take(), line.take()]).toEqual([3, 4])
    expect(line.length).toBe(0)
  })

  it('gives back all that was not taken, once', () => {
    const line = new ReadyLine<number>()
    line.add([1, 2, 3])
    line.take()
    expect(line.takeAll()).toEqual([2, 3])
    expect([line.length, line.takeAll()]).toEqual([0, []])
    line.add([4])
    expect(line.take()).toBe(4)
  })
})
