import { ACTION_OPTIONS } from '../../core/action-options.ts'
import {
  AUDIT_OUTCOMES,
  type AuditEntry,
  type AuditOutcome,
  type AuditPage,
} from '../../core/audit-entry.ts'
import { checkInteger, checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { isId } from '../../core/reference.ts'
import { type AuditRow, listAudit, listAuditOf } from '../../database/statements/audit.ts'
import type { StatementRunner } from '../statement-runner.ts'
import type { Acted } from './audit-log.ts'

const QUERY = [
  ...['actor', 'verb', 'target', 'outcome', 'bulkId', 'since', 'until'],
  ...['limit', 'cursor'],
]
const RECORD = ['verb', 'target', 'outcome', 'code', 'before', 'after', 'jobs', ...ACTION_OPTIONS]
const [MAX_TEXT_BYTES, MAX_TARGET_BYTES] = [200, 1_000]

/** @throws {ConfigError} */
export async function listEntries(statements: StatementRunner, given: unknown): Promise<AuditPage> {
  const what = 'audit.list'
  const query = checkOptions(given, QUERY, what)
  const text = (name: string, maxBytes = MAX_TEXT_BYTES): string | null =>
    query[name] === undefined
      ? null
      : checkText(query[name], { what: `${what}: ${name}`, maxBytes })
  const { outcome, limit: wanted } = query
  const limit = checkInteger(wanted ?? 50, `${what}: limit`, { min: 1, max: 1_000 })
  const verb = text('verb')
  const target = text('target', MAX_TARGET_BYTES)
  const rows = await statements.read(target === null ? listAudit : listAuditOf, [
    idOf(query.cursor, `${what}: cursor`),
    text('actor'),
    verb === null ? null : pattern(verb),
    target,
    outcome === undefined ? null : checkOneOf(outcome, AUDIT_OUTCOMES, `${what}: outcome`),
    idOf(query.bulkId, `${what}: bulkId`),
    timeOf(query.since, `${what}: since`),
    timeOf(query.until, `${what}: until`),
    limit + 1,
  ])
  const items = rows.slice(0, limit).map(entryOf)
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

/** @throws {ConfigError} */
export function checkRecord(
  given: unknown,
): Acted<null> & { readonly verb: string; readonly target: string | null } {
  const what = 'audit.record'
  const { verb, target, outcome, code, before, after, jobs } = checkOptions(given, RECORD, what)
  const max = Number.MAX_SAFE_INTEGER
  return {
    value: null,
    verb: checkText(verb, { what: `${what}: verb`, maxBytes: MAX_TEXT_BYTES }),
    target:
      target === undefined
        ? null
        : checkText(target, { what: `${what}: target`, maxBytes: MAX_TARGET_BYTES }),
    outcome: checkOneOf(outcome ?? 'done', AUDIT_OUTCOMES, `${what}: outcome`),
    ...(code === undefined
      ? {}
      : { code: checkText(code, { what: `${what}: code`, maxBytes: MAX_TEXT_BYTES }) }),
    before,
    after,
    ...(jobs === undefined ? {} : { jobs: checkInteger(jobs, `${what}: jobs`, { min: 0, max }) }),
  }
}

function entryOf(row: AuditRow): AuditEntry {
  const json = (text: string | null): unknown => (text === null ? null : JSON.parse(text))
  return {
    id: row.id,
    at: new Date(row.at_ms),
    actor: json(row.actor) as AuditEntry['actor'],
    verb: row.verb,
    target: row.target,
    filter: row.filter,
    before: json(row.before),
    after: json(row.after),
    reason: row.reason,
    outcome: row.outcome as AuditOutcome,
    code: row.code,
    jobs: row.jobs,
    address: row.address,
    requestId: row.request_id,
    bulkId: row.bulk_id,
  }
}

/** `jobs.*` is all that begins so. */
function pattern(verb: string): string {
  const plain = verb.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)
  return plain.endsWith('*') ? `${plain.slice(0, -1)}%` : plain
}

function idOf(given: unknown, what: string): string | null {
  if (given === undefined) return null
  if (isId(given)) return given.toLowerCase()
  throw new ConfigError(`${what}: expected the id of an entry, a UUID, got ${inspect(given)}.`)
}

function timeOf(given: unknown, what: string): number | null {
  if (given === undefined) return null
  if (given instanceof Date && !Number.isNaN(given.getTime())) return given.getTime()
  throw new ConfigError(`${what}: expected a Date, got ${inspect(given)}.`)
}
