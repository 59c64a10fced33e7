import { textArray } from '../../database/array-literal.ts'
import { type SettingRow, settingsOf } from '../../database/statements/diagnosis-server.ts'
import { type Check, type Finding, ok, warning } from './check.ts'
import { listed } from './phrase.ts'
import { placeOf } from './setting-place.ts'

const NAME = 'TimeZone'

/** Times travel as instants, so the zone makes no difference but to SQL in which a time has none. */
export const timeZone: Check = {
  id: 'time-zone',
  title: 'time zone default',
  needsSchema: false,
  run: async ({ read }) => judgeTimeZones(await read(settingsOf, [textArray([NAME])])),
}

export function judgeTimeZones(rows: readonly SettingRow[]): Finding {
  const zones = new Set(rows.map(({ value }) => value))
  const [own] = rows
  if (zones.size <= 1) return ok(`${NAME} is ${own?.value}.`)
  const said = rows.map((row) => `${row.value} for ${placeOf(row)}`)
  return warning(
    `${NAME} differs: ${listed(said)}. A time without a zone in SQL, such as scheduled_at => '2027-01-01 08:00', is another instant for each.`,
    `Make them alike, such as ALTER DATABASE … SET ${NAME} = 'UTC' and ALTER ROLE … RESET ${NAME}; or write the zone with each time.`,
  )
}
