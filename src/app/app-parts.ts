import { systemClock } from '../core/clock.ts'
import type { Pushable } from '../core/job.ts'
import { safeLogger } from '../core/logger.ts'
import type { MakeRow } from '../core/push-row.ts'
import type { QueuedJob } from '../core/queued-job.ts'
import type { Reference } from '../core/reference.ts'
import { plainArray } from '../database/array-literal.ts'
import { Database } from '../database/database.ts'
import type { Driver } from '../database/driver.ts'
import { driverFrom } from '../database/driver-from.ts'
import { namesOf } from '../database/names.ts'
import { Notifier } from '../database/notifier.ts'
import { queuedJob } from '../database/rows.ts'
import { getJobs } from '../database/statements/queued-jobs.ts'
import { Hub } from '../events/hub.ts'
import { PluginSet } from '../plugin/plugin-set.ts'
import type { AppInternals } from './app-internals.ts'
import type { AuditLog } from './audit/audit-log.ts'
import type { BulkCarrier } from './bulk/bulk-carrier.ts'
import type { BulkStore } from './bulk/bulk-store.ts'
import { lazyLogger, loadDefaultLogger } from './default-logger.ts'
import type { DurableActions } from './durable/durable-actions.ts'
import { Hints } from './hints.ts'
import { JobActions } from './job-actions.ts'
import { NotificationSender } from './notification-sender.ts'
import type { Settings } from './options.ts'
import { PluginDoor } from './plugin-door.ts'
import { LocalClaimOffers } from './push/local-claim-offers.ts'
import { NotifyThrottle } from './push/notify-throttle.ts'
import { Producer, rowMaker } from './push/producer.ts'
import { Queues } from './queues.ts'
import { awaitedJobs, Waiter } from './read/waiter.ts'
import { SchemaVersions } from './schema-versions.ts'
import type { JobSearch } from './search/job-search.ts'
import { StatementRunner } from './statement-runner.ts'
import { LazyWorkflows } from './workflows/lazy-workflows.ts'

/** What an application is made of. */
export interface AppParts {
  readonly driver: Driver
  readonly database: Database
  readonly hub: Hub
  readonly plugins: PluginSet
  readonly makeRow: MakeRow
  readonly statements: StatementRunner
  readonly schema: SchemaVersions
  readonly queues: Queues
  readonly producer: Producer
  readonly actions: JobActions
  /** Loaded at its first use. */
  readonly audit: () => Promise<AuditLog>
  /** Loaded at its first use. */
  readonly bulk: () => Promise<BulkStore>
  readonly waiter: Waiter<QueuedJob>
  readonly workflows: LazyWorkflows
  /** Loaded at its first use. */
  readonly durable: () => Promise<DurableActions>
  /** Loaded at its first use. */
  readonly search: () => Promise<JobSearch>
  readonly door: PluginDoor
  readonly sender: NotificationSender
  /** Null: no notifications at all. */
  readonly throttle: NotifyThrottle | null
  /** Null: nothing is listened to. */
  readonly notifier: Notifier | null
  /** Whether an option says that there is a pooler; it may be detected later. */
  readonly isPoolerNamed: boolean
  readonly internals: AppInternals
}

export interface AssembleOptions {
  readonly database: string | Driver
  readonly settings: Settings
  /** Refuses a schema that is not of this release. */
  readonly checkMigrations: () => Promise<void>
  /** Refuses when the application is being closed. */
  readonly checkOpen: () => void
  /** Refuses when the database was released: what a close still sends is let through. */
  readonly checkReleased: () => void
  readonly push: <R, A>(job: Pushable<R, A>, options: unknown) => Promise<Reference<R>>
}

