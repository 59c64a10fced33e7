import { describe, expect, it } from 'vitest'
import { LineBudget } from '../../../src/worker/line-budget.ts'
import { HandClock } from '../../support/clock.ts'

function budget() {
  const clock = new HandClock()
  const leftOut: string[] = []
  const lines = new LineBudget(clock, (subject, count) => void leftOut.push(`${count} ${subject}`))
  const write = (subject: string, times: number) =>
    Array.from({ length: times }, () => lines.allows(subject)).filter(Boolean).length
  return { clock, leftOut, lines, write }
}

describe('a budget of lines', () => {
  it('allows 50 a minute for each subject, and says after the minute how many were left out', async () => {
    const { clock, leftOut, write } = budget()
    expect(write('a', 50)).toBe(50)
    expect(write('a', 70)).toBe(0)
    expect(write('b', 2)).toBe(2)
    await clock.advance(59_999)
    expect(leftOut).toEqual([])
    await clock.advance(1)
    expect(leftOut).toEqual(['70 a'])
    expect(write('a', 60)).toBe(50)
    await clock.advance(60_000)
    expect(leftOut).toEqual(['70 a', '10 a'])
  })

  it('says nothing when nothing was left out, and waits for nothing', async () => {
    const { clock, leftOut, lines, write } = budget()
    write('a', 50)
    expect(clock.sleepers).toBe(0)
    await clock.advance(120_000)
    lines.end()
    expect(leftOut).toEqual([])
  })

  it('says at its end what was left out, once', async () => {
    const { clock, leftOut, lines, write } = budget()
    write('a', 51)
    lines.end()
    expect(clock.sleepers).toBe(0)
    await clock.advance(60_000)
    lines.end()
    expect(leftOut).toEqual(['1 a'])
  })

  it('remembers a thousand subjects at most', () => {
    const { leftOut, write } = budget()
    write('first', 60)
    for (let n = 0; n < 1_000; n++) write(`subject ${n}`, 1)
    expect(leftOut).toEqual(['10 first'])
    expect(write('first', 60)).toBe(50)
  })
})
