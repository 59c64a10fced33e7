import { pgDriver } from 'chancy'
import {
  getSchedule,
  getTicks,
  type Overlap,
  resumeSchedule,
  runNow,
  schedule,
} from 'chancy/plugins/cron'
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

describe('a pass', () => {
  it('fires what is due once, and waits until the next tick, at most five seconds', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:00:58.500')
    expect(await f.pass()).toBe(1_500)
    await f.at('00:00:30')
    expect(await f.pass()).toBe(5_000)
    expect(await f.jobs()).toEqual([])
    await f.at('00:01:00')
    const fired = f.app.all('cron.fired')
    expect(await f.pass()).toBe(5_000)
    expect(await f.pass()).toBe(5_000)
    const [job] = await f.jobs()
    const at = new Date('2026-01-01T00:01:00Z')
    expect(fired).toEqual([{ key: 'a', at, job: job!.id }])
    expect(await f.ticks('a')).toEqual(['00:01:00'])
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({
      lastAt: at,
      lastJob: job!.id,
      nextAt: new Date('2026-01-01T00:02:00Z'),
      missed: 0,
    })
  })

  it('of a worker that does not lead acts two seconds behind the leader', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a' })
    await f.at('00:00:59')
    expect(await f.pass({ isLeader: false })).toBe(3_000)
    await f.at('00:01:01.900')
    expect(await f.pass({ isLeader: false })).toBe(2_000)
    expect(await f.jobs()).toEqual([])
    await f.at('00:01:02')
    expect(await f.pass({ isLeader: false })).toBe(5_000)
    expect(await f.ticks('a')).toEqual(['00:01:00'])
  })

  it('fires later by the jitter of the tick, which every worker computes alike', async () => {
    const { nextAt } = await schedule(f.app.chancy, { ...each, key: 'a', jitter: '20s' })
    expect(nextAt).toEqual(new Date('2026-01-01T00:01:00Z'))
    const [{ due_at: due }] = (await f.sql('SELECT due_at FROM $schema.cron_schedules')) as [
      { due_at: Date },
    ]
    const laterMs = due.getTime() - nextAt!.getTime()
    expect(laterMs).toBeGreaterThan(0)
    expect(laterMs).toBeLessThan(20_000)
    await f.at(new Date(due.getTime() - 1).toISOString())
    expect(await f.pass()).toBe(1)
    expect(await f.jobs()).toEqual([])
    await f.at(due.toISOString())
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:01:00'])
  })

  it('ends a schedule whose last tick has come', async () => {
    const endsAt = new Date('2026-01-01T00:03:00Z')
    await schedule(f.app.chancy, { ...each, key: 'a', catchUp: { all: 5 }, endsAt })
    await f.at('01:00:00')
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:01:00', '00:02:00'])
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({ state: 'ended', nextAt: null })
    expect(await resumeSchedule(f.app.chancy, 'a')).toMatchObject({ state: 'ended' })
  })

  it('ends, even when schedules come due again while it fires', async () => {
    const pool = new pg.Pool({ connectionString: databaseUrl(schema) })
    let minute = 1
    const url = hooked(pgDriver(pool), async (text, send) => {
      const rows = await send()
      if (text.includes('cron_fire_1') && minute < 50)
        await f.at(`00:${String(++minute).padStart(2, '0')}:00`)
      return rows
    })
    await using slow = await ScheduleFixture.open(schema, { url })
    await schedule(slow.app.chancy, { ...each, key: 'a' })
    await slow.at('00:01:00')
    await slow.pass()
    expect(await slow.ticks('a')).toEqual(['00:01:00'])
    await slow.pass()
    expect(await slow.ticks('a')).toEqual(['00:01:00', '00:02:00'])
    await slow.app.chancy.close()
    await pool.end()
  })

  it('fires a thousand late ticks, oldest first, beside hundreds of other schedules', async () => {
    await schedule(f.app.chancy, {
      key: 'all',
      every: '1s',
      job: work,
      catchUp: { all: 1_000 },
      overlap: 'allow',
    })
    await schedule(f.app.chancy, { ...each, key: 'k' })
    await f.sql(
      `INSERT INTO $schema.cron_schedules (key, state, timing, policy, job, created_at, next_at, due_at)
       SELECT key || n, state, timing, policy, job, created_at, next_at, due_at
         FROM $schema.cron_schedules, generate_series(1, 599) n WHERE key = 'k'`,
    )
    await f.at('00:30:00')
    await f.pass()
    const jobs = await f.jobs()
    const all = jobs.filter(({ key }) => key === 'all').map(({ tick }) => Date.parse(tick!))
    expect(all).toHaveLength(1_000)
    expect(all).toEqual(all.toSorted((a, b) => a - b))
    expect(new Date(all.at(-1)!)).toEqual(new Date('2026-01-01T00:30:00Z'))
    expect(new Set(jobs.map(({ key }) => key)).size).toBe(601)
    expect(jobs).toHaveLength(1_600)
  })
})

