import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WakeNotices } from '../../../src/app/wake-notices.ts'
import { systemClock } from '../../../src/core/clock.ts'

const WINDOW_MS = 10
let nowMs = 0
const sent: string[] = []
const clock = { ...systemClock, monotonic: () => nowMs }
const notices = () => {
  const made = new WakeNotices(clock, (payload) => sent.push(payload))
  return { made, payload: made.payload('queue.pushed', 'a b') }
}

const pass = (ms: number) => {
  nowMs += ms
  vi.advanceTimersByTime(ms)
}

beforeEach(() => {
  vi.useFakeTimers()
  nowMs = 1_000
  sent.length = 0
})
afterEach(() => {
  vi.useRealTimers()
})

describe('wake notices', () => {
  it('send the first of a window along with its push', () => {
    const { made, payload } = notices()
    expect(made.take('queue.pushed', 'a b')).toBe(payload)
    expect(payload).toBe(`queue.pushed/${made.origin} a b`)
    expect(made.take('queue.pushed', 'a b')).toBe(null)
    pass(WINDOW_MS)
    expect(made.take('queue.pushed', 'a b')).toBe(payload)
    expect(sent).toEqual([])
  })

  it('keep queues and events apart', () => {
    const { made } = notices()
    made.take('queue.pushed', 'a')
    expect(made.take('queue.pushed', 'b')).not.toBe(null)
    expect(made.take('job.scheduled', 'a')).not.toBe(null)
  })

  it('never tell of what was taken and not announced: it may not be committed yet', () => {
    const { made } = notices()
    made.take('queue.pushed', 'a')
    expect(made.take('queue.pushed', 'a')).toBe(null)
    pass(10 * WINDOW_MS)
    expect(sent).toEqual([])
  })

  it('tell once at the end of the window of all that was announced in it', () => {
    const { made, payload } = notices()
    made.take('queue.pushed', 'a b')
    pass(4)
    made.announce('queue.pushed', 'a b')
    made.announce('queue.pushed', 'a b')
    pass(WINDOW_MS - 5)
    expect(sent).toEqual([])
    pass(1)
    expect(sent).toEqual([payload])
    // The trailing one opens a window of its own.
    expect(made.take('queue.pushed', 'a b')).toBe(null)
  })

  it('tell at once of what is announced after its window', () => {
    const { made, payload } = notices()
    made.take('queue.pushed', 'a b')
    pass(WINDOW_MS)
    made.announce('queue.pushed', 'a b')
    expect(sent).toEqual([payload])
  })

  it('send what still waits when they are flushed, and only once', () => {
    const { made, payload } = notices()
    made.take('queue.pushed', 'a b')
    made.announce('queue.pushed', 'a b')
    made.flush()
    expect(sent).toEqual([payload])
    made.flush()
    pass(10 * WINDOW_MS)
    expect(sent).toEqual([payload])
  })
})
