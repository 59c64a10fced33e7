import type { Value } from '../../database/driver.ts'
import { LOCK_NOT_AVAILABLE, sqlStateOf } from '../../database/sql-state.ts'
import type { Statement } from '../../database/statement.ts'
import type { PluginDatabase } from '../../plugin/access/plugin-database.ts'
import type { Pace } from '../../services/pace.ts'
import type { Scan } from './scan.ts'
import { type Day, limitStep, type Page, removeRows } from './statements.ts'

/** Rows that a step reads. */
const PAGE_ROWS = 10_000
/** How long a step waits for a lock, in milliseconds. */
const LOCK_MS = 200
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

export interface Counts {
  /** Rows that were compared with a rule. */
  read: number
  matched: number
  removed: number
}

export interface WalkOptions {
  readonly database: PluginDatabase
  readonly pace: Pace
  readonly signal: AbortSignal
  /** Rows that a transaction removes. */
  readonly batch: number
  /** How often a step is tried that does not get a lock. */
  readonly tries: number
  /** Counts and removes nothing. */
  readonly dryRun: boolean
}

/**
 * Walks through a day of the history by id and removes what fits. Adds to `counts`. Returns whether it came to the
 * end, and nothing that fits is left.
 */
export async function walkDay(
  day: Day,
  scan: Scan,
  counts: Counts,
  options: WalkOptions,
): Promise<boolean> {
  const { signal, batch, dryRun } = options
  let left = 0
  for (let after: string | null = BEFORE_ALL; after !== null; ) {
    if (signal.aborted) return false
    const values = scan.page.values(day, after, PAGE_ROWS)
    const page: Page = await step(options, scan.page.statement, values)
    counts.read += page.read
    counts.matched += page.matched
    for (const [ctids, ids] of dryRun ? [] : batchesOf(page, batch)) {
      if (signal.aborted) return false
      const removal = [day.from_ms, day.until_ms, ctids, ids] as const
      const { removed } = await step(options, removeRows, removal)
      counts.removed += removed
      left -= removed
    }
    left += page.matched
    after = page.read < PAGE_ROWS ? null : page.last_id
  }
  return left === 0
}

/** The rows of a page that fit, as array literals of at most `size` rows. */
function* batchesOf({ ctids, ids }: Page, size: number): Generator<[ctids: string, ids: string]> {
  const places = ctids?.match(/\(\d+,\d+\)/g) ?? []
  const names = ids?.match(/[\da-f-]{36}/g) ?? []
  for (let n = 0; n < places.length; n += size) {
    const some = places.slice(n, n + size).map((place) => `"${place}"`)
    yield [`{${some}}`, `{${names.slice(n, n + size)}}`]
  }
}

/** One statement in a transaction of its own, which is repeated when a lock is not had soon. */
async function step<Values extends readonly Value[], Row>(
  { database, pace, signal, tries }: WalkOptions,
  what: Statement<Values, Row>,
  values: Values,
): Promise<Row> {
  for (let left = tries - 1; ; left--) {
    try {
      return await pace.step(() =>
        database.driver.transaction(async (session) => {
          await database.run(limitStep, [String(LOCK_MS)], { session })
          const [row] = await database.run(what, values, { session })
          if (row === undefined) throw new TypeError('a count without a row')
          return row
        }),
      )
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || left === 0 || signal.aborted) throw error
    }
  }
}
