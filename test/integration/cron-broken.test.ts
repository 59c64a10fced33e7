import { pgDriver } from 'chancy'
import { getSchedule, getTicks, resumeSchedule, schedule } from 'chancy/plugins/cron'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hooked } from '../support/application.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { ScheduleFixture, work } from '../support/schedules.ts'

const schema = testSchema()
let f: ScheduleFixture
beforeAll(async () => {
  f = await ScheduleFixture.open(schema)
})
beforeEach(() => f.reset())
afterAll(() => f[Symbol.asyncDispose]())
const each = { cron: '* * * * *', job: work, overlap: 'allow' } as const

describe('a schedule that cannot be fired', () => {
  it('breaks alone, says why, and is repaired by its declaration or by resumeSchedule', async () => {
    const good = Array.from({ length: 30 }, (_, n) => `good${n}`)
    const bad: Record<string, [set: string, why: RegExp]> = {
      'a-future': [
        `timing = '{"version": 2, "cron": "* * * * *", "timeZone": "UTC"}'`,
        /cannot read the schedule/,
      ],
      'b-expression': [
        `timing = '{"version": 1, "cron": "0 0 1 1 * MOON", "timeZone": "UTC"}'`,
        /cannot read/,
      ],
      'c-zone': [
        `timing = '{"version": 1, "cron": "* * * * *", "timeZone": "Mars/Olympus"}'`,
        /Mars\/Olympus/,
      ],
      'd-text': [`timing = '"* * * * *"'`, /cannot read/],
      'e-policy': [`policy = policy || '{"overlap": "merge"}'`, /merge/],
      'f-array': [`job = '[]'`, /no object/],
      'g-nameless': [`job = job - 'name'`, /null value in column "name"/],
      'h-queue': [`job = job || '{"priority": "high"}'`, /invalid input syntax for type integer/],
      'i-long': [
        `job = job || jsonb_build_object('unique_key', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) n))`,
        /index|row size|maximum/,
      ],
    }
    await Promise.all(
      [...good, ...Object.keys(bad)].map((key) => schedule(f.app.chancy, { ...each, key })),
    )
    for (const [key, [set]] of Object.entries(bad))
      await f.sql(`UPDATE $schema.cron_schedules SET ${set} WHERE key = '${key}'`)
    const broken = f.app.all('cron.broken')
    await f.at('00:01:00')
    await f.pass()
    expect((await f.jobs()).map(({ key }) => key).toSorted()).toEqual(good.toSorted())
    expect(broken.map(({ key }) => key).toSorted()).toEqual(Object.keys(bad))
    for (const [key, [, why]] of Object.entries(bad)) {
      const found = await getSchedule(f.app.chancy, key)
      expect(found, key).toMatchObject({ state: 'broken', error: expect.stringMatching(why) })
    }
    const logged = f.app.lines.filter(({ level }) => level === 'error')
    expect(logged).toHaveLength(Object.keys(bad).length)

    await f.at('00:02:00')
    await f.pass()
    expect(await f.jobs()).toHaveLength(60)
    await expect(resumeSchedule(f.app.chancy, 'c-zone')).rejects.toMatchObject({
      code: 'SCHEDULE_UNREADABLE',
    })
    const repaired = await schedule(f.app.chancy, { ...each, key: 'c-zone' })
    expect(repaired).toMatchObject({ state: 'active', error: null })
    await f.sql(
      `UPDATE $schema.cron_schedules SET job = job || '{"priority": 1}' WHERE key = 'h-queue'`,
    )
    expect(await resumeSchedule(f.app.chancy, 'h-queue')).toMatchObject({
      state: 'active',
      error: null,
    })
    await f.pass()
    // The tick that broke it goes by catchUp, as the one after it.
    expect(await f.ticks('c-zone')).toEqual(['00:02:00'])
    expect(await f.ticks('h-queue')).toEqual(['00:02:00'])
  })

  it('for a unique key of an open transaction holds up no other, and is fired when that ends', async () => {
    const job = work.withUniqueKey('held')
    await schedule(f.app.chancy, { ...each, key: 'held', job, overlap: 'skip' })
    await schedule(f.app.chancy, { ...each, key: 'other' })
    await f.at('00:01:00')
    await withClient(async (client) => {
      await client.query('BEGIN')
      const ref = await f.app.chancy.push(job, { session: client })
      expect(await f.pass()).toBe(250)
      expect(await f.ticks('other')).toEqual(['00:01:00'])
      expect(await getSchedule(f.app.chancy, 'held')).toMatchObject({
        state: 'active',
        lastAt: null,
      })
      await client.query('COMMIT')
      await f.pass()
      expect(await getTicks(f.app.chancy, 'held')).toMatchObject([
        { what: 'skipped', holder: ref.id },
      ])
    })
  })

  it('for the unique keys of an open transaction is tried behind the others, a few in a pass', async () => {
    const pool = new pg.Pool({ connectionString: databaseUrl(schema) })
    let firings = 0
    const url = hooked(pgDriver(pool), (text, send) => {
      if (text.includes('cron_fire_1')) firings++
      return send()
    })
    await using f = await ScheduleFixture.open(schema, { url })
    const keys = (name: string, count: number) =>
      Array.from({ length: count }, (_, n) => `${name}${n}`).toSorted()
    const [held, others] = [keys('held', 25), keys('other', 5)]
    for (const key of [...held, ...others])
      await schedule(f.app.chancy, { ...each, key, overlap: 'skip' })
    const fired = f.app.all('cron.fired')
    await withClient(async (client) => {
      await client.query('BEGIN')
      for (const key of held)
        await f.app.chancy.push(work.withUniqueKey(`cron:${key}`), { session: client })
      await f.at('00:01:00')
      expect(await f.pass()).toBe(250)
      await f.sql('DELETE FROM $schema.jobs')
      await f.at('00:02:00')
      firings = 0
      expect(await f.pass()).toBe(250)
      // One for the others, and ten for what is held.
      expect(firings).toBe(11)
      expect(fired.map(({ key }) => key)).toEqual([...others, ...others])
      await client.query('ROLLBACK')
    })
    fired.length = 0
    // A notification waits for those of other databases, so on a busy server one pass may not be enough.
    for (let n = 0; n < 40 && fired.length < held.length; n++) await f.pass()
    expect(fired.map(({ key }) => key).toSorted()).toEqual(held)
    await f.app.chancy.close()
    await pool.end()
  })

  it('and cannot be broken, since an open transaction edits it, holds up no other', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a-bad' })
    await schedule(f.app.chancy, { ...each, key: 'b-good' })
    await f.sql(`UPDATE $schema.cron_schedules SET timing = '7' WHERE key = 'a-bad'`)
    await f.at('00:01:00')
    await withClient(async (client) => {
      await client.query('BEGIN')
      await schedule(f.app.chancy, { ...each, key: 'a-bad' }, { session: client })
      await f.pass()
      expect(await f.ticks('b-good')).toEqual(['00:01:00'])
      await client.query('COMMIT')
    })
    expect(await getSchedule(f.app.chancy, 'a-bad')).toMatchObject({ state: 'active' })
  })

  it('for a replaced job that an open transaction holds is fired, and the job cancelled later', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a', overlap: 'replace' })
    await schedule(f.app.chancy, { ...each, key: 'b' })
    await f.at('00:01:00')
    await f.pass()
    const first = (await f.jobs()).find(({ key }) => key === 'a')
    await withClient(async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT FROM ${schema}.jobs WHERE id = $1 FOR UPDATE`, [first?.id])
      await f.at('00:02:00')
      await f.pass()
      await f.at('00:03:00')
      await f.pass()
      expect(await f.ticks('b')).toEqual(['00:01:00', '00:02:00', '00:03:00'])
      await client.query('ROLLBACK')
    })
    await f.pass()
    expect((await f.jobs()).find(({ id }) => id === first?.id)).toMatchObject({
      state: 'cancelled',
    })
    expect(await f.sql('SELECT to_cancel FROM $schema.cron_schedules WHERE key = $$a$$')).toEqual([
      { to_cancel: [] },
    ])
  })

  it('for an edit in an open transaction is fired with the new definition when that commits', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:01:00')
    await withClient(async (client) => {
      await client.query('BEGIN')
      const job = work.withArgs({ edited: true })
      await schedule(f.app.chancy, { ...each, key: 'a', job }, { session: client })
      expect(await f.pass()).toBe(250)
      expect(await f.jobs()).toEqual([])
      await client.query('COMMIT')
    })
    await f.pass()
    expect(await f.jobs()).toMatchObject([{ args: { edited: true } }])
  })

  it('for a missing right is not broken: the pass fails, and is made again', async () => {
    const pool = new pg.Pool({ connectionString: databaseUrl(schema) })
    let isRefused = true
    const url = hooked(pgDriver(pool), (text, send) => {
      if (!isRefused || !text.includes('cron_fire_1')) return send()
      throw Object.assign(new Error('permission denied'), { code: '42501', severity: 'ERROR' })
    })
    await using f = await ScheduleFixture.open(schema, { url })
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:01:00')
    await expect(f.pass()).rejects.toThrow('permission denied')
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({ state: 'active' })
    isRefused = false
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:01:00'])
    await f.app.chancy.close()
    await pool.end()
  })
})

describe('the loops of the leader', () => {
  it('compute future ticks at an election as the zone data of that worker has them', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a', cron: '0 12 * * *' })
    await schedule(f.app.chancy, { ...each, key: 'due', cron: '0 12 * * *' })
    await f.sql(
      "UPDATE $schema.cron_schedules SET next_at = '2026-01-01T11:00:00Z', due_at = '2026-01-01T11:00:00Z'",
    )
    await f.sql(
      "UPDATE $schema.cron_schedules SET next_at = '2025-12-31T12:00:00Z' WHERE key = 'due'",
    )
    const woken = f.app.next('plugin.woken')
    await f.pass({ loop: 'zones' })
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({
      nextAt: new Date('2026-01-01T12:00:00Z'),
    })
    expect(await getSchedule(f.app.chancy, 'due')).toMatchObject({
      nextAt: new Date('2025-12-31T12:00:00Z'),
    })
    expect(await woken).toMatchObject({ loop: 'fire' })
  })

  it('remove ticks after seven days, but the newest of a schedule that is there', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await schedule(f.app.chancy, { ...each, key: 'gone' })
    for (const at of ['00:01:00', '00:02:00']) {
      await f.at(at)
      await f.pass()
    }
    await f.sql("DELETE FROM $schema.cron_schedules WHERE key = 'gone'")
    const plugin = f.app.chancy
    await f.at('2026-01-08T00:01:30Z')
    expect(await f.cleanup(10)).toBe(2)
    await f.at('2026-02-01T00:00:00Z')
    expect(await f.cleanup(1)).toBe(1)
    expect(await f.cleanup(10)).toBe(0)
    expect(await getTicks(plugin, 'a')).toMatchObject([{ at: new Date('2026-01-01T00:02:00Z') }])
  })
})
