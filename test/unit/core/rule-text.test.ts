import { describe, expect, it } from 'vitest'
import { parseRule } from '../../../src/core/rule/rule.ts'

describe('The short text of a rule', () => {
  it.each([
    ['queue = mail', { queue: { eq: 'mail' } }],
    ['queue=mail', { queue: { eq: 'mail' } }],
    ["name != 'it''s'", { name: { ne: "it's" } }],
    ['name <> "a b"', { name: { ne: 'a b' } }],
    ['age > 7d AND waiting <= 5m', { and: [{ age: { gt: '7d' } }, { waiting: { lte: '5m' } }] }],
    [
      'queue = a or queue = b and attempts >= 3',
      { or: [{ queue: { eq: 'a' } }, { and: [{ queue: { eq: 'b' } }, { attempts: { gte: 3 } }] }] },
    ],
    [
      '(queue = a or queue = b) and not (state in (failed, cancelled))',
      {
        and: [
          { or: [{ queue: { eq: 'a' } }, { queue: { eq: 'b' } }] },
          { not: { state: { in: ['failed', 'cancelled'] } } },
        ],
      },
    ],
    ['name not in (tick, null)', { name: { notIn: ['tick', null] } }],
    ['meta.size > 5', { 'meta.size': { gt: 5 } }],
    ['meta.on = true', { 'meta.on': { eq: true } }],
    ["meta.on = 'true'", { 'meta.on': { eq: 'true' } }],
    ['"meta.a b" = 1', { 'meta.a b': { eq: 1 } }],
    ['meta.tenant is null', { 'meta.tenant': { isNull: true } }],
    ['meta.tenant is not null', { 'meta.tenant': { isNull: false } }],
    ['name starts with mail.', { name: { startsWith: 'mail.' } }],
    ['queue = 5', { queue: { eq: '5' } }],
    ['priority = -5', { priority: { eq: -5 } }],
    ['created > 2026-01-31', { createdAt: { gt: '2026-01-31T00:00:00Z' } }],
    ['queue = null', { queue: { eq: null } }],
    ['queue = メール', { queue: { eq: 'メール' } }],
  ])('%s is the rule that its JSON is', (text, json) => {
    expect(parseRule(text).toJSON()).toEqual(json)
    expect(parseRule(JSON.stringify(json)).toJSON()).toEqual(json)
  })

  it.each([
    ['', /expected a field.*got the end/],
    ['queue', /expected =, !=.*got the end/],
    ['queue = ', /expected a value, such|expected a value, got the end/],
    ['queue = mail age > 1h', /expected "and", "or" or the end, got "age > 1h"/],
    ['(queue = mail', /expected "\)", got the end/],
    ['queue ! mail', /"! mail" cannot be read/],
    ["queue = 'mail", /"'mail" cannot be read/],
    ['quue = mail', /unknown field "quue".*Did you mean "queue"/],
    ['age = 1h', /operator/],
    ['age > soon', /expected a duration/],
    ['queue in mail', /expected "\("/],
    ['not '.repeat(30), /20 deep/],
    [`${'('.repeat(30)}queue = a`, /20 deep/],
    ["queue = a'; drop table jobs", /cannot be read/],
  ])('%s is refused', (text, message) => {
    expect(() => parseRule(text)).toThrow(message)
  })
})
