import { textArray } from '../../database/array-literal.ts'
import { type SettingRow, settingsOf } from '../../database/statements/diagnosis-server.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { listed } from './phrase.ts'
import { placeOf } from './setting-place.ts'

const NAMES = ['synchronous_commit', 'fsync', 'full_page_writes']

export const durability: Check = {
  id: 'durability',
  title: 'synchronous_commit',
  needsSchema: false,
  run: async ({ read }) => judgeDurability(await read(settingsOf, [textArray(NAMES)])),
}

export function judgeDurability(rows: readonly SettingRow[]): Finding {
  const off = rows.filter(({ value }) => value === 'off')
  const unsafe = off.filter(({ name }) => name !== 'synchronous_commit')
  if (unsafe.length > 0) {
    return error(
      `${listed(unsafe.map(({ name }) => name))} is off: a crash of the machine can destroy the database.`,
      `Set it on in postgresql.conf: ${listed(unsafe.map(({ name }) => `${name} = on`))}.`,
    )
  }
  if (off.length > 0) {
    return warning(
      `synchronous_commit is off for ${listed(off.map(placeOf))}: a crash of the server loses jobs whose push was acknowledged, and outcomes, of the last moments.`,
      'Set it on, or reset it: ALTER ROLE … RESET synchronous_commit, or ALTER DATABASE … RESET synchronous_commit.',
    )
  }
  return ok(`synchronous_commit is ${rows.find(({ name }) => name === NAMES[0])?.value}.`)
}
