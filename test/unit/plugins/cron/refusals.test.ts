import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../../src/core/errors.ts'
import { timingOf } from '../../../../src/plugins/cron/timing.ts'

const now = new Date('2026-01-01T00:00:00Z')

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message
  }
  return 'was taken'
}

describe('an expression is refused with the reason', () => {
  it.each([
    ['0 0 0 1 1 * 2027', 'a seventh field, for years, is not supported; use startsAt and endsAt'],
    ['0 0 1 1', 'expected five fields'],
    ['', 'expected five fields'],
    ['2027-01-01T00:00:00', 'a date is no expression; push one job with withScheduledAt'],
    ['2027-01-01', 'a date is no expression'],
    ['12:30', 'a date is no expression'],
    ['5/15 * * * *', 'minute: "5/15" has a step without a range; write "5-59/15"'],
    ['0 0 * * 1/2', 'day of week: "1/2" has a step without a range; write "1-6/2"'],
    ['?/5 * * * *', 'write "*/5"'],
    ['50-10 * * * *', 'minute: the range "50-10" wraps; write "50-59,0-10"'],
    ['0 22-4 * * *', 'hour: the range "22-4" wraps; write "22-23,0-4"'],
    ['0 0 28-3 * *', 'day of month: the range "28-3" wraps; write "28-31,1-3"'],
    ['0 0 1 NOV-FEB *', 'month: the range "NOV-FEB" wraps; write "NOV-DEC,JAN-FEB"'],
    ['0 0 * * FRI-MON', 'day of week: the range "FRI-MON" wraps; write "FRI-SAT,SUN-MON"'],
    ['@reboot', '@reboot is no time; push the job where the program starts'],
    ['@every', 'expected one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
    ['@constructor', 'expected one of @yearly'],
    ['60 * * * *', 'minute: expected 0 to 59 in "60"'],
    ['0 24 * * *', 'hour: expected 0 to 23 in "24"'],
    ['0 0 0 * *', 'day of month: expected 1 to 31 in "0"'],
    ['0 0 1 13 *', 'month: expected 1 to 12 in "13"'],
    ['0 0 * * 8', 'day of week: expected 0 to 7 in "8"'],
    ['*/0 * * * *', 'minute: expected a step from 1 to 60 in "*/0"'],
    ['*/61 * * * *', 'minute: expected a step from 1 to 60 in "*/61"'],
    ['1,,2 * * * *', 'minute: one of its values is empty'],
    ['1.5 * * * *', 'minute: "1.5" is not known'],
    ['-5 * * * *', 'minute: "-5" is not known'],
    ['0 L * * *', 'hour: "L" is not known'],
    ['0 0 32W * *', 'day of month: "32W" is not known'],
    ['0 0 1-5W * *', 'day of month: "1-5W" is not known'],
    ['0 0 LW,1 * *', 'day of month: "LW" is not known'],
    ['0 0 * FEBRUARY *', 'month: "FEBRUARY" is not known'],
    ['0 0 * MON *', 'month: "MON" is not known'],
    ['0 0 * * JAN', 'day of week: "JAN" is not known'],
    ['0 0 * * L', 'day of week: "L" is not known'],
    ['0 0 * * 5#6', 'day of week: "5#6" is not known'],
    ['0 0 * * 1-5#2', 'day of week: "1-5#2" is not known'],
    ['0 0 * * +', 'day of week: one of its values is empty'],
    ['0 +1 * * *', 'hour: "+1" is not known'],
    ['٣ * * * *', 'minute: "٣" is not known'],
    [`${'0,'.repeat(600)}0 * * * *`, 'expected at most 1000 characters'],
  ])('%j', (cron, reason) => {
    expect(refusal(() => timingOf({ cron }, now))).toContain(reason)
  })

  it.each([
    ['0 0 31 2 *'],
    ['0 0 30 2 +MON'],
    ['0 0 31 4,6,9,11 *'],
    ['0 0 31W 2 *'],
    ['* * 30,31 FEB ?'],
  ])('%j never happens', (cron) => {
    const message = refusal(() => timingOf({ cron }, now))
    expect(message).toContain('no year has such a date')
    expect(message).toContain('never happens')
  })

  it.each([
    ['0 0 29 2 *'],
    ['0 0 29 2 +MON'],
    ['0 0 30 2 MON'],
    ['0 0 * 2 MON#5'],
    ['0 0 31W * *'],
    ['  0  0\t1 * *  '],
  ])('%j is taken', (cron) => {
    expect(timingOf({ cron }, now).next(now)).toBeInstanceOf(Date)
  })

  it.each([[5], [null], [undefined], [{}], [['* * * * *']], [10n]])('%o is no text', (cron) => {
    expect(refusal(() => timingOf({ cron } as never, now))).toMatch(
      /expected the text of a cron expression|expected either cron or every/,
    )
  })
})

describe('a zone is refused with the reason', () => {
  it.each(['+02:00', '-0330', 'UTC+2', 'GMT-3', 'utc+1'])('%s is an offset', (timeZone) => {
    expect(refusal(() => timingOf({ cron: '0 0 * * *', timeZone }, now))).toContain(
      'an offset knows no summer time; expected the IANA name of a zone such as "Europe/Berlin"',
    )
  })

  it.each(['Mars/Olympus', 'Europe/Berlín', 'local', 'Europe/Berlin ', '\0'])(
    '%j is unknown, which is found out before the first tick',
    (timeZone) => {
      expect(refusal(() => timingOf({ cron: '0 0 * * *', timeZone }, now))).toContain(
        'that this Node knows',
      )
    },
  )

  it.each(['', null, 5])('%j is no name', (timeZone) => {
    expect(refusal(() => timingOf({ cron: '0 0 * * *', timeZone } as never, now))).toContain(
      'IANA name',
    )
  })
})

describe('a timing is refused with the reason', () => {
  const start = new Date('2026-05-01T00:00:00Z')
  it.each([
    [{}, 'expected either cron or every, got neither'],
    [{ cron: '* * * * *', every: '1m' }, 'expected either cron or every, got both'],
    [{ every: '999ms' }, 'every: expected at least 1s'],
    [{ every: 'often' }, 'every: expected a duration'],
    [{ every: '1h', timeZone: 'Europe/Berlin' }, 'timeZone goes with cron only'],
    [{ every: '1h', startsAt: '2026-01-01' }, 'startsAt: expected a Date'],
    [{ every: '1h', endsAt: new Date(Number.NaN) }, 'endsAt: expected a Date'],
    [{ every: '1h', endsAt: new Date(8e15) }, 'endsAt: expected a Date of the years'],
    [{ every: '1h', startsAt: start, endsAt: start }, 'endsAt: expected an instant after startsAt'],
  ])('%o', (options, reason) => {
    expect(refusal(() => timingOf(options as never, now))).toContain(reason)
  })
})
