import { ChancyError } from '../../core/errors.ts'
import { Job } from '../../core/job.ts'
import {
  getSchedule,
  getSchedules,
  getTicks,
  pauseSchedule,
  preview,
  resumeSchedule,
  runNow,
  type Schedule,
  schedule,
  unschedule,
} from '../../plugins/cron/cron.ts'
import { actionOf, type Call } from '../call.ts'
import { type Route, route } from '../route.ts'
import { type Infer, instant, integer, object, oneOf, optional, text } from '../schema.ts'
import {
  previewShape,
  runShape,
  scheduleDetailShape,
  scheduleOptionsShape,
  schedulePageShape,
  scheduleShape,
} from '../shapes/schedule.ts'
import { KeyedList } from './keyed-list.ts'
import { limitOf, pageQuery } from './query.ts'
import { scheduleJson, tickJson } from './schedule-json.ts'

const STATES = ['active', 'paused', 'ended', 'broken'] as const
const reason = optional(text({ maxBytes: 1_000 }))
const reasonShape = object({ reason })

export const scheduleRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/schedules',
    verb: 'schedules.view',
    summary: 'a page of schedules, in the order of their keys',
    query: { ...pageQuery, state: oneOf(STATES) },
    answer: schedulePageShape,
    work: async (call) => {
      const { reads, permit, query } = call
      const limit = limitOf(call, query.limit)
      const list = new KeyedList('schedules', query.state)
      const found = await getSchedules(reads, {
        state: query.state,
        after: list.keyOf(query.cursor),
        limit: limit + 1,
      })
      const page = list.page(found, limit, ({ key }) => key)
      const seen = page.items.filter(({ job }) => permit.scope.sees(job.queue))
      return { ...page, items: seen.map((one) => scheduleJson(one, permit.masks)) }
    },
  }),
  route({
    method: 'GET',
    path: '/schedules/:key',
    verb: 'schedules.view',
    summary: 'one schedule, with what became of its newest ticks',
    answer: scheduleDetailShape,
    work: async (call) => {
      const found = await find(call, call.reads, call.params.key)
      const ticks = await getTicks(call.reads, found.key, { limit: 50 })
      return { schedule: scheduleJson(found, call.permit.masks), ticks: ticks.map(tickJson) }
    },
  }),
  route({
    method: 'GET',
    path: '/schedules/:key/preview',
    verb: 'schedules.view',
    summary: 'the next ticks of a schedule, with notes on summer time',
    query: { n: integer({ min: 1, max: 200 }), from: instant() },
    answer: previewShape,
    work: async (call) => {
      const { n, from } = call.query
      const { cron, every, timeZone, startsAt, endsAt, createdAt } = await find(
        call,
        call.reads,
        call.params.key,
      )
      const timing =
        cron === null
          ? { every: every ?? 0, startsAt: startsAt ?? createdAt }
          : { cron, timeZone: timeZone ?? 'UTC', ...(startsAt !== null && { startsAt }) }
      const options = { ...timing, ...(endsAt !== null && { endsAt }) }
      const ticks = preview(options, { count: n ?? 20, from })
      return {
        items: ticks.map(({ at, local, offset, note }) => ({
          at: at.toISOString(),
          local,
          offset,
          note: note ?? null,
        })),
      }
    },
  }),
  route({
    method: 'PUT',
    path: '/schedules/:key',
    verb: 'schedules.edit',
    summary: 'declares a schedule, or replaces its definition',
    body: scheduleOptionsShape,
    answer: scheduleShape,
    work: async (call) => {
      const { key } = call.params
      const { permit, chancy, body } = call
      const options = optionsOf(key, body)
      const by = actionOf(call, body.reason)
      const existing = await getSchedule(chancy, key)
      const queue = body.job.queue ?? 'default'
      if (
        !permit.scope.sees(queue) ||
        (existing !== null && !permit.scope.sees(existing.job.queue))
      )
        throw notFound(key)
      return scheduleJson(await schedule(chancy, options, by), permit.masks)
    },
  }),
  route({
    method: 'DELETE',
    path: '/schedules/:key',
    verb: 'schedules.edit',
    summary: 'removes a schedule; jobs that it has pushed stay',
    query: { reason: text({ maxBytes: 1_000 }) },
    answer: null,
    work: async (call) => {
      const { key } = call.params
      await find(call, call.chancy, key)
      await unschedule(call.chancy, key, actionOf(call, call.query.reason))
      return null
    },
  }),
  route({
    method: 'POST',
    path: '/schedules/:key/pause',
    verb: 'schedules.run',
    summary: 'fires nothing of a schedule until it is resumed',
    body: object({ until: optional(instant()), reason }),
    answer: scheduleShape,
    work: async (call) => {
      const { key } = call.params
      await find(call, call.chancy, key)
      const { reason } = call.body
      const by = actionOf(call, reason)
      const changed = await pauseSchedule(call.chancy, key, call.body, by)
      return scheduleJson(changed, call.permit.masks)
    },
  }),
  route({
    method: 'POST',
    path: '/schedules/:key/resume',
    verb: 'schedules.run',
    summary: 'fires a schedule again, from its next tick on',
    body: reasonShape,
    answer: scheduleShape,
    work: async (call) => {
      const { key } = call.params
      await find(call, call.chancy, key)
      const changed = await resumeSchedule(call.chancy, key, actionOf(call, call.body.reason))
      return scheduleJson(changed, call.permit.masks)
    },
  }),
  route({
    method: 'POST',
    path: '/schedules/:key/run-now',
    verb: 'schedules.run',
    summary: 'pushes the job of a schedule now, beside its ticks',
    body: reasonShape,
    answer: runShape,
    work: async (call) => {
      const { key } = call.params
      await find(call, call.chancy, key)
      const { id, created } = await runNow(call.chancy, key, actionOf(call, call.body.reason))
      return { id, created }
    },
  }),
]

/** @throws {ChancyError} `SCHEDULE_NOT_FOUND` */
async function find({ permit }: Call, chancy: Call['chancy'], key: string): Promise<Schedule> {
  const found = await getSchedule(chancy, key)
  if (found === null || !permit.scope.sees(found.job.queue)) throw notFound(key)
  return found
}

function notFound(key: string): ChancyError {
  return new ChancyError('SCHEDULE_NOT_FOUND', 'There is no schedule with this key.', {
    details: { key },
  })
}

function optionsOf(key: string, body: Infer<typeof scheduleOptionsShape>) {
  const { cron, everyMs, timeZone, startsAt, endsAt, job, overlap, catchUp, jitterMs, paused } =
    body
  const { name, args, queue, priority, maxAttempts } = job
  return {
    key,
    ...(cron !== undefined && { cron }),
    ...(everyMs !== undefined && { every: everyMs }),
    ...(timeZone !== undefined && { timeZone }),
    ...(startsAt !== undefined && { startsAt }),
    ...(endsAt !== undefined && { endsAt }),
    ...(overlap !== undefined && { overlap }),
    ...(catchUp !== undefined && { catchUp }),
    ...(jitterMs !== undefined && { jitter: jitterMs }),
    ...(paused !== undefined && { paused }),
    job: Job.named(name, {
      ...(args !== undefined && { args: args as object }),
      ...(queue !== undefined && { queue }),
      ...(priority !== undefined && { priority }),
      ...(maxAttempts !== undefined && { maxAttempts }),
    }),
  }
}
