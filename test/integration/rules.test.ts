import { parseRule, type Rule, rule } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { matchesRule, type RuleSubject } from '../../dist/core/rule/rule-match.js'
import { parseRuleNode } from '../../dist/core/rule/rule-node.js'
import {
  compileRule,
  finishedColumns,
  type RuleColumns,
  waitingColumns,
} from '../../dist/database/statements/rules.js'
import { testApplication } from '../support/application.ts'
import { type Chance, chance } from '../support/seed.ts'

const app = testApplication({ empties: false })

const NOW_MS = Date.parse('2026-03-29T01:30:00.250Z')
const NOW = `'${new Date(NOW_MS).toISOString()}'::timestamptz`
const [ROWS, RULES, TOGETHER] = [120, 500, 50]
const TABLES = ['jobs', 'finished_jobs'] as const
type Table = (typeof TABLES)[number]

/** What texts collide with: SQL, LIKE, JSON, arrays, other alphabets. */
const TEXTS = ['a', 'A', 'ab', '', 'ä', "o'b", '%', 'a_', '\\', '"', '{a,b}', '$1', 'NULL', '💌']
const NUMBERS = [-2147483648, -1, 0, 1, 2, 10, 2147483647]
const SCALARS: readonly (string | number | boolean)[] = [
  ...TEXTS,
  ...[true, false, 0, -1, 1.5, 1e21, 5, '5', 'null', 'true'],
]
const METAS: readonly unknown[] = [...SCALARS, null, {}, ['a']]
/** In milliseconds before now. */
const TIMES = [0, 1, 999, 1_000, 60_000, 3_600_000, 86_400_000]
const KEYS = ['k', 'a.b', "it's", '__proto__x']
const COMPARISONS = ['gt', 'gte', 'lt', 'lte'] as const

interface Given extends RuleSubject {
  readonly id: string
}

