import { AUDIT_OUTCOMES, type AuditEntry } from '../../core/audit-entry.ts'
import { ChancyError } from '../../core/errors.ts'
import type { Call } from '../call.ts'
import type { Masks } from '../masks.ts'
import { type Route, route } from '../route.ts'
import { instant, oneOf, text } from '../schema.ts'
import { auditPageShape, type WireAuditEntry } from '../shapes/audit.ts'
import { iso } from './cut-json.ts'
import { limitOf, pageQuery } from './query.ts'

export const auditRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit',
    verb: 'audit.view',
    about: 'all-queues',
    summary: 'who did what to what, why, from where, and what came of it',
    query: {
      ...pageQuery,
      q: text({ maxBytes: 2_000, allowEmpty: true }),
      actor: text({ maxBytes: 200 }),
      verb: text({ maxBytes: 200 }),
      target: text({ maxBytes: 1_000 }),
      outcome: oneOf(AUDIT_OUTCOMES),
      bulkId: text({ maxBytes: 36 }),
      since: instant(),
      until: instant(),
    },
    answer: auditPageShape,
    work: (call) => {
      const { q = '', ...query } = call.query
      return readAudit(call, { ...termsOf(q), ...query })
    },
  }),
]

const KEYS: Readonly<Record<string, string>> = {
  actor: 'actor',
  verb: 'verb',
  target: 'target',
  outcome: 'outcome',
  bulk: 'bulkId',
}

/** A text such as `actor:ada verb:jobs.*`. @throws {ChancyError} `FILTER_INVALID` with `details.at` */
function termsOf(text: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { 0: term, index: at } of text.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)) {
    const [, key = '', value = ''] = /^([a-z]+):"?([^"]+)"?$/s.exec(term) ?? []
    const name = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined
    if (name === undefined || Object.hasOwn(found, name)) {
      throw new ChancyError(
        'FILTER_INVALID',
        `The filter of actions: expected ${Object.keys(KEYS).join(', ')} with a value, each once, as in "actor:ada", got ${JSON.stringify(term.slice(0, 80))}.`,
        { details: { at } },
      )
    }
    found[name] = value
  }
  return found
}

type AuditQuery = NonNullable<Parameters<Call['reads']['audit']['list']>[0]>

export async function readAudit(
  call: Call,
  query: { readonly limit?: number; readonly [name: string]: unknown },
) {
  const { reads, permit } = call
  const asked = { ...query, limit: limitOf(call, query.limit) } as AuditQuery
  const { items, next } = await reads.audit.list(asked)
  const shown = items.map((one) => entryJson(one, permit.masks))
  return { items: shown, next, complete: true, reached: null }
}

export function entryJson(entry: AuditEntry, masks: Masks): WireAuditEntry {
  const { id, at, actor, verb, target, filter, reason, outcome, code, jobs } = entry
  return {
    ...{ id, verb, target, filter, reason, outcome, code, jobs },
    at: iso(at),
    actor: actor === null ? null : { id: actor.id, name: actor.name ?? null },
    before: masked(entry.before, masks),
    after: masked(entry.after, masks),
    address: entry.address,
    requestId: entry.requestId,
    bulkId: entry.bulkId,
  }
}

/** Of an edited job, its args and meta are among what was and what is. */
function masked(value: unknown, masks: Masks): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value ?? null
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) =>
      name === 'args' || name === 'meta'
        ? [name, JSON.parse(masks.json(name, JSON.stringify(one ?? null)))]
        : [name, one],
    ),
  )
}
