import type { RuleCondition, RuleNode, RuleScalar, RuleTest } from '../../core/rule/rule-node.ts'
import { textArray } from '../array-literal.ts'
import type { Value } from '../driver.ts'

/** What the fields of a rule are in one table: expressions over a row of it. `now` is an expression too. */
export interface RuleColumns {
  readonly queue: string
  readonly name: string
  readonly state: string
  readonly priority: string
  readonly attempts: string
  readonly createdAt: string
  readonly meta: string
  /** Since when `age` counts. */
  readonly since: string
  /** Since when the job can run, or null. */
  readonly due: (now: string) => string
}

const columnsOf = (row: string) => ({
  queue: `${row}.queue`,
  // In `jobs` it has a type of its own, for which PostgreSQL may prefer another operator than that of texts.
  name: `${row}.name::text`,
  state: `${row}.state`,
  priority: `${row}.priority::float8`,
  attempts: `${row}.attempts::float8`,
  createdAt: `${row}.created_at`,
  meta: `${row}.meta`,
})

/** Of a row of `finished_jobs`. */
export const finishedColumns = (row: string): RuleColumns => ({
  ...columnsOf(row),
  since: `${row}.finished_at`,
  due: () => 'NULL::timestamptz',
})

/** Since when a job of `jobs` can run as far as its time is concerned; whether it waits is another question. */
export const dueTime = (row: string): string =>
  `coalesce(${row}.run_at, greatest(${row}.created_at, ${row}.scheduled_at))`

/** Of a row of `jobs` that waits. */
export const waitingColumns = (row: string): RuleColumns => ({
  ...columnsOf(row),
  since: `${row}.created_at`,
  due: (now) => `CASE WHEN ${dueTime(row)} <= ${now} THEN ${dueTime(row)} END`,
})

export interface CompiledRule {
  /** Is never null. All that is in it stands in this file, but the numbers of the parameters. */
  readonly sql: string
  readonly values: readonly Value[]
}

const SIGNS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const
/** The age is greater where the time is earlier. */
const TURNED = { gt: '<', gte: '<=', lt: '>', lte: '>=' } as const

/**
 * The condition of a rule, and the values of its parameters, the first of which is `$<first>`. The one place
 * where rules become SQL; `core/rule/rule-match.ts` evaluates them in memory, and says the same.
 *
 * @param now An expression: the time that `age` and `waiting` are compared with.
 */
export function compileRule(
  node: RuleNode,
  columns: RuleColumns,
  { first, now }: { readonly first: number; readonly now: string },
): CompiledRule {
  const values: Value[] = []
  const parameter = (value: Value): string => `$${first - 1 + values.push(value)}`
  const sqlOf = (one: RuleNode): string => {
    if (one.kind === 'not') return `(NOT ${sqlOf(one.of)})`
    if (one.kind === 'condition') return conditionOf(one, columns, now, parameter)
    return `(${one.of.map(sqlOf).join(one.kind === 'and' ? ' AND ' : ' OR ')})`
  }
  const sql = sqlOf(node)
  return { sql, values }
}

type Parameter = (value: Value) => string

function conditionOf(
  { field, key, test }: RuleCondition,
  columns: RuleColumns,
  now: string,
  parameter: Parameter,
): string {
  switch (field) {
    case 'meta': {
      const value = `nullif(${columns.meta} -> ${parameter(key)}::text, 'null'::jsonb)`
      return metaTest(value, test, parameter)
    }
    case 'age':
      return timeTest(columns.since, test, now, parameter)
    case 'waiting':
      return timeTest(columns.due(now), test, now, parameter)
    case 'createdAt':
      return timeTest(columns.createdAt, test, null, parameter)
    case 'priority':
    case 'attempts':
      return plainTest(columns[field], test, 'float8', parameter)
    default:
      return plainTest(columns[field], test, 'text', parameter)
  }
}

