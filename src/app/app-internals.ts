import type { Clock } from '../core/clock.ts'
import type { JobSource } from '../core/job-source.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../database/database.ts'
import type { Hub } from '../events/hub.ts'
import type { PluginSet } from '../plugin/plugin-set.ts'
import type { BoundedWork } from './bounded-work.ts'
import type { BulkCarrier } from './bulk/bulk-carrier.ts'
import type { Hints } from './hints.ts'
import type { LocalClaimOffers } from './push/local-claim-offers.ts'
import type { NotifyThrottle } from './push/notify-throttle.ts'

/** What a worker builds on. Not for users. @internal */
export interface AppInternals {
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  /** Loads what the default logger writes with, so that each line is written immediately. */
  readonly prepareLog: () => Promise<void>
  readonly jobs: readonly JobSource[]
  readonly plugins: PluginSet
  readonly throttle: NotifyThrottle | null
  readonly hints: Hints
  readonly claimOffers: LocalClaimOffers
  readonly listen: () => Promise<void>
  /** Whether this process is notified of every job that becomes ready. */
  readonly notificationsLive: () => boolean
  /** Calls whose statements are bounded; loaded at its first use. */
  readonly boundedWork: () => Promise<BoundedWork>
  /** What carries on bulk actions; loaded at its first use. */
  readonly bulkCarrier: () => Promise<BulkCarrier>
  /** Refuses when it is closed, and makes errors of Chancy of those of the database. */
  readonly translatingErrors: <T>(work: () => Promise<T>) => Promise<T>
}
