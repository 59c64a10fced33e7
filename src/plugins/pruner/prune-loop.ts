import type { Rule } from '../../core/rule/rule.ts'
import { loggedError } from '../../database/logged-error.ts'
import { classify } from '../../database/retry.ts'
import { LOCK_NOT_AVAILABLE, sqlStateOf } from '../../database/sql-state.ts'
import type { PassContext } from '../../plugin/access/plugin-access.ts'
import type { PluginLoop } from '../../plugin/parts/plugin-loop.ts'
import { Pace } from '../../services/pace.ts'
import { type Scan, scansOf } from './scan.ts'
import { type Day, findDays } from './statements.ts'
import { type Counts, walkDay } from './walk.ts'

export interface PruneLoopOptions {
  readonly rules: readonly Rule[]
  readonly everyMs: number
  readonly batch: number
}

/** A pass begins after this many times what the former one took: reading the present day is not free. */
const REST = 4

/** Removes by the rules, in the worker that leads: the oldest day first. */
export function pruneLoop({ rules, everyMs, batch }: PruneLoopOptions): PluginLoop {
  const scans = scansOf(rules)
  /** Days with nothing more to remove, for each scan. */
  let done = new Set<string>()
  return {
    name: 'prune',
    on: 'leader',
    pass: async (context) => {
      const { clock, database, signal, log } = context
      const startedAt = clock.monotonic()
      const pace = new Pace({ clock, signal })
      const counts: Counts = { read: 0, matched: 0, removed: 0 }
      const still = new Set<string>()
      const failures: unknown[] = []
      for (const [day, scan, key] of waysThrough(await database.run(findDays, []), scans)) {
        if (signal.aborted) break
        if (done.has(key)) {
          still.add(key)
          continue
        }
        if (!scan.isDue(day)) continue
        try {
          const walk = { database, pace, signal, batch, tries: 1, dryRun: false }
          const isClear = await walkDay(day, scan, counts, walk)
          if (isClear && scan.isFinal(day)) still.add(key)
        } catch (error) {
          // A day that is being detached; the next pass finds out. What is wrong with one day stops no other.
          if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) continue
          if (signal.aborted || classify(error) !== 'caller') throw error
          failures.push(error)
          log.warn({ ...loggedError(error), day: day.day }, 'history of a day was not pruned')
        }
      }
      done = still
      report(context, counts, clock.monotonic() - startedAt)
      if (failures.length > 0) throw failures[0]
      return Math.max(everyMs, pace.busyMs * REST)
    },
  }
}

function* waysThrough(
  days: readonly Day[],
  scans: readonly Scan[],
): Generator<readonly [Day, Scan, string]> {
  for (const day of days) {
    for (const [n, scan] of scans.entries()) yield [day, scan, `${day.day}/${n}`]
  }
}

function report({ emit, log }: PassContext, counts: Counts, elapsedMs: number): void {
  if (counts.removed > 0) log.info({ ...counts }, 'history pruned')
  emit('pruner.pruned', { ...counts, elapsedMs })
}
