import { type Chancy, Job, Reference } from 'chancy'
import {
  cron,
  getSchedule,
  getSchedules,
  getTicks,
  pauseSchedule,
  resumeSchedule,
  runNow,
  schedule,
  tickOf,
  unschedule,
} from 'chancy/plugins/cron'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema, withClient } from '../support/database.ts'
import { ScheduleFixture, work } from '../support/schedules.ts'

const schema = testSchema()
let f: ScheduleFixture
let chancy: Chancy
beforeAll(async () => {
  f = await ScheduleFixture.open(schema)
  chancy = f.app.chancy
})
beforeEach(() => f.reset())
afterAll(() => f[Symbol.asyncDispose]())

const day = (time: string) => new Date(`2026-01-01T${time}Z`)
const each = { key: 'a', cron: '* * * * *', job: work, overlap: 'allow' } as const

describe('schedule', () => {
  it('returns all options as they are stored, with what was not given as its default', async () => {
    const job = Job.named('report', { args: { to: 'Ada' }, queue: 'mail' })
      .withPriority(3)
      .withUniqueKey('own')
      .withMaxAttempts(5)
      .withMeta({ tenant: 7 })
    const made = await schedule(chancy, { key: 'r', cron: '0 7 * * MON', job })
    expect(made).toEqual({
      key: 'r',
      cron: '0 7 * * MON',
      every: null,
      timeZone: 'UTC',
      startsAt: null,
      endsAt: null,
      job: {
        name: 'report',
        queue: 'mail',
        args: { to: 'Ada' },
        priority: 3,
        maxAttempts: 5,
        uniqueKey: 'own',
        concurrencyKey: null,
        meta: { tenant: 7 },
      },
      catchUp: 'last',
      overlap: 'skip',
      jitter: 0,
      state: 'active',
      nextAt: new Date('2026-01-05T07:00:00Z'),
      lastAt: null,
      lastJob: null,
      missed: 0,
      error: null,
      owner: null,
      pausedUntil: null,
      pauseReason: null,
      createdAt: day('00:00:00'),
    })
    expect(await getSchedule(chancy, 'r')).toEqual(made)
    expect(await getSchedule(chancy, 'none')).toBeNull()
    const startsAt = day('06:00:00')
    const whole = await schedule(chancy, {
      ...{ key: 'e', every: '90s', job: work, catchUp: { all: 7 }, overlap: 'queue' },
      ...{ jitter: '10s', startsAt, endsAt: day('07:00:00'), paused: true },
    })
    expect(whole).toMatchObject({
      ...{ cron: null, every: 90_000, timeZone: null, catchUp: { all: 7 }, overlap: 'queue' },
      ...{ jitter: 10_000, startsAt, endsAt: day('07:00:00'), state: 'paused', nextAt: null },
    })
    expect(await resumeSchedule(chancy, 'e')).toMatchObject({ state: 'active', nextAt: startsAt })
  })

  it.each([
    [{ key: '' }, /key: expected text/],
    [{ key: 'k'.repeat(201) }, /key: expected at most 200 bytes/],
    [{ cron: '* * * *' }, /expected five fields/],
    [{ cron: '0 0 31 2 *' }, /never happens/],
    [{ cron: undefined }, /expected either cron or every, got neither/],
    [{ every: '1m' }, /expected either cron or every, got both/],
    [{ timeZone: 'Europe/Atlantis' }, /Europe\/Atlantis/],
    [{ job: work.withDelay('1s') }, /withDelay says when the job runs, and so does the schedule/],
    [{ job: work.withScheduledAt(day('01:00:00')) }, /withScheduledAt says when/],
    [{ job: 'work' }, /Expected a job or a job function, got "work"/],
    [{ overlap: 'merge' }, /overlap: expected one of skip, queue, replace, allow, got "merge"/],
    [{ catchUp: { all: 0 } }, /catchUp: all: expected a whole number from 1 to 1000/],
    [{ jitter: '2h' }, /jitter: expected at most 1h/],
    [{ paused: 1 }, /paused: expected true or false, got 1/],
    [{ zone: 'UTC' }, /unknown option "zone"/],
  ])('refuses %o before anything is written', async (wrong, message) => {
    const options = { ...each, ...wrong } as typeof each
    await expect(schedule(chancy, options)).rejects.toThrow(message)
    await expect(schedule(chancy, options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(await getSchedules(chancy)).toEqual([])
  })

  it('replaces the definition of its key, keeps a pause, and writes nothing when nothing changes', async () => {
    const versions = () => f.sql('SELECT version::int FROM $schema.cron_schedules')
    await schedule(chancy, each)
    await schedule(chancy, { ...each, timeZone: 'UTC', catchUp: 'last' })
    expect(await versions()).toEqual([{ version: 1 }])
    await pauseSchedule(chancy, 'a', { reason: 'holidays' })
    const edited = await schedule(chancy, { ...each, jitter: '5s' })
    expect(edited).toMatchObject({ state: 'paused', pauseReason: 'holidays', jitter: 5_000 })
    expect(await schedule(chancy, { ...each, paused: false })).toMatchObject({
      ...{ state: 'active', pauseReason: null, jitter: 0, nextAt: day('00:01:00') },
    })
  })

  it('computes the next tick from now by a new timing, and leaves it otherwise', async () => {
    const hourly = { ...each, cron: '0 * * * *' }
    await schedule(chancy, hourly)
    await f.at('00:30:30')
    expect(await schedule(chancy, { ...hourly, overlap: 'queue' })).toMatchObject({
      nextAt: day('01:00:00'),
    })
    expect(await schedule(chancy, each)).toMatchObject({ nextAt: day('00:31:00') })
    // A due tick stays.
    await f.at('00:31:05')
    expect(await schedule(chancy, hourly)).toMatchObject({ nextAt: day('00:31:00') })
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:31:00'])
    expect(await getSchedule(chancy, 'a')).toMatchObject({ nextAt: day('01:00:00') })
  })

  it('counts an interval from the first declaration of its key', async () => {
    await f.at('00:00:10')
    const made = await schedule(chancy, { key: 'e', every: '1m', job: work })
    await f.at('00:05:00')
    const again = await schedule(chancy, { key: 'e', every: '2m', job: work })
    expect([made.nextAt, again.nextAt]).toEqual([day('00:01:10'), day('00:01:10')])
    await f.pass()
    expect(await getSchedule(chancy, 'e')).toMatchObject({ nextAt: day('00:06:10') })
  })

  it('is part of the transaction of the caller, as are its siblings', async () => {
    await schedule(chancy, { ...each, key: 'kept' })
    await withClient(async (session) => {
      await session.query('BEGIN')
      await schedule(chancy, each, { session })
      await pauseSchedule(chancy, 'kept', {}, { session })
      await runNow(chancy, 'kept', { session })
      expect(await unschedule(chancy, 'kept', { session })).toBe(true)
      expect(await getSchedule(chancy, 'a')).toBeNull()
      await session.query('ROLLBACK')
      expect(await getSchedules(chancy)).toMatchObject([{ key: 'kept', state: 'active' }])
      expect(await f.jobs()).toEqual([])
      await session.query('BEGIN')
      const { nextAt } = await schedule(chancy, each, { session })
      expect(nextAt).toEqual(day('00:01:00'))
      await session.query('COMMIT')
    })
    expect(await getSchedule(chancy, 'a')).toMatchObject({ state: 'active' })
  })
})

describe('a pause', () => {
  it('fires nothing, and what fell into it is not caught up', async () => {
    await schedule(chancy, { ...each, catchUp: { all: 100 } })
    const paused = await pauseSchedule(chancy, 'a')
    expect(paused).toMatchObject({ state: 'paused', nextAt: null, pausedUntil: null })
    await f.at('00:10:30')
    await f.pass()
    expect(await resumeSchedule(chancy, 'a')).toMatchObject({ nextAt: day('00:11:00'), missed: 0 })
    expect(await resumeSchedule(chancy, 'a')).toMatchObject({ state: 'active' })
    await f.at('00:11:00')
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:11:00'])
  })

  it('with an end is over by itself', async () => {
    await schedule(chancy, { ...each, catchUp: { all: 100 } })
    const until = day('00:10:00')
    const options = { until, reason: 'maintenance' }
    expect(await pauseSchedule(chancy, 'a', options)).toMatchObject({
      ...{ state: 'paused', pausedUntil: until, pauseReason: 'maintenance', nextAt: until },
    })
    await f.at('00:09:59')
    await f.pass()
    expect(await getSchedules(chancy, { state: 'paused' })).toHaveLength(1)
    await f.at('00:10:00')
    expect(await getSchedules(chancy, { state: 'active' })).toMatchObject([{ pausedUntil: null }])
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:10:00'])
    await expect(pauseSchedule(chancy, 'a', { until })).rejects.toThrow(
      /until: expected an instant in the future of the database \(2026-01-01T00:10:00.000Z\)/,
    )
  })
})

describe('the other functions', () => {
  it('unschedule says whether there was one, and leaves its jobs', async () => {
    await schedule(chancy, each)
    const ref = await runNow(chancy, 'a')
    expect(ref).toBeInstanceOf(Reference)
    expect([await unschedule(chancy, 'a'), await unschedule(chancy, 'a')]).toEqual([true, false])
    expect(await chancy.getJob(ref)).toMatchObject({
      name: 'work',
      meta: { cron: { key: 'a', tick: null } },
    })
  })

  it('runNow pushes beside the ticks, also of a paused schedule', async () => {
    await schedule(chancy, { ...each, paused: true })
    const refs = [await runNow(chancy, 'a'), await runNow(chancy, 'a')]
    expect(refs.map(({ created }) => created)).toEqual([true, true])
    expect(await f.ticks('a')).toEqual(['manual', 'manual'])
    expect(await getTicks(chancy, 'a')).toEqual([])
    expect(await getSchedule(chancy, 'a')).toMatchObject({ lastAt: null, lastJob: null })
  })

  it('list schedules in pages by key, and ticks from the newest on', async () => {
    for (const key of ['a', 'b', 'c']) await schedule(chancy, { ...each, key })
    await pauseSchedule(chancy, 'b')
    const keys = async (options: Parameters<typeof getSchedules>[1]) =>
      (await getSchedules(chancy, options)).map(({ key }) => key)
    expect(await keys({ limit: 2 })).toEqual(['a', 'b'])
    expect(await keys({ limit: 2, after: 'b' })).toEqual(['c'])
    expect(await keys({ state: 'active' })).toEqual(['a', 'c'])
    for (const at of ['00:01:00', '00:02:00', '00:03:00']) {
      await f.at(at)
      await f.pass()
    }
    const ticks = await getTicks(chancy, 'a', { limit: 2 })
    expect(ticks.map(({ at }) => at)).toEqual([day('00:03:00'), day('00:02:00')])
  })

  it.each([pauseSchedule, resumeSchedule, runNow])(
    '%o refuses a key that is not there',
    async (fn) => {
      await expect(fn(chancy, 'none')).rejects.toMatchObject({
        code: 'SCHEDULE_NOT_FOUND',
        details: { key: 'none' },
      })
    },
  )

  it('are refused where the application has no cron()', async () => {
    await using app = await startApp({ schema })
    await expect(schedule(app.chancy, each)).rejects.toMatchObject({
      code: 'PLUGIN_MISSING',
      message: 'This Chancy has no plugin "chancy.cron". Add cron() to its plugins.',
    })
  })

  it('tickOf gives the tick of a job, or null', () => {
    const of = (meta: object) => tickOf({ job: { meta: meta as Record<string, unknown> } })
    expect(of({ cron: { key: 'a', tick: '2026-01-01T00:01:00.000Z' } })).toEqual(day('00:01:00'))
    for (const meta of [
      {},
      { cron: null },
      { cron: { key: 'a', tick: null } },
      { cron: { tick: 'x' } },
    ])
      expect(of(meta)).toBeNull()
  })

  it('dueAt of the loop is when something is due next', async () => {
    const [loop] = cron().loops ?? []
    const access = f.access()
    expect(await loop?.dueAt?.(access)).toBeNull()
    await schedule(chancy, each)
    await schedule(chancy, { ...each, key: 'b', cron: '30 * * * * *' })
    expect(await loop?.dueAt?.(access)).toEqual(day('00:00:30'))
  })
})
