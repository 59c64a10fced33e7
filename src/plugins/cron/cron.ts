import { checkOptions } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { Pushable } from '../../core/job.ts'
import type { PluginHost } from '../../plugin/access/plugin-access.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { type PluginLister, pluginsOf } from '../../plugin/plugin-list.ts'
import {
  CRON,
  cronAccess,
  FIRE_LOOP,
  type ScheduleActionOptions,
  type SessionOption,
  sessionOf,
} from './access.ts'
import { applyLoop } from './apply-loop.ts'
import { commands } from './commands.ts'
import {
  applySet,
  type DeclaredSet,
  declaredSet,
  diffSet,
  type ScheduleDiff,
} from './declared-set.ts'
import { firePass } from './firing.ts'
import { first } from './migrations/0001.ts'
import { rights } from './rights.ts'
import type { AnySchedule, ScheduleOptions } from './schedule-options.ts'
import { schedulesCheck } from './schedules-check.ts'
import { findNextDue } from './statements/firing.ts'
import { removeTicks } from './statements/ticks.ts'
import { recompute } from './zone-changes.ts'

export type { CatchUp } from './catch-up.ts'
export { type PauseOptions, pauseSchedule, resumeSchedule, runNow } from './control.ts'
export { schedule, unschedule } from './declare.ts'
export type { Overlap } from './policy.ts'
export { type PreviewOptions, type PreviewTick, preview } from './preview.ts'
export {
  getSchedule,
  getSchedules,
  getTicks,
  type ListSchedulesOptions,
  type Tick,
} from './reading.ts'
export type { Schedule, ScheduledJob, ScheduleState } from './schedule.ts'
export { tickOf } from './tick-of.ts'
export type { AnySchedule, ScheduleActionOptions, ScheduleDiff, ScheduleOptions, SessionOption }

declare module '../../events/event-map.ts' {
  interface EventMap {
    /** The job of a tick was pushed by this worker. */
    'cron.fired': { readonly key: string; readonly at: Date; readonly job: string }
    /** The job of a tick was not pushed: a job with its unique key has not finished. */
    'cron.skipped': { readonly key: string; readonly at: Date; readonly holder: string }
    /** Ticks were too late and are left out. At most 1,000 are counted. */
    'cron.missed': {
      readonly key: string
      readonly count: number
      readonly from: Date
      readonly to: Date
    }
    /** A schedule cannot be fired, and is not until it is declared again or resumed. */
    'cron.broken': { readonly key: string; readonly error: string }
    /** The schedules that this worker declares in code were compared with their rows. */
    'cron.applied': {
      readonly set: string
      readonly added: readonly string[]
      readonly changed: readonly string[]
      readonly removed: readonly string[]
    }
  }
}

/** Each element of a list as options of its own job, so that one whose job lacks arguments is refused. */
export type EachSchedule<S extends readonly unknown[]> = {
  readonly [I in keyof S]: S[I] extends { readonly job: infer J }
    ? J extends Pushable<infer R, infer A>
      ? ScheduleOptions<R, A>
      : ScheduleOptions<never, never>
    : never
}

/** Options of `cron(options)`. */
export interface CronOptions<S extends readonly AnySchedule[]> {
  /** The schedules of this application. Default: none. */
  readonly schedules?: (S & EachSchedule<S>) | undefined
  /** The name of the set that they are. What is in it and no longer in the code is removed. */
  readonly set?: string | undefined
  /**
   * When they are compared with the rows of the set: at the start of each worker, or by `applySchedules` alone.
   * Default: `'start'`.
   */
  readonly apply?: 'start' | 'manual' | undefined
}

/** Where the plugin keeps what it was given; the same symbol in every copy of the package. */
const DECLARED: unique symbol = Symbol.for('chancy.cron.declared') as never

/** How long ticks are kept, in milliseconds: seven days. */
const KEPT_MS = 604_800_000
const DAILY = '1d'

/**
 * Schedules: each tick pushes a job, once, whatever the number of workers. Needs the plugin `leadership`, which is
 * there by default.
 *
 * @throws {ConfigError}
 */
export function cron<const S extends readonly AnySchedule[]>(options?: CronOptions<S>): Plugin {
  const { schedules, set, apply } = checkOptions(options, ['schedules', 'set', 'apply'], 'cron')
  const declared = declaredSet(schedules, set, apply)
  return definePlugin({
    name: CRON,
    needs: ['chancy.leadership'],
    migrations: [first],
    rights,
    events: ['cron.fired', 'cron.skipped', 'cron.missed', 'cron.broken', 'cron.applied'],
    loops: [
      {
        name: FIRE_LOOP,
        on: 'worker',
        pass: firePass,
        dueAt: async ({ database }) => {
          const [next] = await database.run(findNextDue, [])
          return next?.due_ms == null ? null : new Date(next.due_ms)
        },
      },
      {
        name: 'zones',
        on: 'leader',
        pass: async (context) => {
          await recompute(context)
          return DAILY
        },
      },
      ...(declared?.apply === 'start' ? [applyLoop(declared)] : []),
    ],
    commands: commands(declared),
    checks: [schedulesCheck],
    cleanup: async ({ database }, limit) => {
      const [gone] = await database.run(removeTicks, [KEPT_MS, limit])
      return gone?.removed ?? 0
    },
    [DECLARED]: declared,
  } as Plugin)
}

/**
 * How the schedules that are declared in code differ from the rows of their set. Only reads.
 *
 * @throws {ChancyError} `SCHEDULE_KEY_TAKEN`
 * @throws {ConfigError} when none are declared
 */
export async function diffSchedules(chancy: PluginHost & PluginLister): Promise<ScheduleDiff> {
  const access = cronAccess(chancy)
  return access.run(() => diffSet(access, declaredBy(chancy)))
}

/**
 * Makes the rows of the set what the code declares, and returns what that changed. A due tick stays, and a pause too.
 * What changes nothing writes nothing.
 *
 * @throws {ChancyError} `SCHEDULE_KEY_TAKEN`, and nothing is written
 * @throws {ConfigError} when none are declared
 */
export async function applySchedules(
  chancy: PluginHost & PluginLister,
  given?: SessionOption,
): Promise<ScheduleDiff> {
  const access = cronAccess(chancy)
  const session = sessionOf(given, 'applySchedules')
  return access.run(() => applySet(access, declaredBy(chancy), session))
}

function declaredBy(chancy: PluginLister): DeclaredSet {
  const own = pluginsOf(chancy).find(({ name }) => name === CRON)
  const { [DECLARED]: declared } = (own ?? {}) as { readonly [DECLARED]?: DeclaredSet | null }
  if (declared) return declared
  throw new ConfigError(
    "This Chancy declares no schedules in code. Give them: cron({ schedules: [{ key, cron, job }], set: 'app' }).",
  )
}
