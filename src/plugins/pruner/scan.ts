import type { Rule } from '../../core/rule/rule.ts'
import { parseRuleNode, type RuleNode } from '../../core/rule/rule-node.ts'
import { leastAgeMs, queueOf, settledAgeMs } from './rule-bounds.ts'
import { type Day, type PageScan, pageScan, YOUNGEST_MINUTES } from './statements.ts'

const YOUNGEST_MS = YOUNGEST_MINUTES * 60_000

/** One way through the history, for all rules that go that way: each row is read once for them all. */
export interface Scan {
  readonly page: PageScan
  /** Whether a row of this day can fit by now. */
  isDue(day: Day): boolean
  /** Whether the day is over, and all its rows are so old that what fits now is all that ever will. */
  isFinal(day: Day): boolean
}

/** Rules for one queue go by the index of the queues, and all others along the whole day. */
export function scansOf(rules: readonly Rule[]): readonly Scan[] {
  const byQueue = new Map<string | null, RuleNode[]>()
  for (const node of rules.map((one) => parseRuleNode(one.toJSON()))) {
    const queue = queueOf(node)
    byQueue.set(queue, [...(byQueue.get(queue) ?? []), node])
  }
  return [...byQueue].map(([queue, nodes]) => {
    const all: RuleNode = { kind: 'or', of: nodes }
    const dueMs = Math.max(YOUNGEST_MS, leastAgeMs(all))
    const finalMs = Math.max(YOUNGEST_MS, settledAgeMs(all))
    return {
      page: pageScan(all, queue),
      isDue: (day) => day.from_ms <= day.now_ms - dueMs,
      isFinal: (day) => day.until_ms <= day.now_ms - finalMs,
    }
  })
}
