import { type ActionOptions, parseActedBy } from '../core/action-options.ts'
import { didYouMean, inspect } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { ConfigError, PluginError } from '../core/errors.ts'
import { type Pushable, toJob } from '../core/job.ts'
import type { Logger, LogLevel } from '../core/logger.ts'
import { pushRow } from '../core/push-row.ts'
import type { Reference } from '../core/reference.ts'
import { storedJobOf } from '../core/stored-job.ts'
import type { Database } from '../database/database.ts'
import { asSession } from '../database/session.ts'
import { notifyInside } from '../database/statements/queues.ts'
import type { EventMap, EventName } from '../events/event-map.ts'
import type { Hub } from '../events/hub.ts'
import { checkListener } from '../events/listener.ts'
import {
  type Act,
  type Deed,
  PLUGIN_ACCESS,
  type PluginAccess,
} from '../plugin/access/plugin-access.ts'
import {
  ownSession,
  type PluginDatabase,
  pluginDatabase,
} from '../plugin/access/plugin-database.ts'
import { ELECTION_LOOP } from '../plugin/parts/leadership.ts'
import { CLEANUP_LOOP } from '../plugin/parts/part-shapes.ts'
import type { Plugin } from '../plugin/plugin.ts'
import { PLUGIN_LIST, type PluginLister } from '../plugin/plugin-list.ts'
import type { PluginSet } from '../plugin/plugin-set.ts'
import type { AuditLog, Act as Inside } from './audit/audit-log.ts'
import type { NotifyThrottle } from './push/notify-throttle.ts'

export interface PluginDoorOptions {
  readonly plugins: PluginSet
  readonly database: Database
  readonly hub: Hub
  readonly clock: Clock
  readonly log: Logger
  /** Null: no notifications at all. */
  readonly throttle: NotifyThrottle | null
  readonly push: <R, A>(job: Pushable<R, A>, options: unknown) => Promise<Reference<R>>
  /** Refuses when the application is closed, and makes errors of Chancy of those of the database. */
  readonly run: PluginAccess['run']
  readonly audit: () => Promise<AuditLog>
}

/** Lets the plugins of an application in: each by its name, to what the contract grants it. */
export class PluginDoor {
  readonly #options: PluginDoorOptions
  readonly #database: PluginDatabase
  readonly #accesses = new Map<string, PluginAccess>()

  constructor(options: PluginDoorOptions) {
    this.#options = options
    this.#database = pluginDatabase(options.database)
  }

  /** @throws {PluginError} `PLUGIN_MISSING` */
  pluginOf(name: string): Plugin {
    const { plugins } = this.#options
    const plugin = plugins.get(name)
    if (plugin !== null) return plugin
    const names = plugins.plugins.map((one) => one.name)
    const hint = didYouMean(String(name), names)
    throw new PluginError(
      'PLUGIN_MISSING',
      `This Chancy has no plugin ${inspect(name)}.${hint} Add ${String(name).split('.').at(-1)}() to its plugins.`,
      { details: { plugin: name, plugins: names } },
    )
  }

  /** @throws {PluginError} `PLUGIN_MISSING` */
  accessOf(name: string): PluginAccess {
    let access = this.#accesses.get(name)
    if (access === undefined) {
      access = this.#make(this.pluginOf(name))
      this.#accesses.set(name, access)
    }
    return access
  }

  #make(plugin: Plugin): PluginAccess {
    const { clock, log, plugins, push, run } = this.#options
    return Object.freeze({
      [PLUGIN_ACCESS]: (name: string) => this.accessOf(name),
      [PLUGIN_LIST]: plugins.plugins,
      database: this.#database,
      clock,
      log: tagged(log, plugin.name),
      push: (job, options) => push(job, options),
      encode: async (job) => storedJobOf(await pushRow(toJob(job), clock.now())),
      emit: (event, payload) => this.#emit(plugin, event, payload),
      on: (event, listener) => {
        checkListener(event, listener, this.#options.plugins.events)
        return this.#options.hub.on(event, listener)
      },
      act: (given, deed, work, options) => this.#act(given, deed, work, options?.session),
      wake: (loop, options) => this.#wake(plugin, loop, options?.session),
      run,
    } satisfies PluginAccess & PluginLister)
  }

  #emit<Name extends EventName>(plugin: Plugin, event: Name, payload: EventMap[Name]): void {
    if (plugin.events?.includes(event) !== true) {
      throw new ConfigError(
        `The plugin "${plugin.name}" emits the event ${inspect(event)}, which is not one of its events. Name it in "events".`,
      )
    }
    this.#options.hub.emit(event, payload)
  }

  async #act<T>(given: ActionOptions, deed: Deed, work: Act<T>, session: unknown): Promise<T> {
    const by = parseActedBy(given, deed.verb)
    const { database, run, audit } = this.#options
    if (by === null) {
      if (session !== undefined) return run(async () => (await work(session)).value)
      const transaction = database.driver.transaction.bind(database.driver)
      return run(async () => (await transaction((own) => work(ownSession(own)))).value)
    }
    const log = await audit()
    const inside: Inside<T> = (_, own) => work(ownSession(own))
    if (session === undefined) return log.act(by, deed, inside)
    return log.actInside(by, deed, asSession(session), inside)
  }

  async #wake(
    { name, loops = [], cleanup, lead }: Plugin,
    loop: string,
    session: unknown,
  ): Promise<void> {
    const known = loops.map((one) => one.name)
    if (cleanup !== undefined) known.push(CLEANUP_LOOP)
    if (lead !== undefined) known.push(ELECTION_LOOP)
    if (!known.includes(loop)) {
      throw new ConfigError(
        `The plugin "${name}" has no loop ${inspect(loop)}.${didYouMean(String(loop), known)}`,
      )
    }
    const { database, hub, throttle } = this.#options
    if (session === undefined) {
      hub.emit('plugin.woken', { plugin: name, loop })
      throttle?.announce('plugin.woken', `${name}/${loop}`)
    } else if (throttle !== null) {
      // Without an origin: this process is to act on it too, once the transaction has committed.
      const values = [database.names.channel, `plugin.woken ${name}/${loop}`] as const
      await database.run(notifyInside, values, { session: asSession(session), prepare: false })
    }
  }
}

function tagged(log: Logger, plugin: string): Logger {
  const line =
    (level: LogLevel) =>
    (fields: object, message?: string): void =>
      log[level]({ plugin, ...fields }, message)
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}
