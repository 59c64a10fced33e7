import type { SettingRow } from '../../database/statements/diagnosis-server.ts'
import { quoted } from './phrase.ts'

/** What a setting is set for. */
export function placeOf({ role, database }: SettingRow): string {
  if (role !== null) return `the role ${quoted(role)}`
  return database === null ? 'the present connection' : `the database ${quoted(database)}`
}
