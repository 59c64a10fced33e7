import { type ActionOptions, parseActedBy } from '../../core/action-options.ts'
import type { AuditOutcome, AuditPage, AuditQuery } from '../../core/audit-entry.ts'
import type { StatementRunner } from '../statement-runner.ts'
import type { AuditLog, Deed } from './audit-log.ts'

/** What `audit.record` writes down. */
export interface AuditRecord extends ActionOptions {
  /** Such as `orders.refund`, 1 to 200 bytes. */
  readonly verb: string
  /** Up to 1,000 bytes. Default: none. */
  readonly target?: string | undefined
  /** Default: `'done'`. */
  readonly outcome?: AuditOutcome | undefined
  /** Why it was refused, a code. Default: none. */
  readonly code?: string | undefined
  /** Plain data. Default: none. */
  readonly before?: unknown
  /** Plain data. Default: none. */
  readonly after?: unknown
  /** How many jobs it is about. Default: none. */
  readonly jobs?: number | undefined
}

/** The audit log: who did what to what, why, and what came of it. */
export class Audit {
  readonly #statements: StatementRunner
  readonly #log: () => Promise<AuditLog>

  /** @internal */
  constructor(statements: StatementRunner, log: () => Promise<AuditLog>) {
    this.#statements = statements
    this.#log = log
  }

  /**
   * A page of entries, the newest first.
   *
   * @throws {ConfigError}
   */
  async list(query?: AuditQuery): Promise<AuditPage> {
    const { listEntries } = await import('./audit-page.ts')
    return listEntries(this.#statements, query)
  }

  /**
   * Writes down what the application did, or refused, itself: such as a request without the right to act.
   *
   * @throws {ConfigError}
   */
  async record(record: AuditRecord): Promise<void> {
    const { checkRecord } = await import('./audit-page.ts')
    const { verb, target, ...result } = checkRecord(record)
    const by = parseActedBy(record, 'audit.record') ?? NO_ONE
    await (await this.#log()).record(by, { verb, target } satisfies Deed, result)
  }
}

const NO_ONE = { actor: null, reason: null, address: null, requestId: null }
