import { ConfigError, parseRule, Rule, rule } from 'chancy'
import { describe, expect, it } from 'vitest'
import { parseRuleNode } from '../../../dist/core/rule/rule-node.js'
import { compileRule, finishedColumns } from '../../../dist/database/statements/rules.js'

const JOB = {
  queue: 'mail',
  name: 'send',
  state: 'succeeded',
  priority: 3,
  attempts: 1,
  createdAt: new Date('2026-01-01T00:00:00Z'),
  scheduledAt: null,
  finishedAt: new Date('2026-01-01T01:00:00Z'),
  meta: { tenant: 'acme', size: 5, none: null },
}
const AT = new Date('2026-01-01T03:00:00Z')

describe('a rule', () => {
  it('is data that a text holds and returns', () => {
    const given = rule.queue
      .eq('mail')
      .and(rule.age.gt('1h'), rule.createdAt.lt(AT))
      .or(rule.meta('tenant').in(['a', null]).not())
    const text = JSON.stringify(given)
    expect(JSON.parse(text)).toEqual({
      or: [
        {
          and: [
            { queue: { eq: 'mail' } },
            { age: { gt: '1h' } },
            { createdAt: { lt: '2026-01-01T03:00:00.000Z' } },
          ],
        },
        { not: { 'meta.tenant': { in: ['a', null] } } },
      ],
    })
    expect(parseRule(text)).toBeInstanceOf(Rule)
    expect(JSON.stringify(parseRule(text))).toBe(text)
    expect(JSON.stringify(parseRule(JSON.parse(text)))).toBe(text)
    expect(JSON.stringify(parseRule(given))).toBe(text)
  })

  it('makes one list of a chain of one word', () => {
    const chain = rule.queue.eq('a').and(rule.name.eq('b')).and(rule.priority.gt(1))
    expect((chain.toJSON() as { and: unknown[] }).and).toHaveLength(3)
  })

  it.each([
    [rule.queue.eq('mail'), true],
    [rule.queue.ne('mail'), false],
    [rule.queue.startsWith('ma'), true],
    [rule.meta('none').eq(null), true],
    [rule.meta('absent').eq(null), true],
    [rule.meta('absent').ne('x'), true],
    [rule.meta('absent').notIn(['x']), true],
    [rule.meta('absent').gt(1), false],
    [rule.meta('absent').gt(1).not(), true],
    [rule.meta('size').gte(5), true],
    [rule.meta('size').eq('5'), false],
    [rule.meta('toString').isNull(), true],
    [rule.age.gt('2h'), false],
    [rule.age.gte('2h'), true],
    [rule.waiting.isNull(), true],
    [rule.state.in(['failed', 'succeeded']), true],
  ])('compares a snapshot: %j', (given, expected) => {
    expect(given.matches(JOB, AT)).toBe(expected)
  })

  it('counts the waiting of a job from when it could run', () => {
    const waits = { ...JOB, state: 'pending', finishedAt: null }
    expect(rule.waiting.gte('3h').matches(waits, AT)).toBe(true)
    const later = { ...waits, scheduledAt: new Date('2026-01-01T02:00:00Z') }
    expect(rule.waiting.gte('3h').matches(later, AT)).toBe(false)
    expect(rule.waiting.gte('1h').matches(later, AT)).toBe(true)
    const notYet = { ...waits, scheduledAt: new Date('2026-01-02T00:00:00Z') }
    expect(rule.waiting.isNull().matches(notYet, AT)).toBe(true)
  })
})

