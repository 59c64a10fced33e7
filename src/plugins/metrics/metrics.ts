import { checkOptions, checkText, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { AllQueueCounts } from '../../core/queue-counts.ts'
import { loggedError } from '../../database/logged-error.ts'
import { isConnectionLoss } from '../../database/sql-state.ts'
import { type PluginHost, pluginAccess } from '../../plugin/access/plugin-access.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { PassContext, Plugin, PluginAccess } from '../../plugin/index.ts'
import { pluginsOf } from '../../plugin/plugin-list.ts'
import { commandsOf } from './commands.ts'
import type { Gauges } from './gauges.ts'
import type { Levels } from './levels.ts'
import { first } from './migrations/0001.ts'
import { METRICS } from './plugin-name.ts'
import type { MeasurementPoint, MetricsPoint, MetricsQuery, RangeOptions } from './points.ts'
import type { QueueRate } from './queue-rates.ts'
import { Recorder } from './recorder.ts'
import { metricsRights } from './rights.ts'
import { type MetricsOptions, parseSettings, type Settings } from './settings.ts'
import { addInside } from './statements/writing.ts'
import { Tally } from './tally.ts'

export type { Gauges, QueueGauges, TableGauges } from './gauges.ts'
export type {
  MeasurementPoint,
  MetricsPoint,
  MetricsQuery,
  RangeOptions,
  Spread,
} from './points.ts'
export type { QueueRate } from './queue-rates.ts'
export type { MetricsOptions } from './settings.ts'

/** By the plugin: what it was made with. */
const settingsOf = new WeakMap<Plugin, Settings>()
/** By the database of an application: what this process counts of it, and what it counts of the tables. */
const recorders = new WeakMap<object, Recorder>()
const levelsOf = new WeakMap<object, Levels>()
const MAX_NAME_BYTES = 200

/**
 * Counts attempts with their times, and jobs that wait, in the database. There by default.
 *
 * @throws {ConfigError}
 */
export function metrics(options?: MetricsOptions): Plugin {
  const settings = parseSettings(options)
  const recorderOf = (access: PluginAccess): Recorder => recorderFor(access, settings)
  const plugin: Plugin = definePlugin({
    name: METRICS,
    migrations: [first],
    rights: metricsRights,
    commands: commandsOf(settings.steps),
    onSaved: (saved, context) => {
      const tally = recorderOf(context).of(context.workerId)
      for (const one of saved) tally.add(one)
    },
    flush: (access) => recorders.get(access.database)?.flush(),
    cleanup: async (context, limit) => {
      const { cleanUp } = await import('./roll-up.ts')
      return cleanUp(context, settings, limit)
    },
    loops: [
      {
        name: 'flush',
        on: 'worker',
        pass: async (context) => {
          await flushed(context, recorderOf(context))
          return settings.flushMs
        },
      },
      {
        name: 'roll-up',
        on: 'leader',
        pass: async (context) => {
          const { rollUpPass } = await import('./roll-up.ts')
          return rollUpPass(context, settings)
        },
      },
      {
        name: 'levels',
        on: 'leader',
        pass: async (context) => {
          const { Levels } = await import('./levels.ts')
          const levels = levelsOf.get(context.database) ?? new Levels()
          levelsOf.set(context.database, levels)
          return levels.pass(context)
        },
      },
    ],
  })
  settingsOf.set(plugin, settings)
  return plugin
}

/**
 * Attempts that ended, with their times, by a step of time. A step in which none ended has no point.
 *
 * @throws {ConfigError} for a range or a step that cannot be read
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function getMetrics(
  chancy: PluginHost,
  query?: MetricsQuery,
): Promise<MetricsPoint[]> {
  const access = pluginAccess(chancy, METRICS)
  const { pointsOf } = await import('./points.ts')
  return pointsOf(access, query, settingsIn(chancy).steps)
}

/**
 * What waits and runs in each queue, workers, the leader, tables and the oldest transaction, each with its age.
 * Costs a row a queue, however many jobs there are.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function getGauges(chancy: PluginHost): Promise<Gauges> {
  const access = pluginAccess(chancy, METRICS)
  const { gaugesOf } = await import('./gauges.ts')
  return gaugesOf(access)
}

/**
 * The same of the queues alone, by what their jobs wait for.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function getQueueCounts(chancy: PluginHost): Promise<AllQueueCounts> {
  const access = pluginAccess(chancy, METRICS)
  const { countsOf } = await import('./queue-counts.ts')
  return countsOf(access)
}

/**
 * How many attempts ended in each queue in the last minute that all processes have written, which ended 10 to 20
 * seconds ago. A queue in which none ended has no row. Costs the same however many jobs there are.
 *
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function getQueueRates(chancy: PluginHost): Promise<QueueRate[]> {
  const access = pluginAccess(chancy, METRICS)
  const { ratesOf } = await import('./queue-rates.ts')
  return ratesOf(access, settingsIn(chancy))
}

/**
 * Adds to a counter of the application. Counted in memory and written with the next flush, or, with `session`,
 * written in that transaction.
 *
 * @param name 1 to 200 bytes
 * @param by zero or more
 * @throws {ConfigError}
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export function increment(
  chancy: PluginHost,
  name: string,
  by = 1,
  options?: { readonly session?: unknown },
): Promise<void> {
  return measure(chancy, { what: 'increment', name, value: by, options })
}

/**
 * Adds a value to a distribution of the application, as `increment` does.
 *
 * @param name 1 to 200 bytes
 * @param value zero or more
 * @throws {ConfigError}
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export function observe(
  chancy: PluginHost,
  name: string,
  value: number,
  options?: { readonly session?: unknown },
): Promise<void> {
  return measure(chancy, { what: 'observe', name, value, options })
}

/**
 * What `increment` and `observe` counted under a name, by a step of time: `sum` is what was added.
 *
 * @throws {ConfigError} for a range or a step that cannot be read
 * @throws {PluginError} `PLUGIN_MISSING`
 */
export async function getMeasurements(
  chancy: PluginHost,
  name: string,
  options?: RangeOptions,
): Promise<MeasurementPoint[]> {
  const access = pluginAccess(chancy, METRICS)
  const { measurementsOf } = await import('./points.ts')
  return measurementsOf(access, name, options, settingsIn(chancy).steps)
}

interface Measured {
  readonly what: 'increment' | 'observe'
  readonly name: string
  readonly value: number
  readonly options: unknown
}

async function measure(chancy: PluginHost, given: Measured): Promise<void> {
  const { what, name, value } = given
  const access = pluginAccess(chancy, METRICS)
  checkText(name, { what: `${what}: name`, maxBytes: MAX_NAME_BYTES })
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new ConfigError(`${what}: expected a number of zero or more, got ${inspect(value)}.`)
  }
  const { session } = checkOptions(given.options, ['session'], what)
  const settings = settingsIn(chancy)
  if (session === undefined) {
    recorderFor(access, settings).measure(name, value)
    return
  }
  const tally = new Tally(1)
  tally.measure(name, value)
  const data = JSON.stringify(tally.take())
  await access.run(() => access.database.run(addInside, [data], { session }))
}

function settingsIn(chancy: PluginHost): Settings {
  const plugins = pluginsOf(chancy as never)
  const found = plugins.find(({ name }) => name === METRICS)
  const known = found === undefined ? undefined : settingsOf.get(found)
  return known ?? parseSettings(undefined)
}

/** One for an application in a process, whatever number of workers it has. */
function recorderFor(access: PluginAccess, settings: Settings): Recorder {
  let recorder = recorders.get(access.database)
  if (recorder === undefined) {
    recorder = new Recorder(access, settings)
    recorders.set(access.database, recorder)
  }
  return recorder
}

/** A server that is away is no fault of the loop: what was counted is written when it is back. */
async function flushed({ log }: PassContext, recorder: Recorder): Promise<void> {
  try {
    await recorder.flush()
  } catch (error) {
    if (!isConnectionLoss(error)) throw error
    log.debug(loggedError(error), 'metrics not written, and written again later')
  }
}
