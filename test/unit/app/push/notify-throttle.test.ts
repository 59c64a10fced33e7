import { beforeEach, describe, expect, it } from 'vitest'
import { NotifyThrottle } from '../../../../src/app/push/notify-throttle.ts'
import { HandClock } from '../../../support/clock.ts'

const WINDOW_MS = 10
let clock = new HandClock()
const sent: string[] = []
const throttle = () => {
  const made = new NotifyThrottle(clock, (payload) => sent.push(payload))
  return { made, payload: made.payload('queue.pushed', 'a b') }
}

const pass = (ms: number) => clock.advance(ms)

beforeEach(() => {
  clock = new HandClock()
  sent.length = 0
})

describe('wake throttle', () => {
  it('send the first of a window along with its push', async () => {
    const { made, payload } = throttle()
    expect(made.take('queue.pushed', 'a b')).toBe(payload)
    expect(payload).toBe(`queue.pushed/${made.origin} a b`)
    expect(made.take('queue.pushed', 'a b')).toBe(null)
    await pass(WINDOW_MS)
    expect(made.take('queue.pushed', 'a b')).toBe(payload)
    expect(sent).toEqual([])
  })

  it('keep queues and events apart', () => {
    const { made } = throttle()
    made.take('queue.pushed', 'a')
    expect(made.take('queue.pushed', 'b')).not.toBe(null)
    expect(made.take('job.scheduled', 'a')).not.toBe(null)
  })

  it('never send what was taken and not announced: it may not be committed yet', async () => {
    const { made } = throttle()
    made.take('queue.pushed', 'a')
    expect(made.take('queue.pushed', 'a')).toBe(null)
    await pass(10 * WINDOW_MS)
    expect(sent).toEqual([])
  })

  it('send once, at the end of the window, all that was announced in it', async () => {
    const { made, payload } = throttle()
    made.take('queue.pushed', 'a b')
    await pass(4)
    made.announce('queue.pushed', 'a b')
    made.announce('queue.pushed', 'a b')
    await pass(WINDOW_MS - 5)
    expect(sent).toEqual([])
    await pass(1)
    expect(sent).toEqual([payload])
    // The trailing one opens a window of its own.
    expect(made.take('queue.pushed', 'a b')).toBe(null)
  })

  it('send immediately what is announced after its window', async () => {
    const { made, payload } = throttle()
    made.take('queue.pushed', 'a b')
    await pass(WINDOW_MS)
    made.announce('queue.pushed', 'a b')
    expect(sent).toEqual([payload])
  })

  it('send what still waits when they are flushed, and only once', async () => {
    const { made, payload } = throttle()
    made.take('queue.pushed', 'a b')
    made.announce('queue.pushed', 'a b')
    made.flush()
    expect(sent).toEqual([payload])
    made.flush()
    await pass(10 * WINDOW_MS)
    expect(sent).toEqual([payload])
  })
})
