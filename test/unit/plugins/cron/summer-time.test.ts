import { describe, expect, it } from 'vitest'
import { preview } from '../../../../src/plugins/cron/preview.ts'

/** A zone, what happens there, and from where to where its ticks are shown. */
const transitions = [
  ['Europe/Berlin', '02:00 to 03:00 does not exist', '2026-03-28T12:00Z', '2026-03-30T12:00Z'],
  ['Europe/Berlin', '02:00 to 03:00 comes twice', '2026-10-24T12:00Z', '2026-10-26T12:00Z'],
  ['America/New_York', '02:00 to 03:00 does not exist', '2026-03-07T17:00Z', '2026-03-09T17:00Z'],
  ['America/New_York', '01:00 to 02:00 comes twice', '2026-10-31T17:00Z', '2026-11-02T17:00Z'],
  ['America/Havana', '00:00 to 01:00 does not exist', '2025-03-08T17:00Z', '2025-03-10T17:00Z'],
  ['America/Havana', '00:00 to 01:00 comes twice', '2025-11-01T17:00Z', '2025-11-03T17:00Z'],
  ['America/Santiago', '23:00 to 24:00 comes twice', '2025-04-05T12:00Z', '2025-04-07T12:00Z'],
  ['America/Santiago', '00:00 to 01:00 does not exist', '2025-09-06T12:00Z', '2025-09-08T12:00Z'],
  ['Australia/Lord_Howe', '01:30 to 02:00 comes twice', '2025-04-05T00:00Z', '2025-04-07T00:00Z'],
  [
    'Australia/Lord_Howe',
    '02:00 to 02:30 does not exist',
    '2025-10-04T00:00Z',
    '2025-10-06T00:00Z',
  ],
  ['Africa/Casablanca', '02:00 to 03:00 comes twice', '2025-02-22T12:00Z', '2025-02-24T12:00Z'],
  ['Africa/Casablanca', '02:00 to 03:00 does not exist', '2025-04-05T12:00Z', '2025-04-07T12:00Z'],
  ['America/Nuuk', '23:00 to 24:00 does not exist', '2024-03-29T12:00Z', '2024-04-01T12:00Z'],
  ['America/Nuuk', '23:00 to 24:00 comes twice', '2024-10-25T12:00Z', '2024-10-28T12:00Z'],
  ['Pacific/Apia', '30 December does not exist', '2011-12-29T12:00Z', '2011-12-31T20:00Z'],
  ['America/Toronto', '23:30 to 00:30 does not exist', '1919-03-30T12:00Z', '1919-04-01T12:00Z'],
] as const

const expressions = [
  '0 0 * * *',
  '30 0 * * *',
  '30 1 * * *',
  '15 2 * * *',
  '30 2,14 * * *',
  '45 1-2 * * *',
  '30 23 * * *',
  '0 12 30 * *',
  '30 */6 * * *',
  '*/30 0-2,23 * * *',
]

/** A note of the code under test with the offset, shortened: `02:30+01:00 (first of two 02:30)`. */
function ticksOf(cron: string, timeZone: string, from: string, to: string): string[] {
  const options = { cron, timeZone, endsAt: new Date(to) }
  return preview(options, { from: new Date(from), count: 100 }).map(({ local, offset, note }) => {
    const text = `${local.slice(8, 10)}. ${local.slice(11, 16)}${offset}`
    return note === undefined ? text : `${text} (${note})`
  })
}

describe('the ticks around summer time', () => {
  it('are those of the golden file', async () => {
    const sections = transitions.map(([timeZone, title, from, to]) =>
      [
        `# ${timeZone}, ${from.slice(0, 10)} to ${to.slice(0, 10)}: ${title}`,
        ...expressions.flatMap((cron) => [
          cron,
          ...ticksOf(cron, timeZone, from, to).map((tick) => `    ${tick}`),
        ]),
      ].join('\n'),
    )
    await expect(`${sections.join('\n\n')}\n`).toMatchFileSnapshot('summer-time.golden.txt')
  })
})
