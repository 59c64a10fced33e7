import type { Names } from '../../database/names.ts'
import { historyPartitions, type PartitionRow } from '../../database/statements/diagnosis-tables.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { counted, listed } from './phrase.ts'

const DAY_MS = 86_400_000
/** A worker creates seven days ahead each hour. */
const FEW_DAYS = 3
/** A migration creates today's and this many ahead. */
const MIGRATED_DAYS = 1

export const history: Check = {
  id: 'history',
  title: 'days of history',
  needsSchema: true,
  run: async ({ read, database }) =>
    judgeHistory(await read(historyPartitions, []), database.names),
}

export function judgeHistory(rows: readonly PartitionRow[], t: Names): Finding {
  const today = rows[0]?.today ?? ''
  const attached = new Set(rows.filter((row) => row.attached && !row.pending).map(({ day }) => day))
  const schema = 'A worker creates them: see that one runs, and that its role has all rights.'
  if (!attached.has(today)) {
    return error(`There is no partition for today, ${today}: no job can finish.`, schema)
  }
  let ahead = 0
  while (attached.has(dayAfter(today, ahead + 1))) ahead++
  if (ahead === 0) {
    return error(
      `There is no partition for tomorrow: from midnight UTC on no job can finish.`,
      schema,
    )
  }
  // No day has passed since the schema was migrated, and no worker has started since.
  const isNew = rows.every(({ day }) => day === null || day >= today)
  if (isNew && ahead === MIGRATED_DAYS)
    return ok('The schema is new. A worker creates partitions for 7 days ahead when it starts.')
  if (ahead < FEW_DAYS) {
    return warning(
      `There are partitions for ${counted(ahead, 'day')} ahead, where 7 should be.`,
      schema,
    )
  }
  const pending = rows.filter((row) => row.pending).map(nameOf)
  if (pending.length > 0) {
    return warning(
      `Half detached: ${listed(pending)}. A detach was interrupted.`,
      `A worker completes it within the hour. Without one: ${listed(pending.map((name) => `ALTER TABLE ${t.finishedJobs} DETACH PARTITION ${t.own(name)} FINALIZE`))}.`,
    )
  }
  const left = rows
    .filter((row) => row.day !== null && !row.attached && row.day < today)
    .map(nameOf)
  if (left.length > 0) {
    return warning(
      `Detached and not dropped: ${listed(left)}.`,
      `A worker drops them within the hour. Without one: ${listed(left.map((name) => `DROP TABLE ${t.own(name)}`))}.`,
    )
  }
  return ok(`There are partitions for ${counted(ahead, 'day')} ahead.`)
}

const nameOf = ({ day }: PartitionRow): string => `finished_jobs_${day}`

function dayAfter(day: string, days: number): string {
  const [year, month, date] = [day.slice(0, 4), day.slice(4, 6), day.slice(6, 8)].map(Number)
  const at = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, date) + days * DAY_MS)
  return at.toISOString().slice(0, 10).replaceAll('-', '')
}
