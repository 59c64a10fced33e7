import type { Schedule, Tick } from '../../plugins/cron/cron.ts'
import type { Masks } from '../masks.ts'
import type { WireSchedule, WireScheduleDetail } from '../shapes/schedule.ts'
import { cutJson, iso, PAGE_BYTES } from './cut-json.ts'

export function scheduleJson(found: Schedule, masks: Masks): WireSchedule {
  const { job } = found
  return {
    key: found.key,
    cron: found.cron,
    everyMs: found.every,
    timeZone: found.timeZone,
    startsAt: iso(found.startsAt),
    endsAt: iso(found.endsAt),
    job: {
      name: job.name,
      queue: job.queue,
      args: cutJson(job.args, 'args', masks, PAGE_BYTES),
      priority: job.priority,
      maxAttempts: job.maxAttempts,
    },
    catchUp: found.catchUp,
    overlap: found.overlap,
    jitterMs: found.jitter,
    state: found.state,
    nextAt: iso(found.nextAt),
    lastAt: iso(found.lastAt),
    lastJob: found.lastJob,
    missed: found.missed,
    error: found.error,
    owner: found.owner,
    pausedUntil: iso(found.pausedUntil),
    pauseReason: found.pauseReason,
    createdAt: iso(found.createdAt),
  }
}

export function tickJson(tick: Tick): WireScheduleDetail['ticks'][number] {
  const { at, what, recordedAt, job, holder, count, from, why } = tick
  return {
    at: iso(at),
    what,
    recordedAt: iso(recordedAt),
    job,
    holder,
    count,
    from: iso(from),
    why,
  }
}