describe('after an hour without the database', () => {
  it.each([
    ['skip', [], 59],
    ['last', ['00:59:30'], 58],
    [{ all: 3 }, ['00:57:30', '00:58:30', '00:59:30'], 56],
  ] as const)('a schedule with catchUp %o fires %o and counts the rest', async (...row) => {
    const [catchUp, fired, missed] = row
    const endsAt = new Date('2026-01-01T01:00:00Z')
    await schedule(f.app.chancy, { ...each, key: 'a', cron: '30 * * * * *', catchUp, endsAt })
    await f.at('00:00:30')
    await f.pass()
    const seen = f.app.all('cron.missed')
    await f.at('01:01:00')
    await f.pass()
    expect((await f.ticks('a')).slice(1)).toEqual(fired)
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({ missed })
    const from = new Date('2026-01-01T00:01:30Z')
    expect(seen).toMatchObject([{ key: 'a', count: missed, from }])
    const left = (await getTicks(f.app.chancy, 'a')).filter(({ what }) => what === 'missed')
    const why = `${missed} ticks were too late, and catchUp leaves them out`
    expect(left).toMatchObject([{ count: missed, from, job: null, why }])
    const logged = f.app.lines.filter(({ level }) => level === 'warn')
    expect(logged).toMatchObject([
      { message: 'ticks of schedules were missed', fields: { ticks: missed, keys: ['a'] } },
    ])
  })

  it('a tick that is at most a minute late is on time, and skip fires it', async () => {
    await schedule(f.app.chancy, { ...each, key: 'a', catchUp: 'skip', cron: '0 * * * *' })
    await f.at('01:01:00')
    await f.pass()
    expect(await f.ticks('a')).toEqual(['01:00:00'])
    await f.at('02:01:00.001')
    await f.pass()
    expect(await f.ticks('a')).toEqual(['01:00:00'])
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({ missed: 1 })
  })
})

