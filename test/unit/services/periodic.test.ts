import { describe, expect, it } from 'vitest'
import type { Duration } from '../../../src/core/duration.ts'
import { Hub } from '../../../src/events/hub.ts'
import { type PeriodicTask, periodic } from '../../../src/services/periodic.ts'
import { HandClock, settled } from '../../support/clock.ts'

type Answer = Duration | undefined | Error

/** A task whose passes are noted as "time", or "time woken", and give these answers in turn. */
function repeating(answers: readonly Answer[], settings: Partial<PeriodicTask> = {}) {
  const clock = new HandClock()
  const hub = new Hub()
  const passes: string[] = []
  const errors: unknown[] = []
  const left = [...answers]
  hub.on('database.error', ({ what, error }) => errors.push(`${what}: ${String(error)}`))
  const task: PeriodicTask = {
    name: 'sweeping',
    every: '1s',
    pass: async (_, isWoken) => {
      passes.push(`${clock.monotonic()}${isWoken ? ' woken' : ''}`)
      const answer = left.length > 1 ? left.shift() : left[0]
      if (answer instanceof Error) throw answer
      return answer
    },
    ...settings,
  }
  return { clock, hub, passes, errors, task, service: periodic(task, { clock, hub }) }
}

describe('a periodic task', () => {
  it('is done at the start, and again each time its interval is over', async () => {
    const { clock, passes, service } = repeating([undefined])
    service.start()
    service.start()
    await clock.advance(2_500)
    expect(passes).toEqual(['0', '1000', '2000'])
    await service.stop()
  })

  it('waits as long as a pass returns, in milliseconds or with a unit', async () => {
    const { clock, passes, service } = repeating(['2s', 500, 0, undefined])
    service.start()
    await clock.advance(3_600)
    expect(passes).toEqual(['0', '2000', '2500', '2500', '3500'])
    await service.stop()
  })

  it('varies its interval by 30 % where it is jittered, and not the wait that a pass returns', async () => {
    const { clock, passes, service } = repeating(['2s', undefined], { isJittered: true })
    service.start()
    await clock.advance(60_000)
    const at = passes.map(Number)
    expect(at[1]).toBe(2_000)
    const waits = at.slice(2).map((ms, index) => ms - at[index + 1]!)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(700)
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_300)
    expect(new Set(waits).size).toBeGreaterThan(1)
    await service.stop()
  })

  it('is woken by its events while it runs, and by no other', async () => {
    const { clock, hub, passes, service } = repeating([undefined], { wakeOn: ['job.scheduled'] })
    service.start()
    await clock.advance(100)
    hub.emit('queue.changed', { queue: 'a' })
    await settled()
    hub.emit('job.scheduled', { queue: 'a' })
    await clock.advance(999)
    expect(passes).toEqual(['0', '100 woken'])
    service.wake()
    await settled()
    expect(passes.at(-1)).toBe('1099 woken')
    await service.stop()
    expect(hub.has('job.scheduled')).toBe(false)
  })

  it('reports a pass that fails under its name and repeats it with backoff', async () => {
    const { clock, passes, errors, service } = repeating([new Error('no'), undefined])
    service.start()
    await clock.advance(100)
    expect(errors).toEqual(['sweeping: Error: no'])
    expect(passes).toEqual(['0', '100'])
    await service.stop()
  })

  it('repeats a failed pass within the range it was given, and calls its own handler', async () => {
    const { clock, hub, errors, task } = repeating([new Error('no')])
    const inARow: number[] = []
    const service = periodic(task, {
      clock,
      hub,
      retry: { leastMs: 1_000, mostMs: 60_000 },
      onError: (_, failures) => inARow.push(failures),
    })
    service.start()
    await clock.advance(999)
    expect(inARow).toEqual([1])
    await clock.advance(1)
    expect(inARow).toEqual([1, 2])
    await clock.advance(600_000)
    expect(inARow.length).toBeGreaterThan(10)
    expect(errors).toEqual([])
    await service.stop()
  })

  it('takes a wait that is no duration for a failure of the pass', async () => {
    const { clock, errors, service } = repeating([Number.NaN, undefined])
    service.start()
    await clock.advance(0)
    expect(errors).toEqual([
      expect.stringContaining('sweeping: the wait for the next pass: expected a duration'),
    ])
    await service.stop()
  })

  it('aborts the signal of the pass under way at its stop, and waits for its end', async () => {
    const ended: string[] = []
    const { clock, service } = repeating([], {
      pass: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () =>
            setImmediate(() => {
              ended.push('pass')
              resolve(undefined)
            }),
          )
        }),
    })
    service.start()
    await clock.advance(0)
    await service.stop()
    expect(ended).toEqual(['pass'])
    expect(clock.sleepers).toBe(0)
  })

  it('is stopped without a start, and begins nothing after it', async () => {
    const { clock, hub, passes, service } = repeating([undefined], { wakeOn: ['job.scheduled'] })
    await service.stop()
    service.start()
    await clock.advance(5_000)
    expect(passes).toEqual([])
    expect(hub.has('job.scheduled')).toBe(false)
  })

  it('refuses an interval that is no duration', () => {
    expect(() => repeating([], { every: 'soon' as Duration })).toThrow(/sweeping: every/)
  })
})