/** Makes the parts of an application. Nothing is connected yet. @throws {ConfigError} for a wrong DSN */
export function assembleApp(options: AssembleOptions): AppParts {
  const { settings, checkMigrations, checkOpen, checkReleased, push } = options
  const names = namesOf(settings.schema)
  const { clock } = settings
  const log = safeLogger(settings.logger ?? lazyLogger())
  const driver = driverFrom(options.database, {
    clock,
    ...(settings.pooler === null ? {} : { pooler: settings.pooler }),
  })
  const database = new Database(driver, names, { clock, prepare: settings.pooler === null })
  const hub = new Hub((name, error) => log.error({ err: error, event: name }, 'a listener failed'))
  const sender = new NotificationSender(database, hub)
  const plugins = new PluginSet(settings.plugins, clock, log)
  // What these two bound is the load of the server, which knows no time of a test.
  const throttle = settings.notifications
    ? new NotifyThrottle(systemClock, (payload) => sender.post(payload))
    : null
  const hints = new Hints(hub, systemClock, throttle)
  const makeRow = rowMaker(plugins, clock)
  const deadlineMs = settings.pushDeadlineMs
  const claimOffers = new LocalClaimOffers()
  const statements = new StatementRunner({
    database,
    deadlineMs,
    checkMigrations,
    checkOpen: checkReleased,
  })
  const translatingErrors = async <T>(work: () => Promise<T>): Promise<T> => {
    checkOpen()
    return statements.translatingErrors(work)
  }
  let loaded: Promise<AuditLog> | null = null
  const audit = (): Promise<AuditLog> => {
    loaded ??= import('./audit/audit-log.ts').then(({ AuditLog: Log }) => new Log(statements, hub))
    return loaded
  }
  const actions = new JobActions({ statements, hub, throttle, audit })
  const canListen = settings.notifications && settings.pooler === null
  const notifier = canListen ? new Notifier(driver, names.channel, clock, hints) : null
  const door = new PluginDoor({
    ...{ plugins, database, hub, clock, log, throttle, push },
    ...{ run: translatingErrors, audit },
  })
  const producer = new Producer({
    ...{ database, hub, clock, makeRow, throttle, claimOffers, deadlineMs },
    translateError: (error) => statements.translateError(error),
  })
  let durable: Promise<DurableActions> | null = null
  const loadDurable = async (): Promise<DurableActions> => {
    const { DurableActions: Actions } = await import('./durable/durable-actions.ts')
    return new Actions({
      ...{ statements, database, hub, clock, makeRow, notifying: throttle !== null },
      push: async (row, session) =>
        (await producer.push(row, session === undefined ? undefined : { session })).id,
    })
  }
  let search: Promise<JobSearch> | null = null
  const loadSearch = async (): Promise<JobSearch> => {
    const { JobSearch: Search } = await import('./search/job-search.ts')
    return new Search({
      ...{ statements, hub, clock, notifying: throttle !== null, audit },
      makeReady: (keys) => actions.makeReady(keys),
    })
  }
  const searching = (): Promise<JobSearch> => {
    search ??= loadSearch()
    return search
  }
  let carrier: Promise<BulkCarrier> | null = null
  const bulkCarrier = (): Promise<BulkCarrier> => {
    carrier ??= import('./bulk/bulk-carrier.ts').then(
      ({ BulkCarrier: Carrier }) =>
        new Carrier({
          ...{ database, hub, notifying: throttle !== null, search: searching },
          followers: actions,
        }),
    )
    return carrier
  }
  return {
    ...{ driver, database, hub, plugins, makeRow, statements, door, sender, throttle, notifier },
    isPoolerNamed: database.isPooled,
    schema: new SchemaVersions(database, statements, plugins.lines, () => door),
    queues: new Queues({
      ...{ statements, log, audit },
      onChange: async (queue) => {
        hub.emit('queue.changed', { queue })
        const payload = throttle?.payload('queue.changed', queue)
        if (payload !== undefined) await sender.send(payload)
      },
    }),
    ...{ producer, actions, audit },
    bulk: async () => {
      const { BulkStore: Store } = await import('./bulk/bulk-store.ts')
      const getMany = async (ids: readonly string[]): Promise<QueuedJob[]> =>
        (await statements.read(getJobs, [plainArray([...ids])])).map(queuedJob)
      return new Store({ statements, hub, audit, search: searching, getJobs: getMany })
    },
    waiter: new Waiter(awaitedJobs(statements), statements, hub, clock, notifier !== null),
    workflows: new LazyWorkflows({
      ...{ database, hub, plugins, statements, throttle, deadlineMs, checkOpen },
      ...{ makeRow, producer },
      makeReady: (keys) => actions.makeReady(keys),
      audit,
      canListen: notifier !== null,
    }),
    durable: () => {
      checkOpen()
      durable ??= loadDurable()
      return durable
    },
    search: searching,
    internals: {
      ...{ database, hub, clock, log, plugins, throttle, hints, claimOffers, translatingErrors },
      prepareLog: async () => {
        if (settings.logger === null) await loadDefaultLogger()
      },
      jobs: settings.jobs,
      listen: async () => notifier?.start(),
      notificationsLive: () => notifier?.isListening ?? false,
      bulkCarrier,
      boundedWork: async () => {
        const { BoundedWork } = await import('./bounded-work.ts')
        return new BoundedWork(database, statements)
      },
    },
  }
}
