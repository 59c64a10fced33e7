import { type Chancy, job } from 'chancy'
import { pluginAccess, pluginsOf } from 'chancy/plugin'
import {
  type AnySchedule,
  applySchedules,
  cron,
  diffSchedules,
  getSchedule,
  getSchedules,
  pauseSchedule,
  schedule,
} from 'chancy/plugins/cron'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TestApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { ScheduleFixture, work } from '../support/schedules.ts'

const schema = testSchema()
let f: ScheduleFixture
const apps: TestApp[] = []
beforeAll(async () => {
  f = await ScheduleFixture.open(schema)
})
beforeEach(() => f.reset())
afterEach(async () => {
  for (const app of apps.splice(0)) await app[Symbol.asyncDispose]()
})
afterAll(() => f[Symbol.asyncDispose]())

const minutely = (key: string, more: object = {}): AnySchedule => ({
  ...{ key, cron: '* * * * *', job: work, overlap: 'allow' as const },
  ...more,
})
/** An application of one release, which declares these. */
const release = (schedules: readonly AnySchedule[], set = 'app', apply?: 'manual'): TestApp => {
  const plugin = cron({ schedules: schedules as AnySchedule[], set, apply })
  const app = new TestApp(databaseUrl(schema), {
    schema,
    jobs: job({ name: 'work' }, () => {}),
    plugins: [plugin],
  })
  apps.push(app)
  return app
}
const keysOf = async (chancy: Chancy) =>
  (await getSchedules(chancy)).map(({ key, owner }) => `${owner ?? ''}/${key}`)

