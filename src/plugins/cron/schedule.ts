import type { CatchUp } from './catch-up.ts'
import type { Overlap } from './policy.ts'
import type { ScheduleRow } from './statements/schedules.ts'

/** `ended`: it has no tick left; `broken`: its row cannot be fired, and `error` says why. */
export type ScheduleState = 'active' | 'paused' | 'ended' | 'broken'
export const STATES: readonly ScheduleState[] = ['active', 'paused', 'ended', 'broken']

/** The job that each tick pushes. */
export interface ScheduledJob {
  readonly name: string
  readonly queue: string
  readonly args: unknown
  readonly priority: number
  /** Null: the definition of the worker decides. */
  readonly maxAttempts: number | null
  readonly uniqueKey: string | null
  readonly concurrencyKey: string | null
  readonly meta: Readonly<Record<string, unknown>>
}

/** A schedule as it is stored: its options, and its state. Options that were not given are null or their default. */
export interface Schedule {
  readonly key: string
  readonly cron: string | null
  /** In milliseconds. */
  readonly every: number | null
  readonly timeZone: string | null
  readonly startsAt: Date | null
  readonly endsAt: Date | null
  readonly job: ScheduledJob
  readonly catchUp: CatchUp
  readonly overlap: Overlap
  /** In milliseconds. */
  readonly jitter: number
  /** `ended`: no tick is left. `broken`: `error` says why, and `schedule()` or `resumeSchedule()` repairs it. */
  readonly state: ScheduleState
  /** The next tick; it is fired later by its jitter. Null while it is paused without an end, and when it has ended. */
  readonly nextAt: Date | null
  /** The newest tick that was fired or skipped. */
  readonly lastAt: Date | null
  /** The id of the job of the newest tick that was fired. */
  readonly lastJob: string | null
  /** How many ticks were missed since the first declaration; at most 1,000 of one outage are counted. */
  readonly missed: number
  readonly error: string | null
  /** The set that declares it in code, or null. */
  readonly owner: string | null
  /** When the pause ends by itself, or null. */
  readonly pausedUntil: Date | null
  readonly pauseReason: string | null
  readonly createdAt: Date
}

type Fields = Readonly<Record<string, unknown>>

/** Shows a row, also one that this release cannot fire. */
export function scheduleOf(row: ScheduleRow): Schedule {
  const timing = fieldsOf(JSON.parse(row.timing))
  const policy = fieldsOf(JSON.parse(row.policy))
  const isPaused = row.state === 'paused'
  return {
    key: row.key,
    cron: text(timing.cron),
    every: number(timing.every),
    timeZone: text(timing.timeZone),
    startsAt: instant(timing.startsAt),
    endsAt: instant(timing.endsAt),
    job: jobOf(fieldsOf(JSON.parse(row.job))),
    catchUp: policy.catchUp as CatchUp,
    overlap: policy.overlap as Overlap,
    jitter: number(policy.jitter) ?? 0,
    state: row.state as ScheduleState,
    nextAt: dateOf(row.next_ms),
    lastAt: dateOf(row.last_ms),
    lastJob: row.last_job,
    missed: row.missed,
    error: row.error,
    owner: row.owner,
    pausedUntil: isPaused ? dateOf(row.resume_ms) : null,
    pauseReason: isPaused ? row.pause_reason : null,
    createdAt: new Date(row.created_ms),
  }
}

/** What of a schedule stands in the audit log, before and after a change of it. */
export function summaryOf(row: ScheduleRow | null): object | null {
  if (row === null) return null
  const { cron, every, timeZone, job, catchUp, overlap, state, pausedUntil } = scheduleOf(row)
  const { name, queue, args, priority, maxAttempts } = job
  return {
    ...{ state, pausedUntil, cron, every, timeZone, catchUp, overlap },
    ...{ name, queue, args, priority, maxAttempts },
  }
}

export function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

function jobOf(job: Fields): ScheduledJob {
  const extras = fieldsOf(job.extras)
  return {
    name: text(job.name) ?? '',
    queue: text(job.queue) ?? '',
    args: job.args,
    priority: number(job.priority) ?? 0,
    maxAttempts: number(job.max_attempts),
    uniqueKey: text(job.unique_key),
    concurrencyKey: text(extras.concurrency_key),
    meta: fieldsOf(extras.meta),
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {}
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function instant(value: unknown): Date | null {
  const at = typeof value === 'string' ? new Date(value) : null
  return at === null || Number.isNaN(at.getTime()) ? null : at
}
