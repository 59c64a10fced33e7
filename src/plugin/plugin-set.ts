import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Outcome } from '../core/outcome.ts'
import type { PushRow } from '../core/push-row.ts'
import type { Migrations } from '../database/migrations/migration.ts'
import type { PluginAccess, PluginContext } from './access/plugin-access.ts'
import type { AttemptUpdate, RunningJob } from './hooks/attempt-update.ts'
import { HookCalls } from './hooks/hook-calls.ts'
import { checkedJob, checkedPush, checkedUpdate } from './hooks/hook-values.ts'
import { pushedJobOf, withPushedMeta } from './hooks/pushed-job.ts'
import type { SavedAttempt } from './hooks/saved-attempt.ts'
import type { Plugin } from './plugin.ts'
import { ownNamesOf } from './plugin-names.ts'
import { inOrder } from './plugin-order.ts'

/** How long `flush` is waited for, in milliseconds. */
const FLUSH_MS = 500

/**
 * The plugins of one application, in the order of their needs, folded into one. The flags say whether
 * any of them has a hook: a job pays nothing for one that no plugin has.
 */
export class PluginSet {
  readonly plugins: readonly Plugin[]
  readonly hasPush: boolean
  readonly hasBefore: boolean
  readonly hasAfter: boolean
  readonly hasSaved: boolean
  /** The events that the plugins own. */
  readonly events: readonly string[]
  /** The migrations of the plugins, in their order. */
  readonly lines: readonly Migrations[]
  /** The modules around the functions of jobs, the outermost first. */
  readonly around: readonly { plugin: string; module: string; options: unknown }[]
  readonly calls: HookCalls
  readonly #clock: Clock

  /**
   * @throws {ConfigError} when one is no plugin
   * @throws {PluginError} when a name is taken twice or a need is missing
   */
  constructor(given: readonly Plugin[], clock: Clock, log: Logger) {
    this.plugins = inOrder(given)
    this.hasPush = this.plugins.some((plugin) => plugin.onPush !== undefined)
    this.hasBefore = this.plugins.some((plugin) => plugin.beforeAttempt !== undefined)
    this.hasAfter = this.plugins.some((plugin) => plugin.afterAttempt !== undefined)
    this.hasSaved = this.plugins.some((plugin) => plugin.onSaved !== undefined)
    this.events = this.plugins.flatMap((plugin) => plugin.events ?? [])
    this.lines = this.plugins.flatMap(({ name, migrations }) =>
      migrations === undefined
        ? []
        : [{ line: name, steps: migrations, prefix: ownNamesOf(name).table }],
    )
    this.around = this.plugins.flatMap(({ name, around }) =>
      around === undefined
        ? []
        : [{ plugin: name, module: String(around.module), options: around.options ?? {} }],
    )
    this.calls = new HookCalls(clock, log)
    this.#clock = clock
  }

  get(name: string): Plugin | null {
    return this.plugins.find((plugin) => plugin.name === name) ?? null
  }

  onPush(given: PushRow): PushRow {
    let row = given
    for (const plugin of this.plugins) {
      if (plugin.onPush === undefined || this.#isIdle(plugin)) continue
      const job = pushedJobOf(row)
      const meta = this.calls.callSync(
        plugin,
        'onPush',
        () => plugin.onPush?.(job),
        (value) => checkedPush(value, job, plugin.name),
        job.meta,
      )
      if (meta !== job.meta) row = withPushedMeta(row, meta)
    }
    return row
  }

  async beforeAttempt(job: RunningJob): Promise<RunningJob> {
    let value = job
    for (const plugin of this.plugins) {
      if (plugin.beforeAttempt === undefined || this.#isIdle(plugin)) continue
      const before = value
      value = await this.calls.call(
        plugin,
        'beforeAttempt',
        () => plugin.beforeAttempt?.(before),
        (given) => checkedJob(given, before, plugin.name),
        before,
      )
    }
    return value
  }

  async afterAttempt(update: AttemptUpdate, outcome: Outcome): Promise<AttemptUpdate> {
    let value = update
    for (const plugin of this.plugins) {
      if (plugin.afterAttempt === undefined || this.#isIdle(plugin)) continue
      const before = value
      value = await this.calls.call(
        plugin,
        'afterAttempt',
        () => plugin.afterAttempt?.(before, outcome),
        (given) => checkedUpdate(given, before, plugin.name),
        before,
      )
    }
    return value
  }

  /** Calls all of them concurrently: none waits for another. Resolves when all have answered or are late. */
  async onSaved(
    saved: readonly SavedAttempt[],
    contextOf: (plugin: Plugin) => PluginContext,
  ): Promise<void> {
    const calls = this.plugins
      .filter((plugin) => plugin.onSaved !== undefined && !this.#isIdle(plugin))
      .map((plugin) =>
        this.calls.call(
          plugin,
          'onSaved',
          () => plugin.onSaved?.(saved, contextOf(plugin)),
          () => undefined,
          undefined,
        ),
      )
    await Promise.all(calls)
  }

  #isIdle(plugin: Plugin): boolean {
    if (plugin.isIdle === undefined) return false
    try {
      return plugin.isIdle() === true
    } catch (error) {
      this.calls.failed(plugin.name, 'isIdle', error)
      return false
    }
  }

  /** Calls all of them concurrently. Resolves when all have answered, or half a second later. */
  async flush(accessOf: (plugin: Plugin) => PluginAccess): Promise<void> {
    const flushing = this.plugins.filter((plugin) => plugin.flush !== undefined)
    if (flushing.length === 0) return
    const calls = flushing.map((plugin) =>
      this.calls.call(
        plugin,
        'flush',
        () => plugin.flush?.(accessOf(plugin)),
        () => undefined,
        undefined,
      ),
    )
    const over = new AbortController()
    await Promise.race([Promise.all(calls), this.#clock.sleep(FLUSH_MS, over.signal)])
    over.abort()
  }
}
