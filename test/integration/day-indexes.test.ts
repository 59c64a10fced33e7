import { Chancy, type Logger } from 'chancy'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../dist/core/clock.js'
import { Database } from '../../dist/database/database.js'
import { pgDriver } from '../../dist/database/drivers/pg.js'
import { namesOf } from '../../dist/database/names.js'
import type { DayIndex } from '../../dist/database/statements/day-indexes.js'
import { Hub } from '../../dist/events/hub.js'
import { DayIndexer } from '../../dist/worker/maintenance/day-indexer.js'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { plansOf } from '../support/plans.ts'
import { until } from '../support/until.ts'

const app = testApplication({ empties: false })
const DAYS = ['20260310', '20260311'] as const
const ROWS = 3_000
let chancy: Chancy

beforeAll(async () => {
  chancy = new Chancy(databaseUrl(app.schema), { schema: app.schema, notifications: false })
  for (const day of DAYS) {
    await app.sql(
      `CREATE TABLE ${app.schema}.finished_jobs_${day} (LIKE $finished_jobs INCLUDING DEFAULTS INCLUDING INDEXES)`,
    )
    await app.sql(
      `ALTER TABLE $finished_jobs ATTACH PARTITION ${app.schema}.finished_jobs_${day}
         FOR VALUES FROM ('${day} 00:00+00') TO ('${Number(day) + 1} 00:00+00')`,
    )
    await app.sql(
      `INSERT INTO $finished_jobs (id, fence, created_at, finished_at, priority, attempts, crashes, format, state, queue,
              name, args, meta)
       SELECT ('019cd9e8-${day.slice(4)}-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, '${day} 12:00+00',
              '${day} 13:00+00', 0, 1, 0, 1, 'succeeded', 'q', CASE WHEN n % 1500 = 7 THEN 'rare' ELSE 'usual' END,
              jsonb_build_object('n', n, 'same', 1), jsonb_build_object('tenant', n % 1000)
         FROM generate_series(1, ${ROWS}) AS n`,
    )
  }
})
afterAll(() => chancy.close())
beforeEach(async () => {
  for (const day of DAYS)
    for (const kind of ['name', 'args'])
      await app.sql(`DROP INDEX IF EXISTS ${app.schema}.finished_jobs_${day}_${kind}`)
})

interface Setting {
  readonly kinds?: readonly DayIndex[]
  readonly prepare?: boolean
  readonly max?: number
}

function indexer({ kinds = ['name', 'args'], prepare = true, max = 4 }: Setting = {}) {
  const lines: string[] = []
  const line = (fields: object, message = ''): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  const log: Logger = { debug: line, info: line, warn: line, error: line }
  const hub = new Hub((_, error) => {
    throw error
  })
  const database = new Database(pgDriver(app.pool(max)), namesOf(app.schema), {
    clock: systemClock,
    prepare,
  })
  const made: number[] = []
  hub.on('days.indexed', (event) => made.push(event.made))
  const task = new DayIndexer({ database, hub, log, kinds })
  const pass = async (signal = new AbortController().signal): Promise<void> => {
    await task.pass(signal)
  }
  return { pass, lines, made }
}

/** The indexes of the search, and whether each is valid. */
async function indexes(): Promise<Record<string, boolean>> {
  const rows = await app.sql<{ name: string; valid: boolean }>(
    `SELECT c.relname AS name, x.indisvalid AS valid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
      WHERE c.relnamespace = $1::regnamespace AND c.relname ~ '^finished_jobs_[0-9]+_(name|args)$' ORDER BY 1`,
    [app.schema],
  )
  return Object.fromEntries(rows.map(({ name, valid }) => [name.slice(14), valid]))
}

const ALL = Object.fromEntries(
  DAYS.flatMap((day) => [
    [`${day}_args`, true],
    [`${day}_name`, true],
  ]),
)

