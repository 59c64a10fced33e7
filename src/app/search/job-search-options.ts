import type { Clock } from '../../core/clock.ts'
import type { Hub } from '../../events/hub.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { StatementRunner } from '../statement-runner.ts'

/** What a search, and a change of a single job, works with. */
export interface JobSearchOptions {
  readonly statements: StatementRunner
  readonly hub: Hub
  readonly clock: Clock
  /** Makes jobs of groups ready, when one of them is gone. */
  readonly makeReady: (keys: readonly string[]) => Promise<void>
  readonly notifying: boolean
  /** Loaded at its first use. */
  readonly audit: () => Promise<AuditLog>
}
