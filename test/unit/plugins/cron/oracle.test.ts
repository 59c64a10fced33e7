import { describe, expect, it } from 'vitest'
import { CronExpression } from '../../../../src/plugins/cron/expression.ts'
import { expectedTicks, offsetSpans } from '../../../support/cron/local-times.ts'
import { meanings } from '../../../support/cron/meanings.ts'
import { sized } from '../../../support/size.ts'

const DAY_MS = 86_400_000
const FROM = Date.parse('2024-01-01T00:00:00Z')
const TO = Date.parse('2026-01-01T00:00:00Z')

const zones = [
  'Europe/Berlin',
  'America/Havana', // midnight does not exist, or exists twice
  'America/Nuuk', // a gap that ends at midnight
  'America/Santiago', // south, at midnight
  'Australia/Lord_Howe', // south, half an hour
  'Pacific/Chatham', // south, quarters of an hour
  'Africa/Casablanca', // around Ramadan, backwards
  'Atlantic/Azores', // a repeated hour that ends at midnight
  'Antarctica/Troll', // two hours
]

/** With more times a day than this, only what is around the changes of the offset is compared. */
const DENSE = 4
const VERY_DENSE = 50

describe.each(sized(zones.slice(0, 5), zones))('the ticks of two years in %s', (timeZone) => {
  const spans = offsetSpans(timeZone, FROM - 3 * DAY_MS, TO + 3 * DAY_MS)

  it.each(Object.entries(meanings))('are those that "%s" means', (text, meaning) => {
    const expression = new CronExpression(text, timeZone, 'test')
    const count = meaning.times.length
    const reach = count > VERY_DENSE ? DAY_MS / 8 : DAY_MS
    const around = spans.slice(1).map(({ from }) => [from - reach, from + reach] as const)
    for (const [from, to] of count > DENSE ? around : [[FROM, TO] as const]) {
      const expected = expectedTicks(meaning, spans, from, to)
      expect(forward(expression, from, to).join()).toBe(expected.join())
    }
    for (const [from, to] of around) {
      const expected = expectedTicks(meaning, spans, from, to)
      const latest = expression.latest(expected.length, new Date(to), from)
      expect(latest.map(Number).join()).toBe(expected.join())
    }
  })
})

function forward(expression: CronExpression, from: number, to: number): number[] {
  const ticks: number[] = []
  let at = expression.next(new Date(from))
  while (at !== null && at.getTime() <= to) {
    ticks.push(at.getTime())
    at = expression.next(at)
  }
  return ticks
}
