import { checkOneOf, inspect } from '../../core/check.ts'
import { durationMs } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import type { PluginAccess } from '../../plugin/access/plugin-access.ts'
import type { GivenOptions, PluginCommand } from '../../plugin/parts/plugin-command.ts'
import { notFound } from './access.ts'
import { pauseSchedule, resumeSchedule, runNow } from './control.ts'
import { unschedule } from './declare.ts'
import { applySet, type DeclaredSet, diffSet, type ScheduleDiff } from './declared-set.ts'
import { preview } from './preview.ts'
import { getSchedule, getSchedules, getTicks } from './reading.ts'
import { type Schedule, type ScheduleState, STATES } from './schedule.ts'
import type { TimingOptions } from './timing.ts'

/** How many ticks `show` prints. */
const SHOWN_TICKS = 10

const text = (value: GivenOptions[string]): string | undefined =>
  value === undefined ? undefined : String(value)

/** `chancy --app ./app.ts schedule …`. */
export function commands(set: DeclaredSet | null): readonly PluginCommand[] {
  return [
    {
      name: 'schedule list',
      summary: 'list schedules, by their keys',
      options: {
        state: { type: 'text', summary: `only those that are ${STATES.join(', ')}` },
        after: { type: 'text', summary: 'those with a key behind this one' },
        limit: { type: 'number', summary: 'how many', default: 100 },
      },
      run: async (access, { state, after, limit }) => {
        if (state !== undefined) checkOneOf(state, STATES, '--state')
        const options = { state: state as ScheduleState | undefined, after: text(after) }
        return getSchedules(access, { ...options, limit: Number(limit) })
      },
      // With --json all that is known of each.
      show: (found) => (found as readonly Schedule[]).map(line),
    },
    {
      name: 'schedule show <key>',
      summary: 'show a schedule and its newest ticks',
      run: async (access, { key }) => {
        const found = await known(access, String(key))
        const ticks = await getTicks(access, found.key, { limit: SHOWN_TICKS })
        return { ...found, ticks }
      },
    },
    {
      name: 'schedule preview [key]',
      summary: 'show the next ticks of a schedule, or of an expression',
      examples: [
        {
          text: 'When summer time ends in Berlin',
          command: "chancy schedule preview --cron '30 2 * * *' --zone Europe/Berlin -n 5",
        },
      ],
      options: {
        cron: { type: 'text', summary: 'the expression, in the place of a schedule' },
        zone: { type: 'text', summary: 'its zone, an IANA name; default: UTC' },
        count: { type: 'number', short: 'n', summary: 'how many', default: 10 },
      },
      run: async (access, { key, cron, zone, count }) =>
        preview(await timingGiven(access, text(key), text(cron), text(zone)), {
          count: Number(count),
        }),
    },
    {
      name: 'schedule pause <key>',
      summary: 'fire nothing of a schedule until it is resumed',
      options: {
        reason: { type: 'text', summary: 'why, for those who look at it' },
        until: {
          type: 'text',
          summary: 'when it ends by itself: an instant, or a time such as 2h',
        },
      },
      run: async (access, { key, reason, until }) => {
        const options = { reason: text(reason), until: instantOf(text(until), access.clock.now()) }
        return line(await pauseSchedule(access, String(key), options))
      },
    },
    {
      name: 'schedule resume <key>',
      summary: 'fire a paused or a broken schedule again',
      run: async (access, { key }) => line(await resumeSchedule(access, String(key))),
    },
    {
      name: 'schedule run <key>',
      summary: 'push the job of a schedule now',
      run: async (access, { key }) => {
        const { id, created } = await runNow(access, String(key))
        return { job: id, created }
      },
    },
    {
      name: 'schedule delete <key>',
      summary: 'remove a schedule; its jobs stay',
      run: async (access, { key }) => {
        if (!(await unschedule(access, String(key)))) throw notFound(String(key))
        return { removed: key }
      },
    },
    {
      name: 'schedule diff',
      summary: 'compare the schedules of the code with their rows; exits with 1 when they differ',
      run: (access) => access.run(async () => lines(await diffSet(access, given(set)))),
      isNo: (answer) => (answer as readonly unknown[]).length > 0,
    },
    {
      name: 'schedule apply',
      summary: 'make the rows what the code declares',
      options: { 'dry-run': { type: 'flag', summary: 'only say what would change' } },
      details: 'It asks before it removes more than one schedule that the code no longer has.',
      ask: (access, options) =>
        access.run(async () => {
          if (options['dry-run'] === true) return null
          const { removed } = await diffSet(access, given(set))
          return removed.length > 1 ? `Remove the schedules ${removed.join(', ')}?` : null
        }),
      run: (access, options) =>
        access.run(async () => {
          const isDry = options['dry-run'] === true
          const apply = isDry ? diffSet : applySet
          return lines(await apply(access, given(set), undefined))
        }),
    },
  ]
}

async function known(access: PluginAccess, key: string): Promise<Schedule> {
  const found = await getSchedule(access, key)
  if (found === null) throw notFound(key)
  return found
}

function line({
  key,
  cron,
  every,
  timeZone,
  state,
  nextAt,
  lastAt,
  missed,
  job,
  error,
}: Schedule): object {
  const timing = cron === null ? `every ${(every ?? 0) / 1_000}s` : `${cron} ${timeZone}`
  return { key, timing, job: job.name, state, nextAt, lastAt, missed, error }
}

async function timingGiven(
  access: PluginAccess,
  key: string | undefined,
  cron: string | undefined,
  timeZone: string | undefined,
): Promise<TimingOptions> {
  if ((key === undefined) === (cron === undefined))
    throw new ConfigError('schedule preview: give either a key or --cron.')
  if (key === undefined) return { cron, ...(timeZone === undefined ? {} : { timeZone }) }
  if (timeZone !== undefined) throw new ConfigError('schedule preview: --zone goes with --cron.')
  const found = await known(access, key)
  const limits = {
    ...(found.startsAt === null ? {} : { startsAt: found.startsAt }),
    ...(found.endsAt === null ? {} : { endsAt: found.endsAt }),
  }
  if (found.cron !== null) return { cron: found.cron, timeZone: found.timeZone ?? 'UTC', ...limits }
  return { every: found.every ?? 0, startsAt: found.createdAt, ...limits }
}

function instantOf(until: string | undefined, now: number): Date | undefined {
  if (until === undefined) return undefined
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(until)) return new Date(now + durationMs(until, '--until'))
  const at = new Date(until)
  if (!Number.isNaN(at.getTime())) return at
  throw new ConfigError(
    `--until: expected an instant such as 2027-01-31T08:00:00Z, or a time such as 2h, got ${inspect(until)}.`,
  )
}

function given(set: DeclaredSet | null): DeclaredSet {
  if (set !== null) return set
  throw new ConfigError('This application declares no schedules in code: cron({ schedules, set }).')
}

function lines({ added, changed, removed }: ScheduleDiff): object[] {
  return [
    ...added.map((key) => ({ key, what: 'added', fields: null })),
    ...changed.map(({ key, fields }) => ({ key, what: 'changed', fields: fields.join(', ') })),
    ...removed.map((key) => ({ key, what: 'removed', fields: null })),
  ]
}