function subject(from: Chance, table: Table, n: number): Given {
  const at = (): Date => new Date(NOW_MS - from.pick(TIMES))
  const meta: Record<string, unknown> = {}
  for (const key of KEYS) if (from.next() < 0.6) meta[key] = from.pick(METAS)
  const isLive = table === 'jobs'
  return {
    id: `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    queue: from.pick(TEXTS),
    name: from.pick(TEXTS),
    state: from.pick(isLive ? ['pending', 'retrying'] : ['succeeded', 'failed', 'cancelled']),
    priority: from.pick(NUMBERS),
    attempts: from.pick([0, 1, 2, 10]),
    createdAt: at(),
    scheduledAt: from.pick([null, at(), new Date(NOW_MS + 5_000)]),
    dueAt: isLive ? from.pick([null, at(), new Date(NOW_MS + 1)]) : null,
    finishedAt: isLive ? null : at(),
    meta,
  }
}

function randomRule(from: Chance, depth = 0): Rule {
  const inner = (): Rule => randomRule(from, depth + 1)
  const kind = from.between(0, depth > 3 ? 0 : 5)
  if (kind === 1) return inner().and(inner())
  if (kind === 2) return inner().or(inner(), inner())
  if (kind === 3) return inner().not()
  return condition(from)
}

function condition(from: Chance): Rule {
  const of = <T>(values: readonly T[]): T | null => from.pick([null, from.pick(values)])
  const some = <T>(values: readonly T[]): (T | null)[] => [
    of(values),
    of(values),
    from.pick(values),
  ]
  const text = from.pick([rule.queue, rule.name])
  const number = from.pick([rule.priority, rule.attempts])
  const age = from.pick([rule.age, rule.waiting])
  const meta = rule.meta(from.pick([...KEYS, 'absent']))
  return from.pick<() => Rule>([
    () => text.eq(of(TEXTS)),
    () => text.ne(of(TEXTS)),
    () => text.in(some(TEXTS)),
    () => text.notIn(some(TEXTS)),
    () => text.startsWith(from.pick(TEXTS)),
    () => text.isNull(),
    () => rule.state.eq(of(['pending', 'failed', 'succeeded'] as const)),
    () => rule.state.notIn(['retrying', 'cancelled', null]),
    () => number.eq(of(NUMBERS)),
    () => number.notIn(some(NUMBERS)),
    () => number[from.pick(COMPARISONS)](from.pick(NUMBERS)),
    () => age[from.pick(COMPARISONS)](from.pick(TIMES)),
    () => age.isNull(),
    () => rule.createdAt[from.pick(COMPARISONS)](new Date(NOW_MS - from.pick(TIMES))),
    () => meta.eq(of(SCALARS)),
    () => meta.ne(of(SCALARS)),
    () => meta.in(some(SCALARS)),
    () => meta.notIn(some(SCALARS)),
    () => meta[from.pick(COMPARISONS)](from.pick([-1, 0, 1.5, 5, 1e21])),
    () => meta.startsWith(from.pick(TEXTS)),
    () => meta.isNull(),
  ])()
}

async function insert(table: Table, rows: readonly Given[]): Promise<void> {
  const own = table === 'jobs' ? ['run_at'] : ['finished_at', 'fence', 'crashes', 'format', 'args']
  const columns = [
    ...['id', 'queue', 'name', 'state', 'priority', 'attempts'],
    ...['created_at', 'scheduled_at', 'meta', ...own],
  ]
  const values = rows.map((row) => [
    ...[row.id, row.queue, row.name, row.state, row.priority, row.attempts],
    ...[row.createdAt, row.scheduledAt, JSON.stringify(row.meta)],
    ...(table === 'jobs' ? [row.dueAt] : [row.finishedAt, 1, 0, 1, '{}']),
  ])
  const tuple = (n: number) => columns.map((_, at) => `$${n * columns.length + at + 1}`)
  await app.sql(
    `INSERT INTO $${table} (${columns}) VALUES ${rows.map((_, n) => `(${tuple(n)})`)}`,
    values.flat(),
  )
}

/** The ids that PostgreSQL finds for each of the rules. */
async function found(table: Table, rules: readonly Rule[]): Promise<string[][]> {
  const columns: RuleColumns = (table === 'jobs' ? waitingColumns : finishedColumns)('r')
  const values: unknown[] = []
  const all = rules.map((one) => {
    const options = { first: values.length + 1, now: NOW }
    const compiled = compileRule(parseRuleNode(one.toJSON()), columns, options)
    values.push(...compiled.values)
    return compiled.sql
  })
  const rows = await app.sql<{ id: string; fits: boolean[] }>(
    `SELECT r.id::text AS id, ARRAY[${all.join(', ')}] AS fits FROM $${table} r ORDER BY r.id`,
    values,
  )
  expect(rows.flatMap(({ fits }) => fits)).not.toContain(null)
  return rules.map((_, n) => rows.filter(({ fits }) => fits[n]).map(({ id }) => id))
}

describe.each(TABLES)('rules over %s', (table) => {
  const from = chance(`rules over ${table}`)
  const rows = Array.from({ length: ROWS }, (_, n) => subject(from, table, n))

  beforeAll(async () => {
    const days = `CREATE TABLE ${app.schema}.finished_jobs_test PARTITION OF $finished_jobs DEFAULT`
    if (table === 'finished_jobs') await app.sql(days)
    await insert(table, rows)
  })

  it('are the same in SQL, in memory and after a round trip as JSON', async () => {
    let matched = 0
    for (let n = 0; n < RULES; n += TOGETHER) {
      const rules = Array.from({ length: TOGETHER }, () => randomRule(from))
      const inSql = await found(table, rules)
      for (const [index, one] of rules.entries()) {
        const text = JSON.stringify(one)
        expect(JSON.stringify(parseRule(text))).toBe(text)
        const node = parseRuleNode(JSON.parse(text))
        const ids = rows.filter((row) => matchesRule(node, row, NOW_MS)).map(({ id }) => id)
        expect(inSql[index], text).toEqual(ids)
        matched += ids.length
      }
    }
    // Neither all nor none.
    expect(matched).toBeGreaterThan(RULES)
    expect(matched).toBeLessThan(RULES * ROWS * 0.9)
  })
})

describe('a rule over rows that were written by hand', () => {
  beforeAll(() =>
    app.sql(
      `INSERT INTO $jobs (id, queue, name, meta, created_at, run_at)
       VALUES (gen_random_uuid(), 'hand', 'hand', '{"k": 1e400}', '-infinity', 'infinity'),
              (gen_random_uuid(), 'hand', 'hand', '[1, 2]', 'infinity', NULL)`,
    ),
  )

  it.each([
    [rule.meta('k').gt(5), 1],
    [rule.meta('k').lte(5), 0],
    [rule.meta('k').isNull(), 1],
    [rule.age.gt('1h'), 1],
    [rule.age.lt('1h'), 1],
    [rule.waiting.gt('1h'), 0],
    [rule.waiting.isNull(), 2],
    [rule.createdAt.gt(new Date(NOW_MS)), 1],
  ])('compares them and does not fail: %j', async (given, count) => {
    const [all] = await found('jobs', [rule.queue.eq('hand').and(given)])
    expect(all).toHaveLength(count)
  })
})