describe('The indexes of days that are over', () => {
  it('are made a while after the start, and not of the present day', async () => {
    const { pass, made } = indexer()
    await pass()
    expect(await indexes()).toEqual({})
    await pass()
    expect(await indexes()).toEqual(ALL)
    await pass()
    expect(made).toEqual([4, 0])
  })

  it('are those of names alone unless asked otherwise, or none', async () => {
    const none = indexer({ kinds: [] })
    await none.pass()
    await none.pass()
    expect(await indexes()).toEqual({})
    const names = indexer({ kinds: ['name'] })
    await names.pass()
    await names.pass()
    expect(Object.keys(await indexes())).toEqual(['20260310_name', '20260311_name'])
  })

  it('answer searches by a name and by a value, as a walk does', async () => {
    const questions = [
      'name:rare',
      'args.n:7',
      'meta.tenant:9',
      'args.n:7,8 -name:rare',
      'args.same:1 args.n:5',
    ]
    const answers = async () =>
      Promise.all(
        questions.map(async (text) => {
          const { items } = await chancy.findJobs(text, { searchMs: 10_000 })
          return items.map(({ id }) => id)
        }),
      )
    const walked = await answers()
    expect(walked.map((ids) => ids.length)).toEqual([4, 2, 6, 2, 2])
    const { pass } = indexer()
    await pass()
    await pass()
    expect(await answers()).toEqual(walked)
    // A value that most jobs have is walked, page by page.
    const all: string[] = []
    let cursor: string | null = null
    do {
      const page = await chancy.findJobs('args.same:1', { limit: 1_000, cursor, searchMs: 10_000 })
      all.push(...page.items.map(({ id }) => id))
      cursor = page.next
    } while (cursor !== null)
    expect(new Set(all).size).toBe(ROWS * 2)
    expect(all).toEqual([...all].sort().reverse())

    const client = await app.client()
    for (const [query, index] of [
      [{ path: 'name', of_name: 'rare', names: ['rare'] }, '_name'],
      [{ path: 'args', args: 'exists($."n" ? (@ == 7))' }, '_args'],
    ] as const) {
      const values = [JSON.stringify({ live: true, history: true, is_running: false, ...query })]
      const text = `SELECT * FROM ${app.schema}.find_jobs_1($1::jsonb, NULL, 51, 10000)`
      const nodes = await plansOf(client, text, values)
      const used = nodes.flatMap(({ index: name }) => name ?? [])
      expect(used).toContain(`finished_jobs_20260310${index}`)
      const read = nodes.filter(({ relation }) => relation?.startsWith('finished_jobs_20') === true)
      expect(read.reduce((sum, { kept, dropped }) => sum + kept + dropped, 0)).toBeLessThan(50)
    }
  })

  it('are made again where one was left half made', async () => {
    const { pass } = indexer()
    await pass()
    await pass()
    await app.sql(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${app.schema}.finished_jobs_20260310_name'::regclass`,
    )
    await pass()
    expect(await indexes()).toEqual(ALL)
  })

  it('survive that their session is ended in the middle: the next pass makes them', async () => {
    const { client, pid } = await blocked()
    const { pass, lines } = indexer({ kinds: ['name'] })
    await pass()
    const passing = pass().catch(() => {})
    await app.sql('SELECT pg_terminate_backend($1)', [await pid()])
    await passing
    await client.query('ROLLBACK')
    await until(async () => Object.values(await indexes()).includes(false))
    await pass()
    expect(await indexes()).toEqual({ '20260310_name': true, '20260311_name': true })
    expect(lines.filter((line) => line.includes('was not made'))).toEqual([])
  })

  it('let a worker stop: what is being made is cancelled', async () => {
    const { client, pid } = await blocked()
    const { pass } = indexer({ kinds: ['name'] })
    await pass()
    const stop = new AbortController()
    const passing = pass(stop.signal)
    await pid()
    stop.abort()
    await passing
    expect(Object.values(await indexes())).not.toContain(true)
    await client.query('ROLLBACK')
  })

  it('are made by one session at a time', async () => {
    const { client, pid } = await blocked()
    const first = indexer({ kinds: ['name'] })
    await first.pass()
    const passing = first.pass()
    await pid()
    const second = indexer({ kinds: ['name'] })
    await second.pass()
    await second.pass()
    expect(second.made).toEqual([0])
    await client.query('ROLLBACK')
    await passing
    expect(first.made).toEqual([2])
  })

  it('are made by a function where a session cannot be kept, or the role does not own the days', async () => {
    const { pass, made } = indexer({ prepare: false })
    await pass()
    await pass()
    expect(made).toEqual([4])
    expect(await indexes()).toEqual(ALL)
    // Nothing else can be named.
    for (const partition of ['jobs', 'finished_jobs', 'finished_jobs_29990101']) {
      const rows = await app.sql<{ made: boolean }>(
        `SELECT ${app.schema}.index_day_1($1, 'name') AS made`,
        [partition],
      )
      expect(rows).toEqual([{ made: false }])
    }
  })

  it('are left out by a driver with few sessions, which the log says once', async () => {
    const { pass, lines } = indexer({ max: 2 })
    await pass()
    await pass()
    await pass()
    expect(await indexes()).toEqual({})
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('the driver has too few sessions')
  })
})

/** A transaction that an index waits for, and the session that waits. */
async function blocked(): Promise<{ client: pg.Client; pid: () => Promise<number> }> {
  const client = await app.client()
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await client.query(`SELECT 1 FROM ${app.schema}.finished_jobs_20260311 LIMIT 1`)
  const pid = async (): Promise<number> => {
    let found: number | undefined
    await until(async () => {
      const rows = await app.sql<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity
          WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND query LIKE $1 AND wait_event_type = 'Lock'`,
        [`%${app.schema}%`],
      )
      found = rows[0]?.pid
      return found !== undefined
    })
    return found!
  }
  return { client, pid }
}
