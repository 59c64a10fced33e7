import type { StoredJob } from '../../core/stored-job.ts'
import { canonical } from './canonical.ts'
import { planTick } from './catch-up.ts'
import { type Definition, timingAt } from './schedule-options.ts'
import type { ScheduleRow, WrittenRow } from './statements/schedules.ts'
import type { Timing } from './timing.ts'

/** A definition whose job was encoded. */
export interface Declared extends Definition {
  readonly stored: StoredJob
}

/** What a row becomes by a definition. */
export interface Edit {
  readonly row: WrittenRow
  /** The names of the options that differ from those of the row; all of a new one. */
  readonly fields: readonly string[]
  /** Whether anything is to be written. */
  readonly isNeeded: boolean
}

/**
 * The row of a definition. A due tick stays and is fired with the new definition; otherwise a change of the timing
 * computes the next tick from now, and a change of anything else leaves it. A pause stays too.
 */
export function editedRow(
  declared: Declared,
  row: ScheduleRow | null,
  owner: string | null,
  nowMs: number,
): Edit {
  const createdMs = row?.created_ms ?? nowMs
  const timing = timingAt(declared, new Date(createdMs))
  const fields = row === null ? ['key'] : changedFields(declared, timing, row)
  const isPaused = declared.paused ?? row?.state === 'paused'
  const resumeMs = isPaused && row?.state === 'paused' ? row.resume_ms : null
  const isTimingKept = row !== null && canonical(JSON.parse(row.timing)) === canonical(timing.spec)
  const next = nextTick(timing, row, { isPaused, isTimingKept, resumeMs, nowMs })
  const { key, policy, stored } = declared
  const planned = planTick({ key, timing, jitterMs: policy.jitter }, next)
  const written: WrittenRow = {
    key,
    owner,
    version: (row?.version ?? 0) + 1,
    state: isPaused ? 'paused' : planned === null ? 'ended' : 'active',
    timing: timing.spec,
    policy,
    job: stored,
    created_ms: createdMs,
    next_ms: planned?.at.getTime() ?? null,
    due_ms: planned?.dueAt.getTime() ?? null,
    resume_ms: resumeMs,
    pause_reason: isPaused && row?.state === 'paused' ? row.pause_reason : null,
  }
  // What is broken is repaired by its declaration.
  const isNeeded = fields.length > 0 || row?.state === 'broken'
  return { row: written, fields, isNeeded }
}

interface Circumstances {
  readonly isPaused: boolean
  readonly isTimingKept: boolean
  readonly resumeMs: number | null
  readonly nowMs: number
}

function nextTick(
  timing: Timing,
  row: ScheduleRow | null,
  { isPaused, isTimingKept, resumeMs, nowMs }: Circumstances,
): Date | null {
  // By a clock that was set back, no tick that was dealt with comes again.
  const from = new Date(Math.max(nowMs, row?.passed_ms ?? 0))
  if (isPaused)
    return resumeMs === null ? null : timing.next(new Date(Math.max(from.getTime(), resumeMs - 1)))
  const wasPaused = row?.state === 'paused'
  if (row === null || wasPaused || row.next_ms === null) return timing.next(from)
  return isTimingKept || row.next_ms <= nowMs ? new Date(row.next_ms) : timing.next(from)
}

const TIMING_NAMES = ['cron', 'every', 'timeZone', 'startsAt', 'endsAt'] as const
const POLICY_NAMES = ['catchUp', 'overlap', 'jitter'] as const
type Fields = Readonly<Record<string, unknown>>

function changedFields(
  { policy, stored, paused }: Declared,
  timing: Timing,
  row: ScheduleRow,
): string[] {
  const oldTiming = JSON.parse(row.timing) as Fields
  const oldPolicy = JSON.parse(row.policy) as Fields
  const differs = (a: unknown, b: unknown): boolean => canonical(a ?? null) !== canonical(b ?? null)
  const names: string[] = [
    ...TIMING_NAMES.filter((name) =>
      differs(oldTiming?.[name], (timing.spec as unknown as Fields)[name]),
    ),
    ...POLICY_NAMES.filter((name) => differs(oldPolicy?.[name], policy[name])),
  ]
  if (differs(JSON.parse(row.job), stored)) names.push('job')
  if (paused !== undefined && paused !== (row.state === 'paused')) names.push('paused')
  // What no option says: the version, or the instant that an interval counts from.
  if (names.length > 0) return names
  return differs(oldTiming, timing.spec) || differs(oldPolicy, policy) ? ['timing'] : []
}
