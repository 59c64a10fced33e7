import { describe, expect, it } from 'vitest'
import { Rest } from '../../../src/worker/rest.ts'

const POLL_MS = 1_000

describe('the rest of a runner', () => {
  it('is due for a look of somebody else before its own', () => {
    const rest = new Rest()
    expect(rest.isDue(10_000, POLL_MS)).toBe(false)
    rest.begin(10_000)
    expect(rest.isDue(10_300, POLL_MS)).toBe(false)
    expect(rest.isDue(10_500, POLL_MS)).toBe(true)
  })

  it('goes on for a polling interval when somebody saw nothing', () => {
    const rest = new Rest()
    rest.begin(10_000)
    expect(rest.quietMs(10_500)).toBe(0)
    rest.seenEmpty(10_500, POLL_MS)
    expect(rest.quietMs(10_600)).toBeGreaterThanOrEqual(600)
    expect(rest.quietMs(10_600)).toBeLessThanOrEqual(1_200)
    expect(rest.isDue(10_600, POLL_MS)).toBe(false)
    expect(rest.quietMs(11_800)).toBe(0)
  })

  it('is not lengthened by what was seen before it began, or after it ended', () => {
    const rest = new Rest()
    rest.begin(10_000)
    rest.seenEmpty(9_999, POLL_MS)
    expect(rest.quietMs(10_000)).toBe(0)
    rest.end()
    rest.seenEmpty(10_100, POLL_MS)
    expect(rest.quietMs(10_100)).toBe(0)
    expect(rest.isDue(99_999, POLL_MS)).toBe(false)
    // What was seen in the rest before counts for nothing in the next one.
    rest.begin(10_200)
    rest.seenEmpty(10_300, POLL_MS)
    rest.begin(10_400)
    expect(rest.quietMs(10_400)).toBe(0)
  })
})
