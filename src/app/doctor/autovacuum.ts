import * as advice from '../../database/statements/advice.ts'
import * as sql from '../../database/statements/diagnosis-tables.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { counted, listed, spanOf } from './phrase.ts'

/** A table is starved when it has this many times the dead rows at which it is vacuumed, */
const TIMES_DUE = 5
/** and was not vacuumed for this many of the pauses in which each table is visited. */
const PAUSES = 10

export const autovacuum: Check = {
  id: 'autovacuum',
  title: 'autovacuum',
  needsSchema: true,
  async run({ read }) {
    const [settings] = await read(sql.vacuumSettings, [])
    if (settings === undefined) throw new Error('no answer')
    return judgeAutovacuum(settings, await read(sql.tableHealth, []))
  },
}

export function judgeAutovacuum(
  { autovacuum, track_counts, naptime_ms, running, workers }: sql.VacuumRow,
  tables: readonly sql.TableRow[],
): Finding {
  const without = [
    ...(autovacuum === 'off' ? ['autovacuum'] : []),
    ...(track_counts === 'off' ? ['track_counts'] : []),
  ]
  if (without.length > 0) {
    return error(
      `${listed(without)} is off on the server: dead rows stay, and every claim reads them.`,
      `${without.map((name) => `ALTER SYSTEM SET ${name} = on`).join('; ')}; ${advice.RELOAD}.`,
    )
  }
  const off = tables.filter((table) => table.off)
  if (off.length > 0) {
    return error(
      `It is off for ${listed(off.map(({ name }) => name))}.`,
      `${listed(off.map(({ full_name }) => `ALTER TABLE ${full_name} RESET (autovacuum_enabled)`))}.`,
    )
  }
  const starved = tables.filter(
    ({ dead, due, since_ms }) => dead > due * TIMES_DUE && since_ms > naptime_ms * PAUSES,
  )
  if (starved.length > 0) {
    const said = starved.map(
      ({ name, dead, since_ms }) =>
        `${name} (${counted(dead, 'dead row')}, not vacuumed for ${spanOf(since_ms)})`,
    )
    const isBusy = running >= workers
    return warning(
      `It does not get to ${listed(said)}${isBusy ? `, and all ${workers} workers of it are busy` : ''}.`,
      isBusy
        ? 'Raise autovacuum_max_workers and autovacuum_vacuum_cost_limit.'
        : `${listed(starved.map(({ full_name }) => `VACUUM ${full_name}`))}, and look in the log of the server for why autovacuum fails or is cancelled.`,
    )
  }
  return ok(`It is on, and ${counted(tables.length, 'table')} are vacuumed as they need.`)
}