describe('schedules that are declared in code', () => {
  it('are added, changed and removed within their set, and the rest is not touched', async () => {
    const first = release([minutely('kept'), minutely('edited'), minutely('dropped')])
    await schedule(f.app.chancy, minutely('own'))
    await applySchedules(release([minutely('theirs')], 'other').chancy)
    const added = { added: ['dropped', 'edited', 'kept'], changed: [], removed: [], kept: [] }
    expect(await diffSchedules(first.chancy)).toEqual(added)
    expect(await keysOf(f.app.chancy)).toEqual(['/own', 'other/theirs'])
    expect(await applySchedules(first.chancy)).toEqual(added)
    await pauseSchedule(f.app.chancy, 'edited')

    const edited = minutely('edited', {
      jitter: '5s',
      timeZone: 'Europe/Berlin',
      job: work.withPriority(1),
    })
    const second = release([minutely('kept'), edited, minutely('new')])
    const difference = {
      added: ['new'],
      changed: [{ key: 'edited', fields: ['timeZone', 'jitter', 'job'] }],
      removed: ['dropped'],
      kept: ['kept'],
    }
    expect(await diffSchedules(second.chancy)).toEqual(difference)
    expect(await applySchedules(second.chancy)).toEqual(difference)
    expect(await keysOf(f.app.chancy)).toEqual([
      'app/edited',
      'app/kept',
      'app/new',
      '/own',
      'other/theirs',
    ])
    expect(await getSchedule(f.app.chancy, 'edited')).toMatchObject({
      state: 'paused',
      jitter: 5_000,
    })
    expect(await diffSchedules(second.chancy)).toMatchObject({
      added: [],
      changed: [],
      removed: [],
    })
  })

  it('write nothing when they change nothing', async () => {
    const schedules = [
      minutely('a', { startsAt: new Date('2026-01-01T00:00:00Z') }),
      { key: 'b', every: '1m' as const, job: work },
    ]
    await applySchedules(release(schedules).chancy)
    const rows = () =>
      f.sql('SELECT xmin::text, ctid::text FROM $schema.cron_schedules ORDER BY key')
    const before = await rows()
    await f.at('00:00:30')
    await applySchedules(release(schedules.toReversed()).chancy)
    expect(await rows()).toEqual(before)
  })

  it('keep a due tick, which is fired with the new definition', async () => {
    await applySchedules(release([minutely('a')]).chancy)
    await f.at('00:01:00')
    await applySchedules(
      release([minutely('a', { cron: '0 12 * * *', job: work.withArgs({ n: 2 }) })]).chancy,
    )
    await f.pass()
    expect(await f.jobs()).toMatchObject([{ args: { n: 2 }, tick: '2026-01-01T00:01:00.000Z' }])
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({
      nextAt: new Date('2026-01-01T12:00:00Z'),
    })
  })

  it('are refused as a whole when another owner has a key, and schedule() does not take one of theirs', async () => {
    await schedule(f.app.chancy, minutely('taken'))
    const app = release([minutely('a'), minutely('taken')])
    const refused = { code: 'SCHEDULE_KEY_TAKEN', details: { key: 'taken', owner: null } }
    await expect(applySchedules(app.chancy)).rejects.toMatchObject(refused)
    await expect(diffSchedules(app.chancy)).rejects.toMatchObject(refused)
    expect(await keysOf(f.app.chancy)).toEqual(['/taken'])
    await applySchedules(release([minutely('b')]).chancy)
    await expect(schedule(f.app.chancy, minutely('b'))).rejects.toMatchObject({
      ...{ code: 'SCHEDULE_KEY_TAKEN', details: { key: 'b', owner: 'app' } },
    })
    await expect(applySchedules(release([minutely('b')], 'second').chancy)).rejects.toMatchObject({
      message: expect.stringContaining('belongs to the set "app"'),
    })
  })

  it('are applied by many processes concurrently, beside firings, and each once', async () => {
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`)
    const releases = [1, 2, 3].map((n) =>
      release(keys.map((key) => minutely(key, { job: work.withArgs({ n }) }))),
    )
    for (let minute = 1; minute <= 5; minute++) {
      await f.at(`00:0${minute}:00`)
      await Promise.all([
        ...releases.map(({ chancy }) => applySchedules(chancy)),
        f.pass(),
        f.pass(),
      ])
    }
    await f.pass()
    const jobs = await f.jobs()
    expect(new Set(jobs.map(({ key, tick }) => `${key} ${tick}`)).size).toBe(jobs.length)
    // The first minute may be before the declaration.
    expect(jobs.length).toBeGreaterThanOrEqual(keys.length * 4)
    expect(await getSchedules(f.app.chancy)).toHaveLength(keys.length)
  })

  it('are applied in the transaction of the caller', async () => {
    const { chancy } = release([minutely('a')], 'app', 'manual')
    await withClient(async (session) => {
      await session.query('BEGIN')
      expect(await applySchedules(chancy, { session })).toMatchObject({ added: ['a'] })
      await session.query('ROLLBACK')
    })
    expect(await getSchedules(chancy)).toEqual([])
  })

  it('are applied at the start of each worker and no more, or with "manual" not at all', async () => {
    const manual = release([minutely('m')], 'hand', 'manual')
    await manual.start()
    const old = release([minutely('a'), minutely('old')])
    const applied = old.next('cron.applied')
    await old.start()
    expect(await applied).toEqual({ set: 'app', added: ['a', 'old'], changed: [], removed: [] })
    const next = release([minutely('a'), minutely('new')])
    const replaced = next.next('cron.applied')
    await next.start()
    expect(await replaced).toEqual({ set: 'app', added: ['new'], changed: [], removed: ['old'] })
    // The worker of the former release does not bring them back, whatever wakes its loops.
    const again = old.next('plugin.passed', ({ loop }) => loop === 'apply')
    await pluginAccess(old.chancy, 'chancy.cron').wake('apply')
    await again
    expect(await keysOf(f.app.chancy)).toEqual(['app/a', 'app/new'])
  })

  it.each([
    [{ schedules: [] }, /set: expected the name of the set/],
    [{ set: 'app' }, /set goes with schedules/],
    [{ schedules: [minutely('a'), minutely('a')], set: 'app' }, /the key "a" is there twice/],
    [
      { schedules: [minutely('a', { cron: 'x' })], set: 'app' },
      /schedules\[0\]|expected five fields/,
    ],
    [
      { schedules: [minutely('a')], set: 'app', apply: 'never' },
      /apply: expected one of start, manual/,
    ],
  ])('are checked where they are written: %o', (options, message) => {
    expect(() => cron(options as Parameters<typeof cron>[0])).toThrow(message)
  })

  it('are asked for where there are none', async () => {
    await expect(diffSchedules(f.app.chancy)).rejects.toThrow(/declares no schedules in code/)
  })
})

describe('the commands', () => {
  const command = async (app: TestApp, name: string, given: Record<string, unknown> = {}) => {
    const own = pluginsOf(app.chancy).find((one) => one.name === 'chancy.cron')
    const found = own?.commands?.find((one) => one.name.startsWith(`schedule ${name}`))
    const options = Object.entries(found?.options ?? {}).map(([option, { default: value }]) => [
      option,
      value,
    ])
    const values = { ...Object.fromEntries(options), ...given }
    const answer = await found?.run(pluginAccess(app.chancy, 'chancy.cron'), values)
    return { answer, isNo: found?.isNo?.(answer) ?? false }
  }

  it('list, show, preview, pause, resume, run and delete what there is', async () => {
    const { app } = f
    await schedule(app.chancy, minutely('a'))
    const row = { key: 'a', cron: '* * * * *', state: 'active' }
    expect((await command(app, 'list')).answer).toMatchObject([row])
    await expect(command(app, 'list', { state: 'x' })).rejects.toThrow(
      /--state: expected one of active/,
    )
    expect((await command(app, 'show', { key: 'a' })).answer).toMatchObject({ key: 'a', ticks: [] })
    const from = (await command(app, 'preview', { key: 'a', count: 2 })).answer
    expect(from).toHaveLength(2)
    const expression = { cron: '0 7 * * *', zone: 'Asia/Tokyo', count: 1 }
    expect((await command(app, 'preview', expression)).answer).toMatchObject([{ offset: '+09:00' }])
    await expect(command(app, 'preview')).rejects.toThrow(/either a key or --cron/)
    const until = '2026-01-01T01:00:00Z'
    expect((await command(app, 'pause', { key: 'a', reason: 'r', until })).answer).toMatchObject({
      state: 'paused',
    })
    await expect(command(app, 'pause', { key: 'a', until: 'soon' })).rejects.toThrow(
      /--until: expected/,
    )
    expect((await command(app, 'resume', { key: 'a' })).answer).toMatchObject({ state: 'active' })
    expect((await command(app, 'run', { key: 'a' })).answer).toMatchObject({ created: true })
    expect((await command(app, 'delete', { key: 'a' })).answer).toEqual({ removed: 'a' })
    for (const name of ['show', 'preview', 'pause', 'resume', 'run', 'delete'])
      await expect(command(app, name, { key: 'a' })).rejects.toMatchObject({
        code: 'SCHEDULE_NOT_FOUND',
      })
  })

  it('diff answers no when the code differs, and apply makes them equal', async () => {
    const app = release([minutely('a')])
    const added = [{ key: 'a', what: 'added', fields: null }]
    expect(await command(app, 'diff')).toEqual({ answer: added, isNo: true })
    expect(await command(app, 'apply', { 'dry-run': true })).toEqual({ answer: added, isNo: false })
    expect(await getSchedules(app.chancy)).toEqual([])
    expect(await command(app, 'apply')).toEqual({ answer: added, isNo: false })
    expect(await command(app, 'diff')).toEqual({ answer: [], isNo: false })
    await expect(command(f.app, 'diff')).rejects.toThrow(/declares no schedules/)
  })
})
