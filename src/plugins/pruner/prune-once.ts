import type { Rule } from '../../core/rule/rule.ts'
import type { PluginAccess } from '../../plugin/access/plugin-access.ts'
import { Pace } from '../../services/pace.ts'
import { scansOf } from './scan.ts'
import { findDays } from './statements.ts'
import { type Counts, walkDay } from './walk.ts'

/** How many jobs fit a rule, and how many were removed. */
export interface Pruned {
  /** How many finished jobs fit the rule. */
  readonly matched: number
  /** How many of them were removed. */
  readonly removed: number
}

/** Rows a transaction. */
const BATCH = 1_000
/** How often a step is tried that does not get a lock; a pass of the loop leaves that to the next one. */
const TRIES = 5

/** Removes what fits the rule, day by day. */
export async function pruneOnce(
  access: PluginAccess,
  rule: Rule,
  dryRun: boolean,
): Promise<Pruned> {
  const { database, clock, run } = access
  const { signal } = new AbortController()
  const pace = new Pace({ clock, signal, rest: 1 })
  const counts: Counts = { read: 0, matched: 0, removed: 0 }
  const walk = { database, pace, signal, batch: BATCH, tries: TRIES, dryRun }
  await run(async () => {
    for (const day of await database.run(findDays, [])) {
      for (const scan of scansOf([rule])) {
        if (scan.isDue(day)) await walkDay(day, scan, counts, walk)
      }
    }
  })
  return { matched: counts.matched, removed: counts.removed }
}
