import { textArray } from '../../database/array-literal.ts'
import { type SettingRow, settingsOf } from '../../database/statements/diagnosis-server.ts'
import { type Check, type Finding, ok, warning } from './check.ts'
import { listed } from './phrase.ts'
import { placeOf } from './setting-place.ts'

const NAME = 'default_transaction_isolation'
const WANTED = 'read committed'

export const isolation: Check = {
  id: 'isolation',
  title: 'isolation default',
  needsSchema: false,
  run: async ({ read }) => judgeIsolation(await read(settingsOf, [textArray([NAME])])),
}

export function judgeIsolation(rows: readonly SettingRow[]): Finding {
  const others = rows.filter(({ value }) => value.toLowerCase() !== WANTED)
  if (others.length === 0) return ok(`${NAME} is ${WANTED}.`)
  const said = others.map((row) => `"${row.value}" for ${placeOf(row)}`)
  return warning(
    `${NAME} is ${listed(said)}: each call of the engine costs a transaction block, and calls of functions in SQL are refused.`,
    `Reset it: ALTER ROLE … RESET ${NAME}, or ALTER DATABASE … RESET ${NAME}.`,
  )
}
