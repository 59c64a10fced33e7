import { describe, expect, it } from 'vitest'
import {
  isMemoryTight,
  type SupervisedChild,
  supervisionDue,
} from '../../../../src/executors/pool/supervision.ts'

const NOW = 100_000
const since = (ms: number): number => NOW - ms

interface Some {
  readonly state?: string
  readonly boot?: Partial<SupervisedChild['boot']>
  readonly activeAt?: number
  readonly attempts?: Partial<SupervisedChild['attempts']>
  readonly end?: Partial<SupervisedChild['end']>
}
function child({ state = 'ready', boot, activeAt = NOW, attempts, end }: Some): SupervisedChild {
  return {
    state,
    isIdle: state === 'ready' && (attempts?.size ?? 0) === 0,
    boot: { startedAt: since(1_000), isReported: false, ...boot },
    activeAt,
    attempts: { size: 0, begun: 0, firstSince: null, ...attempts },
    end: { retiredAt: null, unresponsiveAt: null, ...end },
  }
}

describe('a child that starts', () => {
  it.each([
    ['is left alone', since(5_000), false, []],
    ['is reported when it takes long', since(5_001), false, ['report-slow-boot']],
    ['is reported once', since(5_001), true, []],
    ['is given up after a minute', since(60_001), true, ['fail-boot']],
    [
      'is reported before it is given up, where the loop was blocked',
      since(60_001),
      false,
      ['report-slow-boot', 'fail-boot'],
    ],
  ] as const)('%s', (_title, startedAt, isReported, steps) => {
    const one = child({ state: 'booting', boot: { startedAt, isReported } })
    expect(supervisionDue(one, NOW, true)).toEqual(steps)
  })
})

describe('a child with attempts', () => {
  it.each([
    [
      'keeps what it has not begun for a moment',
      { activeAt: since(20), attempts: { size: 3, begun: 1 } },
      [],
    ],
    [
      'returns what it has not begun when it is silent for longer',
      { activeAt: since(21), attempts: { size: 3, begun: 1 } },
      ['stalled'],
    ],
    [
      'may be silent for long when all have begun',
      { activeAt: since(90_000), attempts: { size: 1, begun: 1 } },
      [],
    ],
    ['has time to begin the first', { attempts: { size: 1, firstSince: since(2_000) } }, []],
    [
      'is given up when it does not begin the first, whatever it prints',
      { activeAt: NOW, attempts: { size: 1, firstSince: since(2_001) } },
      ['give-up'],
    ],
  ] as const)('%s', (_title, some, steps) => {
    expect(supervisionDue(child(some), NOW, false)).toEqual(steps)
  })
})

describe('a child that was given up', () => {
  const givenUp = (ms: number, size: number) =>
    child({
      state: 'retiring',
      attempts: { size, firstSince: since(9_000) },
      end: { unresponsiveAt: since(ms) },
    })
  it.each([
    ['has time to return its attempts', givenUp(1_000, 2), ['retire']],
    ['is killed when it has returned them', givenUp(1, 0), ['kill']],
    ['is killed when it does not return them in time', givenUp(1_001, 2), ['kill']],
  ] as const)('%s', (_title, one, steps) => {
    expect(supervisionDue(one, NOW, false)).toEqual(steps)
  })
})

describe('a child without attempts', () => {
  it.each([
    ['stays for a while', { activeAt: since(10_000) }, false, []],
    ['is retired when it has been idle for long', { activeAt: since(10_001) }, false, ['retire']],
    ['stays as the last one', { activeAt: since(90_000) }, true, []],
    ['is asked to end when it has to', { state: 'retiring' }, false, ['retire']],
    [
      'has time to end when it was asked to',
      { state: 'retiring', end: { retiredAt: since(1_000) } },
      false,
      [],
    ],
    [
      'is killed when it does not end by itself',
      { state: 'retiring', end: { retiredAt: since(1_001) } },
      false,
      ['kill'],
    ],
    ['is left alone when it was killed', { state: 'killed', activeAt: 0 }, false, []],
    ['is left alone when it has ended', { state: 'gone', activeAt: 0 }, false, []],
  ] as const)('%s', (_title, some, isLast, steps) => {
    expect(supervisionDue(child(some), NOW, isLast)).toEqual(steps)
  })
})

describe('the memory limit of a child is tight', () => {
  it.each([
    ['when its start takes four fifths', 1_000, 800, true],
    ['not below that', 1_000, 799, false],
    ['not without a limit', undefined, 1e12, false],
  ] as const)('%s', (_title, limit, used, isTight) => {
    expect(isMemoryTight(limit, used)).toBe(isTight)
  })
})
