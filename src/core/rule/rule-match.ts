import type { QueuedJobFields } from '../queued-job.ts'
import type { Comparison, RuleCondition, RuleNode, RuleScalar, RuleTest } from './rule-node.ts'

/** What a rule asks of a job: a snapshot has it. */
export interface RuleSubject
  extends Pick<
    QueuedJobFields<unknown>,
    'queue' | 'name' | 'priority' | 'attempts' | 'createdAt' | 'finishedAt' | 'meta'
  > {
  readonly state: string
  readonly scheduledAt?: Date | null
  /** Since when the job could run. Default: the later one of `createdAt` and `scheduledAt`. */
  readonly dueAt?: Date | null
}

/** Evaluates a rule as its SQL does (`database/statements/rules.ts`): each condition is true or false. */
export function matchesRule(node: RuleNode, job: RuleSubject, nowMs: number): boolean {
  switch (node.kind) {
    case 'and':
      return node.of.every((one) => matchesRule(one, job, nowMs))
    case 'or':
      return node.of.some((one) => matchesRule(one, job, nowMs))
    case 'not':
      return !matchesRule(node.of, job, nowMs)
    default:
      return passes(node.test, factOf(node, job, nowMs))
  }
}

/** Null for what is not there; of `age` and `waiting` in milliseconds. */
function factOf({ field, key }: RuleCondition, job: RuleSubject, nowMs: number): unknown {
  switch (field) {
    case 'age':
      return nowMs - (job.finishedAt ?? job.createdAt).getTime()
    case 'waiting':
      return waitingMs(job, nowMs)
    case 'createdAt':
      return job.createdAt.getTime()
    case 'meta':
      return Object.hasOwn(job.meta, key) ? (job.meta[key] ?? null) : null
    default:
      return job[field]
  }
}

function waitingMs({ state, createdAt, scheduledAt, dueAt }: RuleSubject, nowMs: number) {
  if (state !== 'pending' && state !== 'retrying') return null
  const dueMs = dueAt?.getTime() ?? Math.max(createdAt.getTime(), scheduledAt?.getTime() ?? 0)
  return dueMs <= nowMs ? nowMs - dueMs : null
}

function passes(test: RuleTest, value: unknown): boolean {
  switch (test.op) {
    case 'eq':
      return isSame(value, test.value)
    case 'ne':
      return !isSame(value, test.value)
    case 'in':
      return test.values.some((one) => isSame(value, one))
    case 'notIn':
      return !test.values.some((one) => isSame(value, one))
    case 'startsWith':
      return typeof value === 'string' && value.startsWith(test.value)
    case 'isNull':
      return (value === null) === test.value
    default:
      return typeof value === 'number' && compares(test.op, value, test.value)
  }
}

function isSame(value: unknown, wanted: RuleScalar): boolean {
  return value === wanted
}

function compares(op: Comparison, value: number, bound: number): boolean {
  if (op === 'gt') return value > bound
  if (op === 'gte') return value >= bound
  return op === 'lt' ? value < bound : value <= bound
}
