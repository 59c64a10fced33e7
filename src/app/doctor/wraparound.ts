import * as advice from '../../database/statements/advice.ts'
import { type VacuumRow, vacuumSettings } from '../../database/statements/diagnosis-tables.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'

/** Transaction ids last for two thousand million; PostgreSQL itself vacuums without a pause from 1,600 million on. */
const [LATE, TOO_LATE] = [1_200_000_000, 1_600_000_000]
/** A database may be older than `autovacuum_freeze_max_age` by this factor before it is a finding. */
const FACTOR = 2

export const wraparound: Check = {
  id: 'wraparound',
  title: 'transaction id wraparound',
  needsSchema: false,
  async run({ read }) {
    const [row] = await read(vacuumSettings, [])
    if (row === undefined) throw new Error('no answer')
    return judgeWraparound(row)
  },
}

export function judgeWraparound({
  xid_age,
  mxid_age,
  freeze_max_age,
}: Pick<VacuumRow, 'xid_age' | 'mxid_age' | 'freeze_max_age'>): Finding {
  const age = Math.max(xid_age, mxid_age)
  const said = `The oldest row of the database is ${million(age)} transactions old`
  const todo = `VACUUM (FREEZE) the tables of ${advice.OLDEST_TABLES}, and end what holds the horizon back.`
  if (age >= TOO_LATE) return error(`${said}: at 2,100 million PostgreSQL stops writing.`, todo)
  const limit = Math.min(LATE, Math.max(FACTOR * freeze_max_age, 400_000_000))
  return age >= limit
    ? warning(`${said}, and autovacuum freezes at ${million(freeze_max_age)}.`, todo)
    : ok(`${said}.`)
}

function million(count: number): string {
  if (count < 1_000_000) return 'less than a million'
  return `${Math.round(count / 1_000_000).toLocaleString('en')} million`
}
