import { brandClass } from '../brand.ts'
import { inspect } from '../check.ts'
import { systemClock } from '../clock.ts'
import type { Duration } from '../duration.ts'
import { ConfigError } from '../errors.ts'
import type { JobState } from '../queued-job.ts'
import { deepFreeze } from './deep-freeze.ts'
import { matchesRule, type RuleSubject } from './rule-match.ts'
import { parseRuleNode, type RuleData, type RuleNode } from './rule-node.ts'
import { ruleDataOf } from './rule-text.ts'

/** The longest text of a rule. */
const MAX_TEXT_BYTES = 65_536

/**
 * Which jobs are meant, as data: `rule.queue.eq('mail').and(rule.age.gt('1h'))`. It holds no SQL.
 * `JSON.stringify` makes text of it, and `parseRule` makes it of the text.
 */
export class Rule {
  static {
    brandClass(Rule, 'Rule')
  }

  readonly #data: RuleData
  readonly #node: RuleNode

  /** @throws {ConfigError} */
  constructor(data: RuleData) {
    parseRuleNode(data)
    this.#data = deepFreeze(structuredClone(data))
    this.#node = parseRuleNode(this.#data)
  }

  /** True where this rule is, and each of the others. */
  and(...others: readonly Rule[]): Rule {
    return joined('and', [this, ...others])
  }

  /** True where this rule is, or one of the others. */
  or(...others: readonly Rule[]): Rule {
    return joined('or', [this, ...others])
  }

  /** True where this rule is not. */
  not(): Rule {
    return new Rule({ not: this.#data })
  }

  /**
   * Whether a snapshot of a job fits, as PostgreSQL would say.
   *
   * @param at For `age` and `waiting`. Default: now.
   */
  matches(job: RuleSubject, at: Date = new Date(systemClock.now())): boolean {
    return matchesRule(this.#node, job, at.getTime())
  }

  /** The rule as data, which `parseRule` takes. */
  toJSON(): RuleData {
    return this.#data
  }
}

/** A chain of the same word is one list: `a.and(b).and(c)` is three rules, and not two inside of each other. */
function joined(word: 'and' | 'or', rules: readonly Rule[]): Rule {
  const [first, ...others] = rules.map((one, n) => dataOf(one, `rule.${word}[${n}]`))
  const chain = first?.[word]
  const all = [...(Array.isArray(chain) ? (chain as unknown[]) : [first]), ...others]
  return all.length === 1 ? new Rule(first ?? {}) : new Rule({ [word]: all })
}

function dataOf(value: unknown, what: string): RuleData {
  if (value instanceof Rule) return value.toJSON()
  throw new ConfigError(
    `${what}: expected a rule, such as rule.queue.eq("mail"), got ${inspect(value)}.`,
  )
}

/**
 * The rule of a text, which is JSON or the short form `queue = mail and age > 7d`, or of the data of a JSON text. It may
 * come from outside: whatever it holds, it is compared as a value and never becomes SQL.
 *
 * @param given At most 64 KiB.
 * @throws {ConfigError} that says where it is no rule
 */
export function parseRule(given: unknown): Rule {
  if (given instanceof Rule) return new Rule(given.toJSON())
  if (typeof given !== 'string') return new Rule(given as RuleData)
  if (Buffer.byteLength(given) > MAX_TEXT_BYTES)
    throw new ConfigError(`rule: expected a text of at most ${MAX_TEXT_BYTES} bytes.`)
  return new Rule(/^\s*[[{]/.test(given) ? jsonOf(given) : ruleDataOf(given))
}

function jsonOf(text: string): RuleData {
  try {
    return JSON.parse(text) as RuleData
  } catch (cause) {
    throw new ConfigError(
      `rule: expected JSON, such as {"queue":{"eq":"mail"}}, or a text such as "queue = mail", got ${inspect(text)}.`,
      { cause },
    )
  }
}

interface Nullable {
  /** True of null. */
  isNull(): Rule
}

interface Equality<T> extends Nullable {
  /** `eq(null)` is true of null. */
  eq(value: T | null): Rule
  /** True of null too, unless it is `ne(null)`. */
  ne(value: T | null): Rule
  in(values: readonly (T | null)[]): Rule
  notIn(values: readonly (T | null)[]): Rule
}

interface Comparisons<T> extends Nullable {
  /** These are false of null. */
  gt(value: T): Rule
  gte(value: T): Rule
  lt(value: T): Rule
  lte(value: T): Rule
}

interface Prefix {
  startsWith(prefix: string): Rule
}

/** The fields of a job that rules compare. */
export interface RuleFields {
  readonly queue: Equality<string> & Prefix
  readonly name: Equality<string> & Prefix
  readonly state: Equality<JobState>
  readonly priority: Equality<number> & Comparisons<number>
  readonly attempts: Equality<number> & Comparisons<number>
  /** How long ago the job finished, or was pushed when it has not finished. */
  readonly age: Comparisons<Duration>
  /** For how long the job could have run and did not. Null: it has run, or its time has not come. */
  readonly waiting: Comparisons<Duration>
  readonly createdAt: Comparisons<Date>
  /** A value of the job's metadata. Null where the key is missing. Numbers alone are greater or less. */
  meta(key: string): Equality<string | number | boolean> & Comparisons<number> & Prefix
}

/** All tests that there are, as those of one field: what does not fit it is refused by the check. */
function testsOf<Tests>(field: string): Tests {
  const test = (op: string) => (value: unknown) =>
    new Rule({ [field]: { [op]: value instanceof Date ? isoOf(value) : value } })
  const all = {
    eq: test('eq'),
    ne: test('ne'),
    in: test('in'),
    notIn: test('notIn'),
    gt: test('gt'),
    gte: test('gte'),
    lt: test('lt'),
    lte: test('lte'),
    startsWith: test('startsWith'),
    isNull: () => test('isNull')(true),
  }
  return Object.freeze(all) as Tests
}

/** Not that of JSON, which is null for an invalid date. */
function isoOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString()
}

const fields: RuleFields = {
  queue: testsOf('queue'),
  name: testsOf('name'),
  state: testsOf('state'),
  priority: testsOf('priority'),
  attempts: testsOf('attempts'),
  age: testsOf('age'),
  waiting: testsOf('waiting'),
  createdAt: testsOf('createdAt'),
  meta: (key: string) => testsOf(`meta.${key}`),
}

/**
 * Where rules begin: `rule.queue.eq('mail')`, `rule.age.gt('1h')`, `rule.meta('tenant').in(['a', 'b'])`.
 * What a field cannot be compared by is refused when it is compiled, and when it is called.
 */
export const rule: RuleFields = Object.freeze(fields)
