import { Chancy, type FindOptions, filterOf, type JobFilter, type QueuedJob } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../dist/core/seeded-random.js'
import { testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { isFitting } from '../support/fitting-jobs.ts'

const app = testApplication({ empties: false })
const COUNT = 400
const WORKER = '01890000-0000-7000-8000-000000000001'
const OTHER = '01890000-0000-7000-8000-000000000002'
/** When the ids were made; a job ends some minutes later, so that the order of the ends is another one. */
const START = Date.parse('2026-03-10T22:00:00Z')

let chancy: Chancy
let all: QueuedJob[]

beforeAll(async () => {
  chancy = new Chancy(databaseUrl(app.schema), { schema: app.schema, notifications: false })
  await chancy.migrate()
  for (const day of ['20260310', '20260311']) {
    await app.sql(
      `CREATE TABLE ${app.schema}.finished_jobs_${day} (LIKE $finished_jobs INCLUDING DEFAULTS INCLUDING INDEXES)`,
    )
    await app.sql(
      `ALTER TABLE $finished_jobs ATTACH PARTITION ${app.schema}.finished_jobs_${day}
         FOR VALUES FROM ('${day} 00:00+00') TO ('${Number(day) + 1} 00:00+00')`,
    )
  }
  // As the keeper of the partitions makes it of a day that is over.
  await app.sql(
    `CREATE INDEX finished_jobs_20260310_name ON ${app.schema}.finished_jobs_20260310 (name, id)`,
  )
  const common = `
    ('0' || substr(to_hex(${START}::bigint + n * 30000), 1, 7) || '-'
         || substr(to_hex(${START}::bigint + n * 30000), 8, 4) || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id,
    to_timestamp((${START}::bigint + n * 30000) / 1000.0) AS created_at,
    (ARRAY['mail', 'mail.slow', 'm_il', 'other'])[1 + n % 4] AS queue,
    (ARRAY['send', 'send.all', 'digest', 'rare%', 'x'])[1 + n * n % 5] AS name,
    jsonb_build_object('n', n % 7, 'user', jsonb_build_object('id', n % 11, 'tags', jsonb_build_array('t' || n % 3, n % 2)),
                       'text', (n % 4)::text, 'yes', n % 2 = 0, 'none', NULL) AS args,
    CASE WHEN n % 3 > 0 THEN jsonb_build_object('a b', n % 3, 'cron', jsonb_build_object('key', 'key-' || n % 5)) END AS meta,
    n % 4 - 1 AS priority, n % 5 AS attempts,
    CASE WHEN n % 6 = 0 THEN 'group:' || n % 12 END AS concurrency_key,
    CASE WHEN n % 5 = 0 THEN 'key-' || n % 20 END AS unique_key,
    CASE WHEN n % 2 = 0 THEN to_timestamp((${START}::bigint + n * 30000) / 1000.0) + n * interval '7 ms' END AS started_at,
    CASE WHEN n % 7 = 0 THEN to_timestamp(${START / 1000}) + n * interval '1 minute' END AS scheduled_at,
    CASE WHEN n % 2 = 0 THEN (CASE WHEN n % 4 = 0 THEN '${WORKER}' ELSE '${OTHER}' END)::uuid END AS worker_id,
    CASE WHEN n % 4 = 1 THEN jsonb_build_array(jsonb_build_object('kind', 'crash', 'attempt', 1, 'name', 'E', 'message', 'm'),
         jsonb_build_object('kind', CASE WHEN n % 8 = 1 THEN 'timeout' ELSE 'error' END, 'attempt', 2, 'name', 'E', 'message', 'm')) END AS errors`
  const columns = `id, created_at, queue, name, args, meta, priority, attempts, concurrency_key, started_at, scheduled_at, worker_id, errors`
  await app.sql(
    `INSERT INTO $finished_jobs (${columns}, unique_key, fence, crashes, format, finished_at, state, wall_ms, cpu_ms, peak_bytes)
     SELECT ${columns}, unique_key, 1, 0, 1, created_at + (n * 37 % 60) * interval '1 minute',
            (ARRAY['succeeded', 'succeeded', 'failed', 'cancelled'])[1 + n * 7 % 4],
            CASE WHEN n % 3 > 0 THEN n % 50 END, CASE WHEN n % 3 > 1 THEN n % 20 END, CASE WHEN n % 3 > 0 THEN n * 1000 END
       FROM (SELECT n, ${common} FROM generate_series(1, ${COUNT}) AS n WHERE n % 3 <> 1) r`,
  )
  await app.sql(
    `INSERT INTO $jobs (${columns}, unique_key, state, seq, position, blocked, run_at)
     SELECT ${columns}, unique_key || '-' || n, (ARRAY['pending', 'retrying', 'running', 'pending'])[1 + n % 4], n,
            CASE WHEN n % 5 > 1 OR n % 4 = 2 THEN n END, n % 5 = 1 AND n % 4 <> 2,
            CASE WHEN n % 5 = 0 AND n % 4 <> 2 THEN created_at + (n % 10) * interval '1 hour' END
       FROM (SELECT n, ${common} FROM generate_series(1, ${COUNT}) AS n WHERE n % 3 = 1) r`,
  )
  await app.sql(
    `INSERT INTO $claims (worker_id, claim_seq, ids)
     SELECT worker_id, 1, array_agg(id) FROM $jobs WHERE state = 'running' GROUP BY worker_id`,
  )
  all = await chancy.listJobs({ limit: 1_000 })
  expect(all).toHaveLength(COUNT)
}, 60_000)

afterAll(() => chancy.close())

/** All pages of a search, one after the other. */
async function pages(text: string | JobFilter, options: FindOptions = {}): Promise<QueuedJob[]> {
  const found: QueuedJob[] = []
  let cursor: string | null = null
  do {
    const page = await chancy.findJobs(text, { limit: 37, ...options, cursor, searchMs: 10_000 })
    expect(page.complete).toBe(true)
    found.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return found
}

const byCreation = (a: QueuedJob, b: QueuedJob): number => (a.id < b.id ? 1 : -1)
const idsOf = (jobs: readonly QueuedJob[]): string[] => jobs.map(({ id }) => id)
const fitting = (text: string): QueuedJob[] =>
  all.filter((job) => isFitting(job, filterOf(text), Date.now())).sort(byCreation)

describe('findJobs', () => {
  it.each([
    '',
    'state:succeeded',
    'state:waiting',
    'state:running',
    'state:running queue:mail',
    'state:finished',
    '-state:finished,running',
    'state:failed state:waiting',
    'queue:mail',
    'queue:m_il',
    'queue:mail,other',
    'queue:mail,other queue:mail',
    '-queue:mail',
    'queue:none',
    'name:send.* state:waiting',
    'send',
    '-name:send,digest',
    'name:send* -name:send',
    'rare%',
    'kind:timeout,crash',
    '-kind:timeout',
    'group:group:6',
    '-group:group:6',
    'unique:key-10',
    'unique:key-10-10,key-15',
    'unique:key-10-10 state:waiting',
    `worker:${WORKER}`,
    `worker:${OTHER} state:running`,
    `-worker:${WORKER}`,
    'schedule:key-1',
    '-schedule:key-1',
    'created:>=2026-03-11',
    'created:2026-03-10',
    '-created:2026-03-10',
    'created:2026-03-10T22:10Z..2026-03-10T22:20Z,>2026-03-11T01:00Z',
    'created:<1h',
    'finished:2026-03-11',
    'finished:<2026-03-11 state:succeeded',
    '-finished:<2026-03-11',
    'started:<2026-03-10T23:00Z',
    'scheduled:>2026-03-11T00:00Z',
    '-scheduled:>2026-03-11T00:00Z',
    'wait:>1s',
    'wait:<=1s',
    '-wait:>1s',
    'wall:>=49ms,<2ms',
    'wall:10ms..12ms cpu:>5ms',
    '-memory:>200000B',
    'attempts:0,3..4',
    'attempts:>3',
    'priority:<0',
    'args.n:3',
    'args.n:3,5 args.user.id:4',
    '-args.n:3',
    'args.text:"3"',
    'args.text:3',
    'args.yes:true args.none:null',
    '-args.missing:1',
    'args.user.tags:t1',
    '-args.user.tags:t1',
    'args.n.deep:1',
    '-args.n.deep:1',
    'meta."a b":1',
    '-meta."a b":1',
    'queue:mail state:succeeded args.user.id:3 created:>2026-03-10T22:30Z -name:x',
  ])('of %s finds what fits, by creation', async (text) => {
    const found = await pages(text, { order: 'newest' })
    // What an index knows of unfinished jobs comes first, then the rest by creation.
    const isMixed = /unique|worker/.test(text)
    expect(idsOf(isMixed ? found.sort(byCreation) : found)).toEqual(idsOf(fitting(text)))
    const count = await chancy.countJobs(text)
    expect(count).toEqual({ jobs: found.length, more: false, reached: null })
  })

  it('finds what fits a whole id, or its beginning', async () => {
    const { id } = all[5]!
    expect(idsOf(await pages(id))).toEqual([id])
    expect(idsOf(await pages(`${id} -state:${all[5]!.state}`))).toEqual([])
    const begin = id.slice(0, 12)
    expect(idsOf(await pages(begin))).toEqual(idsOf(fitting(begin)))
    expect(idsOf(await pages(`-id:${begin}`))).toEqual(idsOf(fitting(`-id:${begin}`)))
  })

  it.each([
    '',
    'state:failed',
    'state:cancelled',
    'state:running',
    'state:waiting',
    'state:finished',
  ])('finds no job but those of whole ids, also with %j', async (text) => {
    const some = fitting(text)
    const ids = idsOf([...some.slice(0, 3), ...fitting('state:succeeded').slice(0, 2)])
    const filter = `id:${ids.join()} ${text}`.trim()
    const expected = some.filter(({ id }) => ids.includes(id))
    expect(expected.length).toBeGreaterThanOrEqual(3)
    for (const order of text === 'state:failed'
      ? (['newest', 'ended'] as const)
      : (['newest'] as const))
      expect(idsOf(await pages(filter, { order })).sort()).toEqual(idsOf(expected).sort())
    expect(idsOf(await pages(filter)).sort()).toEqual(idsOf(expected).sort())
    expect(await chancy.countJobs(filter)).toMatchObject({ jobs: expected.length, more: false })
  })

  it('finds no job but those of whole ids in the line of a queue, and among what is due', async () => {
    const of = async (text: string, order: 'line' | 'due') => {
      const [first, , third] = await pages(text, { order })
      const ids = [first!.id, third!.id]
      expect(idsOf(await pages(`id:${ids.join()} ${text}`, { order }))).toEqual(ids)
    }
    await of('queue:mail', 'line')
    await of('state:waiting', 'due')
  })

  it('finds failed and cancelled jobs by when they ended, unless asked otherwise', async () => {
    for (const text of ['state:failed', 'state:failed,cancelled queue:mail', 'state:cancelled']) {
      const ended = fitting(text).sort(
        (a, b) => b.finishedAt!.getTime() - a.finishedAt!.getTime() || byCreation(a, b),
      )
      expect(idsOf(await pages(text))).toEqual(idsOf(ended))
      expect(idsOf(await pages(text, { order: 'ended', limit: 1 }))).toEqual(idsOf(ended))
      expect(idsOf(await pages(text, { order: 'newest' }))).toEqual(idsOf(fitting(text)))
    }
  })

  it('finds a name day by day, where days have its index', async () => {
    const found = await pages('name:send')
    expect(idsOf([...found].sort(byCreation))).toEqual(idsOf(fitting('name:send')))
    const day = (job: QueuedJob) => job.finishedAt?.toISOString().slice(0, 10) ?? 'z'
    const closed = found.filter((job) => day(job) === '2026-03-10')
    expect(closed.length).toBeGreaterThan(5)
    expect(idsOf(found.slice(-closed.length))).toEqual(idsOf([...closed].sort(byCreation)))
  })

  it('finds the line of a queue in its order, and what is due by its time', async () => {
    const line = await pages('queue:mail', { order: 'line', limit: 7 })
    const { rows } = await (await app.client()).query<{ id: string }>(
      `SELECT id FROM ${app.schema}.jobs WHERE queue = 'mail' AND position IS NOT NULL AND state <> 'running'
        ORDER BY priority DESC, position`,
    )
    expect(rows.length).toBeGreaterThan(10)
    expect(idsOf(line)).toEqual(rows.map(({ id }) => id))
    const due = await pages('', { order: 'due', limit: 3 })
    const { rows: later } = await (await app.client()).query<{ id: string }>(
      `SELECT id FROM ${app.schema}.jobs WHERE position IS NULL AND NOT blocked AND run_at IS NOT NULL ORDER BY run_at, id`,
    )
    expect(later.length).toBeGreaterThan(10)
    expect(idsOf(due)).toEqual(later.map(({ id }) => id))
    await expect(chancy.findJobs('', { order: 'line' })).rejects.toThrow('a filter with one queue')
  })

  it('finds what 150 generated filters say', { timeout: 60_000 }, async () => {
    const random = seededRandom('find-jobs')
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const terms = [
      () => `state:${pick(['waiting', 'finished', 'succeeded', 'running,failed', 'pending'])}`,
      () => `queue:${pick(['mail', 'other', 'mail,m_il'])}`,
      () => `name:${pick(['send', 'send*', 'digest,x', '*'])}`,
      () => `args.n:${Math.floor(random() * 8)}`,
      () => `args.user.id:${pick(['1', '2,3', '"1"'])}`,
      () => `attempts:${pick(['>1', '<3', '0..2'])}`,
      () =>
        `created:${pick(['<2026-03-11', '>=2026-03-11', '2026-03-10T23:00Z..2026-03-11T00:30Z'])}`,
      () => `finished:${pick(['<2026-03-11T00:30Z', '2026-03-11'])}`,
      () => `wall:${pick(['>20ms', '<=30ms'])}`,
      () => `group:${pick(['group:0', 'group:6'])}`,
      () => `unique:${pick(['key-0', 'key-5', 'key-10-10'])}`,
      () => `kind:${pick(['timeout', 'error'])}`,
    ]
    for (let n = 0; n < 150; n++) {
      const made = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
        return `${random() < 0.25 ? '-' : ''}${pick(terms)()}`
      })
      const text = made.join(' ')
      const { items, next } = await chancy.findJobs(text, { limit: 1_000, searchMs: 10_000 })
      expect(next, text).toBeNull()
      expect(idsOf([...items].sort(byCreation)), text).toEqual(idsOf(fitting(text)))
    }
  })

  it('stops when its time is over, says how far it came, and continues from there', async () => {
    const found: QueuedJob[] = []
    let cursor: string | null = null
    let incomplete = 0
    do {
      // The deadline is over after the first rows that are looked at together.
      const page = await chancy.findJobs('args.n:3', { searchMs: 1, cursor })
      if (!page.complete) {
        incomplete += 1
        expect(page.reached).toBeInstanceOf(Date)
        expect(page.next).not.toBeNull()
      }
      found.push(...page.items)
      cursor = page.next
    } while (cursor !== null)
    expect(idsOf(found)).toEqual(idsOf(fitting('args.n:3')))
    expect(incomplete).toBeLessThan(10)
  })

  it('refuses a cursor of another filter, order or scope, and one that was made up', async () => {
    const { next } = await chancy.findJobs('queue:mail', { limit: 5 })
    const invalid = { code: 'CURSOR_INVALID' }
    await expect(chancy.findJobs('queue:other', { cursor: next })).rejects.toMatchObject(invalid)
    await expect(
      chancy.findJobs('queue:mail', { cursor: next, scope: { queues: ['m*'] } }),
    ).rejects.toMatchObject(invalid)
    const binding = Buffer.from(next!, 'base64url').toString().slice(0, 16)
    for (const text of ['{}x', '[]', '{"id":"x"}', '{"s":"\'; DROP"}', '{"at":"now"}', '{"p":1.5}'])
      for (const cursor of [text, Buffer.from(binding + text).toString('base64url'), ''])
        await expect(chancy.findJobs('queue:mail', { cursor })).rejects.toMatchObject(invalid)
    // The same filter in other words.
    const page = await chancy.findJobs('queue:"mail"', { cursor: next, limit: 5 })
    expect(page.items).toHaveLength(5)
  })

  it('sees the queues of a scope alone', async () => {
    const scope = { queues: ['mail*', 'm_il'] }
    const seen = all.filter(({ queue }) => queue.startsWith('mail') || queue === 'm_il')
    expect(idsOf(await pages('', { scope }))).toEqual(idsOf([...seen].sort(byCreation)))
    expect(await pages('', { scope: { queues: [] } })).toEqual([])
    expect((await chancy.countJobs('', { scope })).jobs).toBe(seen.length)
    const hidden = all.find(({ queue }) => queue === 'other')!
    expect(await pages(hidden.id, { scope })).toEqual([])
  })

  it('refuses a filter that names what is masked, in the text at its place', async () => {
    const scope = { masked: ['args.user.*', '**.password', 'meta.cron'] }
    for (const [text, at] of [
      ['queue:mail args.user.id:7', 11],
      ['args.user:7', 0],
      ['args.a.password.b:7', 0],
      ['-schedule:x', 0],
    ] as const) {
      await expect(chancy.findJobs(text, { scope })).rejects.toMatchObject({
        code: 'FILTER_INVALID',
        details: { at },
      })
      await expect(chancy.countJobs(filterOf(text), { scope })).rejects.toThrow('is masked')
    }
    await chancy.findJobs('args.n:3 meta."a b":1', { scope })
  })

  it('leaves parts out that are larger than asked for, with their sizes', async () => {
    const { items } = await chancy.findJobs('state:failed', { maxPartBytes: 50, limit: 1 })
    expect(items[0]!.omitted!.args).toBeGreaterThan(50)
    expect(items[0]!.args).toBeNull()
    const { items: whole } = await chancy.findJobs('state:failed', { limit: 1 })
    expect(whole[0]!.omitted).toBeUndefined()
    expect(whole[0]!.args).toHaveProperty('user')
  })
})
