import { checkInteger, checkOptions, checkText } from '../../core/check.ts'
import type { ConcurrencyGroup, GroupHolder, GroupPage } from '../../core/concurrency-group.ts'
import { MAX_KEY_BYTES } from '../../core/job-name.ts'
import {
  type GroupRow,
  type HolderRow,
  listGroups,
  readGroupCounts,
  readHolders,
} from '../../database/statements/group-pages.ts'
import type { StatementRunner } from '../statement-runner.ts'

/** How far blocked jobs are counted, and how many holders are shown. */
const [MAX_BLOCKED, MAX_HOLDERS, LISTED_HOLDERS] = [1_000, 100, 3]
/** Nothing lies between a key and the same with this behind it. */
const FIRST = '\u0001'
/** Greater than every key that begins with what is before it: PostgreSQL stores no larger code point. */
const LAST = '\u{10ffff}'

/** @throws {ConfigError} */
export async function readGroups(statements: StatementRunner, given: unknown): Promise<GroupPage> {
  const what = 'getGroups'
  const query = checkOptions(given, ['prefix', 'limit', 'cursor'], what)
  const text = (name: string): string =>
    query[name] === undefined
      ? ''
      : checkText(query[name], { what: `${what}: ${name}`, maxBytes: MAX_KEY_BYTES })
  const limit = checkInteger(query.limit ?? 50, `${what}: limit`, { min: 1, max: 200 })
  const [prefix, cursor] = [text('prefix'), text('cursor')]
  const from = cursor === '' ? prefix : `${cursor}${FIRST}`
  const values = [from, `${prefix}${LAST}`, MAX_BLOCKED, limit + 1, LISTED_HOLDERS] as const
  const rows = await statements.read(listGroups, values)
  const items = rows
    .slice(0, limit)
    .map((row) => groupOf(row, JSON.parse(row.holders) as HolderRow[]))
  return { items, next: rows.length > limit ? (items.at(-1)?.key ?? null) : null }
}

/** @throws {ConfigError} */
export async function readGroup(
  statements: StatementRunner,
  given: unknown,
): Promise<ConcurrencyGroup | null> {
  const key = checkText(given, { what: 'getGroup: key', maxBytes: MAX_KEY_BYTES })
  const [row] = await statements.read(readGroupCounts, [key, MAX_BLOCKED])
  if (row === undefined || row.max === null) return null
  const holders = await statements.read(readHolders, [key, MAX_HOLDERS])
  return groupOf({ ...row, key }, holders)
}

function holderOf(row: HolderRow): GroupHolder {
  const { id, name, queue, started_ms: startedMs, worker_id: workerId } = row
  return { ...{ id, name, queue, workerId }, startedAt: new Date(startedMs ?? 0) }
}

function groupOf(row: Omit<GroupRow, 'holders'>, holders: readonly HolderRow[]): ConcurrencyGroup {
  return {
    key: row.key,
    max: row.max,
    running: row.running,
    blocked: Math.min(row.blocked, MAX_BLOCKED),
    hasMore: row.blocked > MAX_BLOCKED,
    holders: holders.map(holderOf),
  }
}