describe('a rule from outside', () => {
  const deep = (levels: number): unknown =>
    levels === 0 ? { queue: { eq: 'a' } } : { not: deep(levels - 1) }

  it.each<[unknown, string]>([
    ['', 'expected a field'],
    ['queue 1', 'expected =, !='],
    ['{"queue"', 'expected JSON'],
    [null, 'expected an object with one key'],
    [[], 'expected an object with one key'],
    [{}, 'expected an object with one key'],
    [{ queue: { eq: 'a' }, name: { eq: 'b' } }, 'expected an object with one key'],
    [{ que: { eq: 'a' } }, 'Did you mean "queue"?'],
    [{ constructor: { eq: 'a' } }, 'unknown field "constructor"'],
    ['{"__proto__":{"eq":"a"}}', 'unknown field "__proto__"'],
    [{ meta: { eq: 'a' } }, 'unknown field "meta"'],
    [{ 'meta.': { eq: 'a' } }, 'key of meta'],
    [{ queue: { like: 'a' } }, 'rule.queue: operator'],
    [{ queue: { gt: 'a' } }, 'rule.queue: operator'],
    [{ queue: { eq: 1 } }, 'rule.queue.eq: expected text, got 1'],
    [{ queue: { eq: 'a\0' } }, 'NUL'],
    [{ queue: { eq: '\ud800' } }, 'lone surrogate'],
    [{ queue: { eq: 'a'.repeat(1_001) } }, 'at most 1000 bytes'],
    [{ queue: { in: [] } }, '1 to 1000 values'],
    [{ queue: { in: new Array(1_001).fill('a') } }, '1 to 1000 values'],
    [{ queue: { in: ['a', {}] } }, 'rule.queue.in[1]: expected text'],
    [{ state: { eq: 'done' } }, 'rule.state.eq: expected one of'],
    [{ priority: { gt: 1.5 } }, 'rule.priority.gt: expected a whole number'],
    [{ priority: { gt: null } }, 'rule.priority.gt: expected a whole number'],
    [{ age: { gt: '1 hour' } }, 'rule.age.gt: expected a duration'],
    [{ age: { eq: '1h' } }, 'rule.age: operator'],
    [{ createdAt: { lt: 'yesterday' } }, 'rule.createdAt.lt: expected a Date'],
    [{ createdAt: { lt: '2026-01-01' } }, 'rule.createdAt.lt: expected a Date'],
    [{ 'meta.a': { gt: Number.POSITIVE_INFINITY } }, 'rule.meta.a.gt: expected a finite number'],
    [{ 'meta.a': { isNull: 'yes' } }, 'expected true or false'],
    [{ and: [] }, 'rule.and: expected an array of rules'],
    [{ and: [{ queue: { eq: 'a' } }, { nme: { eq: 'b' } }] }, 'rule.and[1]: unknown field'],
    [deep(30), 'deep inside each other'],
    [{ or: new Array(101).fill({ queue: { eq: 'a' } }) }, 'at most 100 conditions'],
    [JSON.stringify({ queue: { in: new Array(900).fill('a'.repeat(100)) } }), '65536 bytes'],
    [`${'['.repeat(60_000)}`, 'expected JSON'],
  ])('is refused, and the error says where: %j', (given, message) => {
    expect(() => parseRule(given)).toThrow(ConfigError)
    expect(() => parseRule(given)).toThrow(message)
  })

  it('is refused where a builder is given what does not fit', () => {
    const wrong = rule.queue as unknown as Record<string, (value?: unknown) => Rule>
    expect(() => wrong.gt?.('a')).toThrow('rule.queue: operator')
    expect(() => wrong.eq?.()).toThrow('rule.queue.eq: expected text, got undefined')
    expect(() => rule.createdAt.lt(new Date(Number.NaN))).toThrow('expected a Date')
    expect(() => rule.queue.eq('a').and({} as Rule)).toThrow('expected a rule')
  })

  it('never becomes SQL: whatever it compares with is a parameter', () => {
    const EVIL = `x' OR 1=1; DROP TABLE jobs; --"\\ $1 :: {}`
    const given = parseRule(
      JSON.stringify({
        or: [
          ...['eq', 'ne', 'startsWith'].flatMap((op) => [
            { queue: { [op]: EVIL } },
            { 'meta.a': { [op]: EVIL } },
          ]),
          { name: { in: [EVIL, EVIL] } },
          { [`meta.${EVIL}`]: { in: [EVIL, 1, null] } },
          { [`meta.${EVIL}`]: { gt: 1 } },
        ],
      }),
    )
    const options = { first: 4, now: 'now()' }
    const { sql, values } = compileRule(
      parseRuleNode(given.toJSON()),
      finishedColumns('f'),
      options,
    )
    expect(sql).not.toMatch(/OR 1=1|DROP|--|x'/)
    // Texts in it are none but those of the file itself.
    expect(new Set(sql.match(/'[^']*'/g))).toEqual(
      new Set(["'null'", "'string'", "'number'", "'{}'"]),
    )
    const numbers = [...sql.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n))
    expect(new Set(numbers)).toEqual(new Set(values.map((_, n) => n + 4)))
    expect(values.filter((one) => String(one).includes('DROP')).length).toBeGreaterThan(8)
  })
})
