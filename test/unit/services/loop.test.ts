import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import { Loop } from '../../../src/services/loop.ts'
import { HandClock, settled } from '../../support/clock.ts'

/** A loop whose passes are noted as "time", or "time woken", and ask for these waits in turn. */
function looping(waits: (number | Error)[]) {
  const clock = new HandClock()
  const passes: string[] = []
  const errors: number[] = []
  const loop = new Loop({
    clock,
    pass: async (_, isWoken) => {
      passes.push(`${clock.monotonic()}${isWoken ? ' woken' : ''}`)
      const wait = waits.length > 1 ? waits.shift()! : waits[0]!
      if (wait instanceof Error) throw wait
      return wait
    },
    onError: (_, inARow) => errors.push(inARow),
  })
  loop.start()
  return { clock, passes, errors, loop }
}

describe('a loop', () => {
  it('makes a pass after each wait, and immediately where the wait is 0', async () => {
    const { clock, passes, loop } = looping([100, 0, 50, 1_000])
    await clock.advance(400)
    expect(passes).toEqual(['0', '100', '100', '150'])
    await loop.stop()
  })

  it('waits by the time of passes where the clock has one, and is still woken', async () => {
    const [clock, passes] = [new HandClock(), new HandClock()]
    let made = 0
    const pass = async (): Promise<number> => {
      made++
      return 100
    }
    const loop = new Loop({ clock: Object.assign(clock, { passes }), pass, onError: () => {} })
    loop.start()
    await clock.advance(1_000)
    expect(made).toBe(1)
    loop.wake()
    await settled()
    expect(made).toBe(2)
    await passes.advance(200)
    expect(made).toBe(4)
    await loop.stop()
  })

  it('is woken out of a wait, and then waits as long as the pass returned', async () => {
    const { clock, passes, loop } = looping([100])
    await clock.advance(70)
    loop.wake()
    await clock.advance(99)
    // Not at 100, where the first wait would have ended.
    expect(passes).toEqual(['0', '70 woken'])
    await clock.advance(1)
    expect(passes).toEqual(['0', '70 woken', '170'])
    await loop.stop()
  })

  it('has one timer, however often it is woken', async () => {
    const { clock, passes, loop } = looping([100])
    for (let n = 0; n < 20; n++) {
      await clock.advance(1)
      loop.wake()
    }
    await settled()
    expect(passes).toHaveLength(21)
    expect(clock.sleepers).toBe(1)
    await clock.advance(99)
    expect(passes).toHaveLength(21)
    await clock.advance(1)
    expect(passes.at(-1)).toBe('120')
    await loop.stop()
  })

  it('ends a wait in time that is shorter than one before it', async () => {
    const { clock, passes, loop } = looping([1_000, 30, 1_000])
    await clock.advance(10)
    loop.wake()
    await clock.advance(40)
    expect(passes).toEqual(['0', '10 woken', '40'])
    expect(clock.sleepers).toBe(1)
    await loop.stop()
  })

  it('keeps a wake-up that comes during a pass for the next one', async () => {
    const { clock, passes, loop } = looping([100])
    loop.wake()
    loop.wake()
    await clock.advance(0)
    expect(passes).toEqual(['0', '0 woken'])
    await loop.stop()
  })

  it('is not woken out of the wait after a failure', async () => {
    const { clock, passes, errors, loop } = looping([100, new Error('no'), 100])
    await clock.advance(100)
    expect(errors).toEqual([1])
    loop.wake()
    await settled()
    expect(passes).toEqual(['0', '100'])
    await clock.advance(1_000)
    expect(passes[2]).toMatch(/woken$/)
    await loop.stop()
  })

  it('continues where a clock sleeps shorter than it counts', async () => {
    let passes = 0
    const clock: Clock = { now: () => 0, monotonic: () => 0, sleep: async () => settled() }
    const loop = new Loop({
      clock,
      pass: async () => {
        passes++
        return 1_000
      },
      onError: () => {},
    })
    loop.start()
    while (passes < 3) await settled()
    await loop.stop()
  })

  it.each([
    ['in a wait', 10],
    ['in the wait after a failure', 100],
  ])('stops %s, and leaves no timer behind', async (_title, at) => {
    const { clock, loop } = looping([100, new Error('no')])
    await clock.advance(at)
    await loop.stop()
    await settled()
    expect(clock.sleepers).toBe(0)
  })
})
