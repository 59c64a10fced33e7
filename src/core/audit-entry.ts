import type { Actor } from './action-options.ts'

/** It changed something, had nothing to change, or was refused. */
export const AUDIT_OUTCOMES = ['done', 'unchanged', 'refused'] as const
/** What came of an action. */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number]

/** One action, as the audit log has it. */
export interface AuditEntry {
  /** UUID of version 7. */
  readonly id: string
  readonly at: Date
  /** Null: the call did not say. */
  readonly actor: Actor | null
  /** Such as `jobs.cancel` or `queues.pause`. */
  readonly verb: string
  /** Such as `job:<id>`, `queue:mail` or `schedule:nightly`. Null: several, see `filter`. */
  readonly target: string | null
  /** The filter of a bulk action as it was frozen. */
  readonly filter: string | null
  /** What the action changed, as it was; null where nothing was. */
  readonly before: unknown
  /** What the action changed, as it is since; null where nothing is. */
  readonly after: unknown
  readonly reason: string | null
  readonly outcome: AuditOutcome
  /** Why it was refused, a code of an error. Null: it was not. */
  readonly code: string | null
  /** How many jobs it changed. Null: it is not about jobs, or they are changed later. */
  readonly jobs: number | null
  readonly address: string | null
  readonly requestId: string | null
  /** The bulk action that it is about. */
  readonly bulkId: string | null
}

/** Which entries `audit.list` returns: those that fit all that is given. */
export interface AuditQuery {
  /** The id of the actor. */
  readonly actor?: string | undefined
  /** A verb, or all of a subject as `jobs.*`. */
  readonly verb?: string | undefined
  readonly target?: string | undefined
  readonly outcome?: AuditOutcome | undefined
  readonly bulkId?: string | undefined
  /** At or after this. */
  readonly since?: Date | undefined
  /** Before this. */
  readonly until?: Date | undefined
  /** 1 to 1,000. Default: 50. */
  readonly limit?: number | undefined
  /** `next` of the page before. Default: the first page. */
  readonly cursor?: string | undefined
}

/** A page of entries, the newest first. */
export interface AuditPage {
  readonly items: readonly AuditEntry[]
  /** The cursor of the next page; null: there is none. */
  readonly next: string | null
}
