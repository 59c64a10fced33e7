import { AUDIT_OUTCOMES } from '../../core/audit-entry.ts'
import { type Infer, integer, json, named, nullable, object, oneOf, text, time } from '../schema.ts'
import { page } from './page.ts'

export const actorShape = named('Actor', object({ id: text(), name: nullable(text()) }))
export type WireActor = Infer<typeof actorShape>

/** One action, done or refused. */
export const auditEntryShape = named(
  'AuditEntry',
  object({
    id: text(),
    at: time(),
    /** Null: nothing said who. */
    actor: nullable(actorShape),
    verb: text(),
    /** What it was done to, such as `job:0198…` or `queue:mail`. */
    target: nullable(text()),
    filter: nullable(text()),
    before: json(),
    after: json(),
    reason: nullable(text()),
    outcome: oneOf(AUDIT_OUTCOMES),
    /** Why it was refused, a code of an error. */
    code: nullable(text()),
    jobs: nullable(integer()),
    address: nullable(text()),
    requestId: nullable(text()),
    bulkId: nullable(text()),
  }),
)
export type WireAuditEntry = Infer<typeof auditEntryShape>
export const auditPageShape = named('AuditPage', page(auditEntryShape))
