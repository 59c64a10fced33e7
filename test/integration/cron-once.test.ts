import { pgDriver } from 'chancy'
import { getSchedule, schedule } from 'chancy/plugins/cron'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectionLost, hooked } from '../support/application.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { ScheduleFixture, work } from '../support/schedules.ts'

const schema = testSchema()
let f: ScheduleFixture
beforeAll(async () => {
  f = await ScheduleFixture.open(schema)
})
beforeEach(() => f.reset())
afterAll(() => f[Symbol.asyncDispose]())
const each = { cron: '* * * * *', job: work, overlap: 'allow' } as const

describe('each tick is fired once', () => {
  it('by four loops against each other', async () => {
    const keys = Array.from({ length: 60 }, (_, n) => `k${n}`)
    await Promise.all(
      keys.map((key) => schedule(f.app.chancy, { ...each, key, catchUp: { all: 4 } })),
    )
    const minutes = 20
    for (let minute = 2; minute <= minutes; minute += 2) {
      await f.at(`00:${String(minute).padStart(2, '0')}:02`)
      await Promise.all([true, true, false, false].map((isLeader) => f.pass({ isLeader })))
    }
    await f.pass()
    const jobs = await f.jobs()
    expect(new Set(jobs.map(({ key, tick }) => `${key} ${tick}`)).size).toBe(jobs.length)
    expect(jobs).toHaveLength(keys.length * minutes)
  })

  it('in a thousand races of an edit against a firing, and with one definition or the other', async () => {
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`)
    const declare = (key: string, n: number) =>
      schedule(f.app.chancy, {
        ...each,
        key,
        // A change of the timing too, each other time: a due tick stays.
        cron: n % 2 === 0 ? '* * * * *' : '0 * * * * *',
        job: work.withArgs({ n }),
      })
    await Promise.all(keys.map((key) => declare(key, 0)))
    const rounds = 20
    for (let n = 1; n <= rounds; n++) {
      await f.at(`00:${String(n).padStart(2, '0')}:03`)
      await Promise.all([
        ...[true, false].map((isLeader) => f.pass({ isLeader })),
        ...keys.map((key) => declare(key, n)),
      ])
      await f.pass()
    }
    const jobs = await f.jobs()
    expect(jobs).toHaveLength(keys.length * rounds)
    expect(new Set(jobs.map(({ key, tick }) => `${key} ${tick}`)).size).toBe(jobs.length)
    let editedFirst = 0
    for (const { tick, args } of jobs) {
      const minute = new Date(tick!).getUTCMinutes()
      const { n } = args as { n: number }
      expect([minute - 1, minute]).toContain(n)
      editedFirst += n === minute ? 1 : 0
    }
    // Each side was first in some of them.
    expect(editedFirst).toBeGreaterThan(0)
    expect(editedFirst).toBeLessThan(jobs.length)
    const rows = await f.sql("SELECT job #>> '{args,n}' AS n FROM $schema.cron_schedules")
    expect(new Set(rows.map(({ n }) => Number(n)))).toEqual(new Set([rounds]))
  })

  it('when the clock of the database is set back, edited and elected again', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:05:00')
    await f.pass()
    await f.at('00:02:00')
    await f.pass()
    await f.pass({ loop: 'zones' })
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({
      nextAt: new Date('2026-01-01T00:06:00Z'),
    })
    const edited = await schedule(f.app.chancy, { ...each, key: 'a', cron: '*/2 * * * *' })
    expect(edited.nextAt).toEqual(new Date('2026-01-01T00:06:00Z'))
    await f.at('00:06:00')
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:05:00', '00:06:00'])
  })

  it('when a schedule is removed and made again while the clock is set back', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:01:00')
    await f.pass()
    await f.sql('DELETE FROM $schema.cron_schedules')
    await f.at('00:00:00')
    await schedule(f.app.chancy, { ...each, key: 'a' })
    for (const at of ['00:01:00', '00:02:00']) {
      await f.at(at)
      await f.pass()
    }
    expect(await f.ticks('a')).toEqual(['00:01:00', '00:02:00'])
  })

  it('when the reply to the firing is lost', async () => {
    const pool = new pg.Pool({ connectionString: databaseUrl(schema) })
    let losses = 1
    const url = hooked(pgDriver(pool), async (text, send) => {
      const rows = await send()
      if (text.includes('cron_fire_1') && losses-- > 0) throw connectionLost()
      return rows
    })
    await using f = await ScheduleFixture.open(schema, { url })
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:01:00')
    expect(await f.pass()).toBeLessThan(3_000)
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:01:00'])
    expect(f.app.lines.filter(({ level }) => level === 'error')).toEqual([])
    await f.app.chancy.close()
    await pool.end()
  })
})
