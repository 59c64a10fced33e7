import { type CatchUp, type Overlap, preview, schedule } from 'chancy/plugins/cron'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { type Fate, MortalWorkers } from '../support/cron/mortal-workers.ts'
import { ScheduleFixture, work } from '../support/schedules.ts'
import { type Chance, chance } from '../support/seed.ts'

const { schema, sql } = testApplication({ empties: false })

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000]
/** The week in which summer time begins in Berlin. */
const START = Date.parse('2026-03-26T00:00:01Z')
const END = START + 7 * DAY
/** How late another worker fires at the latest when the leader is dead. */
const TAKEOVER_MS = 4 * SECOND
const GRACE_MS = MINUTE

const rules: readonly CatchUp[] = ['skip', 'last', { all: 3 }]
const overlaps: readonly Overlap[] = ['skip', 'queue', 'replace', 'allow']
const timings = [
  { cron: '0 * * * *' },
  { cron: '30 2,14 * * *', timeZone: 'Europe/Berlin' },
  { every: '90m', startsAt: new Date(START - SECOND + HOUR) },
  { cron: '0 */2 * * *', timeZone: 'Europe/Berlin' },
] as const

/** Each rule for late ticks with each rule for overlaps, and timings in turn. */
const schedules = rules.flatMap((catchUp, row) =>
  overlaps.map((overlap, column) => ({
    key: `${JSON.stringify(catchUp)} ${overlap}`,
    catchUp,
    overlap,
    ...timings[(row + column) % timings.length]!,
  })),
)

type TickRow = {
  readonly at: Date
  readonly what: 'fired' | 'skipped' | 'missed'
  readonly recorded: Date
  readonly job: string | null
  readonly count: number
  readonly from: Date | null
}

type LiveJob = {
  readonly id: string
  readonly key: string
  readonly blocked: boolean
  readonly group: string | null
  readonly max: number | null
}

describe('a week of schedules', () => {
  it('fires each tick once or counts it as missed, while leaders die and clocks are set back and forth', async () => {
    await using fixture = await ScheduleFixture.open(schema)
    const { app } = fixture
    const set = (at: number) => fixture.at(new Date(at).toISOString())
    await set(START)
    for (const one of schedules) await schedule(app.chancy, { ...one, job: work })
    const workers = new MortalWorkers(app.chancy)
    const random = chance('the week of schedules')
    const live = () =>
      sql<LiveJob>(
        `SELECT id::text AS id, blocked, concurrency_key AS "group", concurrency_max AS max, meta #>> '{cron,key}' AS key FROM $jobs`,
      )

    let now = START
    let deaths = 0
    for (;;) {
      const due = (await workers.dueAt()) ?? END
      now = Math.max(now, due)
      if (now >= END) break
      const chances = random.next()
      if (chances < 0.04) await standBack(now - random.between(1, 6 * HOUR))
      else if (chances < 0.08) await jump(now + random.between(10 * MINUTE, 3 * HOUR))
      else if (chances < 0.12) now += random.between(HOUR, 5 * HOUR)
      deaths += await visit(now)
      await endSomeJobs()
    }
    expect(deaths).toBeGreaterThan(80)
    await set(END)
    await workers.pass(true)
    await workers.pass(true)

    for (const { key, overlap } of schedules) {
      const left = (await live()).filter((one) => one.key === key)
      if (overlap === 'replace' || overlap === 'skip')
        expect([key, left.length <= 1]).toEqual([key, true])
    }
    for (const one of schedules) await check(one)

    /** A leader that may die, then another worker behind it: nothing is due any more. Whether the leader died. */
    async function visit(at: number): Promise<number> {
      await set(at + random.between(0, SECOND))
      const lived = await Promise.all([
        workers.pass(true, fateOf(random)),
        random.next() < 0.2 ? workers.pass(true, fateOf(random)) : true,
      ])
      await set(at + TAKEOVER_MS)
      await workers.pass(false)
      expect((await workers.dueAt()) ?? END).toBeGreaterThan(at)
      return lived.filter((it) => !it).length
    }

    /** A clock that was set back fires nothing. */
    async function standBack(at: number): Promise<void> {
      const count = async () =>
        (await sql<{ n: number }>('SELECT count(*)::int AS n FROM $cron_ticks'))[0]?.n
      const before = await count()
      await set(at)
      await workers.pass(true)
      await workers.pass(false)
      expect(await count()).toBe(before)
    }

    /** A clock that was set forth by mistake fires what is due by it, and is then set back. */
    async function jump(at: number): Promise<void> {
      await set(at)
      await workers.pass(true, fateOf(random))
    }

    async function endSomeJobs(): Promise<void> {
      const jobs = await live()
      for (const [index, { key, overlap }] of schedules.entries()) {
        const own = jobs.filter((one) => one.key === key)
        if (overlap === 'skip') expect([key, own.length <= 1]).toEqual([key, true])
        if (overlap === 'queue' || overlap === 'replace') {
          const groups = new Set(own.map(({ group, max }) => `${group} ${max}`))
          expect([key, ...groups]).toEqual([key, ...(own.length === 0 ? [] : [`cron:${key} 1`])])
        }
        if (index % 4 === 3 || random.next() < 0.4) {
          const ends = own.filter(({ blocked }) => !blocked)
          await Promise.all(ends.map(({ id }) => app.chancy.cancel(id)))
        }
      }
    }
  }, 120_000)
})

