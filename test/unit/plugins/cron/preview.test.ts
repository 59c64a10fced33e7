import { describe, expect, it } from 'vitest'
import { preview } from '../../../../src/plugins/cron/preview.ts'

const shown = (cron: string, timeZone: string, from: string, count: number): string[] =>
  preview({ cron, timeZone }, { from: new Date(from), count }).map(({ local, offset, note }) =>
    `${local}${offset} ${note ?? ''}`.trim(),
  )

describe('preview', () => {
  it('says which time of a gap was moved', () => {
    expect(shown('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', 3)).toEqual([
      '2026-03-28T02:30:00+01:00',
      '2026-03-29T03:00:00+02:00 moved: 02:30 does not exist on 2026-03-29',
      '2026-03-30T02:30:00+02:00',
    ])
  })

  it('names up to three times of a gap, which are one tick', () => {
    expect(shown('0,20 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', 2)).toEqual([
      '2026-03-29T03:00:00+02:00 moved: 02:00, 02:20 do not exist on 2026-03-29',
      '2026-03-29T03:20:00+02:00',
    ])
    expect(shown('0-9 2 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', 1)).toEqual([
      '2026-03-29T03:00:00+02:00 moved: 02:00, 02:01, 02:02, … do not exist on 2026-03-29',
    ])
  })

  it('says of a time that exists twice which of the two it is', () => {
    expect(shown('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:00Z', 2)).toEqual([
      '2026-10-25T02:30:00+02:00 first of two 02:30',
      '2026-10-26T02:30:00+01:00',
    ])
    expect(shown('*/30 2 * * *', 'Europe/Berlin', '2026-10-25T00:00Z', 4)).toEqual([
      '2026-10-25T02:00:00+02:00 first of two 02:00',
      '2026-10-25T02:30:00+02:00 first of two 02:30',
      '2026-10-25T02:00:00+01:00 second of two 02:00',
      '2026-10-25T02:30:00+01:00 second of two 02:30',
    ])
  })

  it('shows every in UTC, from an interval after the start or from startsAt', () => {
    const from = new Date('2026-01-01T00:00:00Z')
    expect(preview({ every: '90s' }, { from, count: 2 })).toEqual([
      { at: new Date('2026-01-01T00:01:30Z'), local: '2026-01-01T00:01:30', offset: '+00:00' },
      { at: new Date('2026-01-01T00:03:00Z'), local: '2026-01-01T00:03:00', offset: '+00:00' },
    ])
    const [first] = preview({ every: '1h', startsAt: from }, { from, count: 1 })
    expect(first?.at).toEqual(from)
  })

  it('ends before endsAt', () => {
    const options = { cron: '0 0 * * *', endsAt: new Date('2026-01-03T00:00Z') }
    const ticks = preview(options, { from: new Date('2026-01-01T00:00Z') })
    expect(ticks.map(({ at }) => at.toISOString().slice(0, 10))).toEqual([
      '2026-01-01',
      '2026-01-02',
    ])
  })
})