describe('while the job of an earlier tick has not finished', () => {
  const twice = async (overlap: Overlap, _on = f): Promise<void> => {
    await schedule(f.app.chancy, { ...each, key: 'a', overlap })
    for (const at of ['00:01:00', '00:02:00']) {
      await f.at(at)
      await f.pass()
    }
  }

  it('skip pushes none, and records which job is in the way', async () => {
    const skipped = f.app.all('cron.skipped')
    await twice('skip')
    const [first] = await f.jobs()
    expect(await f.ticks('a')).toEqual(['00:01:00'])
    const at = new Date('2026-01-01T00:02:00Z')
    expect(skipped).toEqual([{ key: 'a', at, holder: first!.id }])
    expect(await getTicks(f.app.chancy, 'a', { limit: 1 })).toMatchObject([
      {
        at,
        what: 'skipped',
        job: null,
        holder: first!.id,
        why: expect.stringContaining(first!.id),
      },
    ])
    expect(await getSchedule(f.app.chancy, 'a')).toMatchObject({ lastAt: at, lastJob: first!.id })
    expect(await runNow(f.app.chancy, 'a')).toMatchObject({ id: first!.id, created: false })
    await f.app.chancy.cancel(first!.id)
    await f.at('00:03:00')
    await f.pass()
    expect(await f.ticks('a')).toEqual(['00:01:00', '00:03:00'])
  })

  it('queue pushes one that waits for it, as does a manual run', async () => {
    await twice('queue')
    await runNow(f.app.chancy, 'a')
    const text = 'SELECT DISTINCT concurrency_key, concurrency_max, unique_key FROM $schema.jobs'
    expect(await f.sql(text)).toEqual([
      { concurrency_key: 'cron:a', concurrency_max: 1, unique_key: null },
    ])
    expect((await f.ticks('a')).toSorted()).toEqual(['00:01:00', '00:02:00', 'manual'])
  })

  it('replace cancels it, and the new one waits for its end', async () => {
    await twice('replace')
    const [first, second] = await f.jobs()
    expect([first!.state, second!.state]).toEqual(['cancelled', 'pending'])
    const run = await runNow(f.app.chancy, 'a')
    await f.pass()
    await f.at('00:04:00')
    await f.sql(
      `UPDATE $schema.cron_schedules SET policy = jsonb_set(policy, '{catchUp}', '{"all": 2}')`,
    )
    await f.pass()
    const states = (await f.jobs()).map(({ state, tick, id }) => {
      const name = id === run.id ? 'manual' : tick!.slice(11, 16)
      return [name, state] as const
    })
    expect(Object.fromEntries(states)).toEqual({
      '00:01': 'cancelled',
      '00:02': 'cancelled',
      '00:03': 'cancelled',
      '00:04': 'pending',
      manual: 'cancelled',
    })
    expect(await f.sql('SELECT blocked FROM $schema.jobs')).toEqual([{ blocked: false }])
    expect(await f.sql('SELECT to_cancel FROM $schema.cron_schedules')).toEqual([{ to_cancel: [] }])
  })

  it('replace cancels it even when the worker died right after the push', async () => {
    const pool = new pg.Pool({ connectionString: databaseUrl(schema) })
    let isDead = false
    const url = hooked(pgDriver(pool), (text, send) => {
      if (isDead && text.includes('cancel_1')) throw connectionLost()
      return send()
    })
    await using f = await ScheduleFixture.open(schema, { url })
    await schedule(f.app.chancy, { ...each, key: 'a', overlap: 'replace' })
    await f.at('00:01:00')
    await f.pass()
    isDead = true
    await f.at('00:02:00')
    await f.pass()
    expect((await f.jobs()).map(({ state }) => state)).toEqual(['pending', 'pending'])
    isDead = false
    await f.pass({ isLeader: false })
    expect((await f.jobs()).map(({ state }) => state)).toEqual(['cancelled', 'pending'])
    await f.app.chancy.close()
    await pool.end()
  })

  it('allow pushes another', async () => {
    await twice('allow')
    expect(await f.sql('SELECT blocked, unique_key AS key FROM $schema.jobs')).toEqual([
      { blocked: false, key: null },
      { blocked: false, key: null },
    ])
  })

  it('a key and a limit of the job itself stay', async () => {
    await schedule(f.app.chancy, {
      ...each,
      key: 'a',
      overlap: 'skip',
      job: work.withUniqueKey('own'),
    })
    await schedule(f.app.chancy, {
      ...each,
      key: 'b',
      overlap: 'queue',
      job: work.withConcurrency(3),
    })
    await f.at('00:01:00')
    await f.pass()
    const text =
      'SELECT unique_key, concurrency_key, concurrency_max FROM $schema.jobs ORDER BY unique_key'
    expect(await f.sql(text)).toEqual([
      { unique_key: 'own', concurrency_key: null, concurrency_max: null },
      { unique_key: null, concurrency_key: 'work', concurrency_max: 3 },
    ])
  })
})
