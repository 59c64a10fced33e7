import type { RuleNode } from '../../core/rule/rule-node.ts'

/** The youngest age that a row can have which fits, in milliseconds: days that are younger need no scan. */
export function leastAgeMs(node: RuleNode): number {
  switch (node.kind) {
    case 'and':
      return Math.max(...node.of.map(leastAgeMs))
    case 'or':
      return Math.min(...node.of.map(leastAgeMs))
    case 'not':
      return 0
    default: {
      const { field, test } = node
      return field === 'age' && (test.op === 'gt' || test.op === 'gte') ? test.value : 0
    }
  }
}

/**
 * The age from which on a row fits for ever or never, in milliseconds, since nothing else of a finished job
 * changes: after it, one scan of a day is enough.
 */
export function settledAgeMs(node: RuleNode): number {
  switch (node.kind) {
    case 'and':
    case 'or':
      return Math.max(...node.of.map(settledAgeMs))
    case 'not':
      return settledAgeMs(node.of)
    default: {
      const { field, test } = node
      const isBound = field === 'age' && 'value' in test && typeof test.value === 'number'
      return isBound ? (test.value as number) : 0
    }
  }
}

/** The one queue whose rows can fit, or null: the history has an index by queue. */
export function queueOf(node: RuleNode): string | null {
  if (node.kind === 'and') {
    for (const one of node.of) {
      const queue = queueOf(one)
      if (queue !== null) return queue
    }
    return null
  }
  if (node.kind !== 'condition' || node.field !== 'queue') return null
  const { test } = node
  return test.op === 'eq' && typeof test.value === 'string' ? test.value : null
}