/** Of a text or a number. */
function plainTest(
  column: string,
  test: RuleTest,
  type: 'text' | 'float8',
  parameter: Parameter,
): string {
  switch (test.op) {
    case 'startsWith':
      return isTrue(`pg_catalog.starts_with(${column}, ${parameter(test.value)}::text)`)
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return isTrue(`${column} ${SIGNS[test.op]} ${parameter(test.value)}::${type}`)
    default:
      return equality(column, test, {
        one: (value) => `${parameter(value)}::${type}`,
        many: (list) => arrayOf(list.map(String), type, parameter),
      })
  }
}

/** Of a value of JSON: numbers alone are greater or less, and texts alone begin with a text. */
function metaTest(value: string, test: RuleTest, parameter: Parameter): string {
  const only = (type: string, sql: string): string =>
    isTrue(`CASE WHEN pg_catalog.jsonb_typeof(${value}) = '${type}'::text THEN ${sql} END`)
  switch (test.op) {
    case 'startsWith': {
      const text = `${value} #>> '{}'::text[]`
      return only('string', `pg_catalog.starts_with(${text}, ${parameter(test.value)}::text)`)
    }
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      // Compared as JSON, and not as float8, which a number of JSON may overflow.
      const bound = `${parameter(JSON.stringify(test.value))}::text::jsonb`
      return only('number', `${value} ${SIGNS[test.op]} ${bound}`)
    }
    default:
      return equality(value, test, {
        one: (one) => `${parameter(JSON.stringify(one))}::text::jsonb`,
        many: (list) =>
          arrayOf(
            list.map((one) => JSON.stringify(one)),
            'jsonb',
            parameter,
          ),
      })
  }
}

/**
 * Of a time. A row that was written by hand may have an infinite one, from which nothing can be subtracted
 * before PostgreSQL 17: so an age is compared as the time that it began.
 *
 * @param now Null: the value is a time, in milliseconds since the epoch. Otherwise an age.
 */
function timeTest(
  column: string,
  test: RuleTest,
  now: string | null,
  parameter: Parameter,
): string {
  switch (test.op) {
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      const seconds = `${parameter(test.value)}::float8 / 1000::float8`
      return now === null
        ? isTrue(`${column} ${SIGNS[test.op]} pg_catalog.to_timestamp(${seconds})`)
        : isTrue(
            `${column} ${TURNED[test.op]} ${now} - pg_catalog.make_interval(secs => ${seconds})`,
          )
    }
    default:
      return equality(column, test, { one: unexpected, many: unexpected })
  }
}

/** No time is compared by equality: the check of a rule refuses it. */
function unexpected(): never {
  throw new TypeError('a rule that was not checked')
}

interface Operands {
  readonly one: (value: string | number | boolean) => string
  readonly many: (list: readonly (string | number | boolean)[]) => string
}

function equality(column: string, test: RuleTest, operands: Operands): string {
  switch (test.op) {
    case 'isNull':
      return `(${column} IS ${test.value ? '' : 'NOT '}NULL)`
    case 'eq':
    case 'ne':
      return negatedIf(test.op === 'ne', oneOf(column, [test.value], operands))
    case 'in':
    case 'notIn':
      return negatedIf(test.op === 'notIn', oneOf(column, test.values, operands))
    default:
      return unexpected()
  }
}

function oneOf(column: string, wanted: readonly RuleScalar[], { one, many }: Operands): string {
  const values = wanted.filter((value) => value !== null)
  const parts: string[] = []
  const [only] = values
  if (only !== undefined)
    parts.push(isTrue(`${column} = ${values.length === 1 ? one(only) : `ANY (${many(values)})`}`))
  if (values.length < wanted.length) parts.push(`(${column} IS NULL)`)
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(' OR ')})`
}

function negatedIf(isNegated: boolean, sql: string): string {
  return isNegated ? `(NOT ${sql})` : sql
}

/** By a subquery, which is evaluated once: the cast alone would read the text again for each row. */
function arrayOf(values: readonly string[], type: string, parameter: Parameter): string {
  return `(SELECT ${parameter(textArray(values))}::text::${type}[])::${type}[]`
}

/** A comparison with null is false, so that its negation is true. */
function isTrue(sql: string): string {
  return `((${sql}) IS TRUE)`
}
