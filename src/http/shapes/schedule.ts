import {
  flag,
  type Infer,
  instant,
  integer,
  json,
  list,
  literal,
  named,
  nullable,
  number,
  object,
  oneOf,
  optional,
  text,
  time,
  variants,
} from '../schema.ts'
import { cutShape, page } from './page.ts'

const catchUpShape = variants([literal('skip'), literal('last'), object({ all: integer() })])

export const scheduleShape = named(
  'Schedule',
  object({
    key: text(),
    cron: nullable(text()),
    everyMs: nullable(number()),
    timeZone: nullable(text()),
    startsAt: nullable(time()),
    endsAt: nullable(time()),
    job: object({
      name: text({ allowEmpty: true }),
      queue: text({ allowEmpty: true }),
      args: cutShape,
      priority: integer(),
      maxAttempts: nullable(integer()),
    }),
    catchUp: catchUpShape,
    overlap: oneOf(['skip', 'queue', 'replace', 'allow']),
    jitterMs: number(),
    state: oneOf(['active', 'paused', 'ended', 'broken']),
    nextAt: nullable(time()),
    lastAt: nullable(time()),
    lastJob: nullable(text()),
    missed: integer(),
    error: nullable(text()),
    /** The set that declares it in code; null: none does. */
    owner: nullable(text()),
    pausedUntil: nullable(time()),
    pauseReason: nullable(text()),
    createdAt: time(),
  }),
)
export type WireSchedule = Infer<typeof scheduleShape>
export const schedulePageShape = named('SchedulePage', page(scheduleShape))

export const tickShape = object({
  at: time(),
  what: oneOf(['fired', 'skipped', 'missed']),
  recordedAt: time(),
  job: nullable(text()),
  holder: nullable(text()),
  count: integer(),
  from: nullable(time()),
  why: nullable(text()),
})
/** One schedule, with what became of its newest ticks. */
export const scheduleDetailShape = named(
  'ScheduleDetail',
  object({ schedule: scheduleShape, ticks: list(tickShape) }),
)
export type WireScheduleDetail = Infer<typeof scheduleDetailShape>

export const previewShape = named(
  'SchedulePreview',
  object({
    items: list(
      object({
        at: time(),
        /** In the zone of the schedule, such as `2026-03-29T03:00:00`. */
        local: text(),
        offset: text(),
        /** What summer time does to the tick. */
        note: nullable(text()),
      }),
    ),
  }),
)
export type WirePreview = Infer<typeof previewShape>

/** What `PUT` takes: the whole definition. */
export const scheduleOptionsShape = named(
  'ScheduleOptions',
  object({
    cron: optional(text({ maxBytes: 200 })),
    everyMs: optional(integer({ min: 1_000 })),
    timeZone: optional(text({ maxBytes: 200 })),
    startsAt: optional(instant()),
    endsAt: optional(instant()),
    job: object({
      name: text({ maxBytes: 200 }),
      queue: optional(text({ maxBytes: 200 })),
      args: optional(json()),
      priority: optional(integer()),
      maxAttempts: optional(integer({ min: 1 })),
    }),
    overlap: optional(oneOf(['skip', 'queue', 'replace', 'allow'])),
    catchUp: optional(oneOf(['skip', 'last'])),
    jitterMs: optional(integer({ min: 0 })),
    paused: optional(flag()),
    reason: optional(text({ maxBytes: 1_000 })),
  }),
)

export const runShape = named('ScheduleRun', object({ id: text(), created: flag() }))
export type WireScheduleRun = Infer<typeof runShape>