function fateOf(random: Chance): Fate {
  return random.pick(['lives', 'dies before it', 'dies before its commit', 'dies after its commit'])
}

async function check({
  key,
  catchUp,
  overlap,
  ...timing
}: (typeof schedules)[number]): Promise<void> {
  const [row] = await sql<{ next: Date }>(
    'SELECT next_at AS next FROM $cron_schedules WHERE key = $1',
    [key],
  )
  const ticks = await sql<TickRow>(
    `SELECT at, what, recorded_at AS recorded, job::text AS job, count, from_at AS "from"
       FROM $cron_ticks WHERE key = $1 ORDER BY at`,
    [key],
  )
  const expected = preview(timing, { from: new Date(START), count: 500 })
    .map(({ at }) => at.getTime())
    .filter((at) => at < row!.next.getTime())
  const accounted = ticks.flatMap(({ at, what, from, count }) => {
    if (what !== 'missed') return [at.getTime()]
    const missed = expected.filter((one) => one >= from!.getTime() && one <= at.getTime())
    expect([key, count]).toEqual([key, missed.length])
    return missed
  })
  expect([key, ...accounted.sort((a, b) => a - b)]).toEqual([key, ...expected])

  const jobs = await sql<{ id: string; tick: string }>(
    `SELECT id::text AS id, meta #>> '{cron,tick}' AS tick FROM $all_jobs WHERE meta #>> '{cron,key}' = $1`,
    [key],
  )
  const fired = ticks.filter(({ what }) => what === 'fired')
  const texts = (pairs: readonly (readonly [unknown, unknown])[]) => pairs.map(String).sort()
  expect([key, ...texts(jobs.map(({ id, tick: at }) => [id, at]))]).toEqual([
    key,
    ...texts(fired.map(({ job: id, at }) => [id, at.toISOString()])),
  ])
  if (overlap !== 'skip')
    expect([key, ticks.filter(({ what }) => what === 'skipped')]).toEqual([key, []])

  const most = typeof catchUp === 'object' ? catchUp.all : 1
  for (const recorded of new Set(ticks.map((one) => one.recorded.getTime()))) {
    const together = ticks.filter((one) => one.recorded.getTime() === recorded)
    const done = together.filter(({ what }) => what !== 'missed')
    expect([key, done.length <= most]).toEqual([key, true])
    if (catchUp === 'skip')
      for (const { at } of done) expect(recorded - at.getTime()).toBeLessThanOrEqual(GRACE_MS)
    else expect([key, done.length > 0]).toEqual([key, true])
  }
}
