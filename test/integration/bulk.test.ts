import { job, Queue } from 'chancy'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frozenFilter } from '../../src/app/bulk/frozen-filter.ts'
import { sql, startApp, type TestApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const one = job({ name: 'one', queue: 'off' }, () => {})
const letter = job({ name: 'letter', queue: 'letters' }, () => {})
const dying = job({ name: 'dying', queue: 'off', deadLetter: letter }, () => {})
const apps: TestApp[] = []
const actor = { id: 'u1' }

beforeAll(async () => {
  // Two processes' worth of workers carry on whatever is due; neither runs the jobs.
  for (let n = 0; n < 2; n++) apps.push(await startApp({ schema, jobs: [one, letter, dying] }))
  for (const name of ['off', 'letters'])
    await apps[0]!.chancy.declare(new Queue(name, { executor: 'inline', state: 'paused' }))
  for (const app of apps) await app.start()
})
afterAll(async () => {
  for (const app of apps) await app[Symbol.asyncDispose]()
})

const chancy = () => apps[0]!.chancy
const pushed = async (count: number) =>
  (await chancy().pushMany(Array.from({ length: count }, () => one))).map(String)
/** Resolves when the action has ended, by whichever of the two: its row says so, an event may be over before it is asked for. */
const ended = (id: string) =>
  until(async () => {
    const found = await chancy().bulk.get(id)
    return found?.finishedAt == null ? null : found
  })
/** Resolves when the action has changed the first of its jobs. */
const begun = (id: string) => until(async () => ((await chancy().bulk.get(id))?.done ?? 0) > 0)
const cancelled = async (count: number) => {
  const ids = await pushed(count)
  for (const id of ids) await chancy().cancel(id)
  return ids
}

describe('A bulk action', () => {
  it('changes each of its jobs once, with two workers that carry it on', async () => {
    const ids = await cancelled(250)
    await sql(
      schema,
      `CREATE TABLE IF NOT EXISTS $schema.ledger (id uuid);
       CREATE OR REPLACE FUNCTION $schema.note() RETURNS trigger LANGUAGE plpgsql AS
         $do$ BEGIN INSERT INTO $schema.ledger VALUES (NEW.id); RETURN NULL; END $do$;
       CREATE TRIGGER note AFTER INSERT ON $schema.jobs FOR EACH ROW EXECUTE FUNCTION $schema.note()`,
    )
    const options = { ratePerSecond: 2_000, actor, reason: 'the provider is back' }
    const started = await chancy().bulk.start({ action: 'retry', ids }, options)
    expect(started).toMatchObject({ state: 'waiting', ids: 250, reason: options.reason, actor })
    await ended(started.id)
    expect(await chancy().bulk.get(started.id)).toMatchObject({
      ...{ state: 'done', done: 250, skipped: 0, failed: 0, finishedAt: expect.any(Date) },
    })
    const [noted] = await sql(
      schema,
      'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS jobs FROM $schema.ledger',
    )
    expect(noted).toEqual({ rows: 250, jobs: 250 })
    await sql(schema, 'DROP TRIGGER note ON $schema.jobs')
    const { items } = await chancy().audit.list({ bulkId: started.id })
    expect(items).toMatchObject([{ verb: 'bulk.retry', reason: options.reason, actor }])
  })

  it('says which jobs it left as they are, and why', async () => {
    const waiting = await pushed(2)
    const [gone] = await cancelled(1)
    const key = one.job.withUniqueKey('k')
    const former = String(await chancy().push(key))
    await chancy().cancel(former)
    const holder = String(await chancy().push(key))
    const unknown = '0198a000-0000-7000-8000-000000000000'
    const ids = [...waiting, gone!, former, unknown]
    const { id } = await chancy().bulk.start({ action: 'retry', ids })
    await ended(id)
    expect(await chancy().bulk.get(id)).toMatchObject({
      ...{ state: 'done', done: 1, skipped: 3, failed: 1 },
      reasons: { JOB_NOT_FOUND: 1, JOB_STATE_CONFLICT: 2, UNIQUE_KEY_TAKEN: 1 },
    })
    const all = [...waiting, gone!, holder]
    const cancels = await chancy().bulk.start({ action: 'cancel', ids: all })
    await ended(cancels.id)
    const states = (await chancy().getJobs(all)).map(({ state }) => state)
    expect(states).toEqual(all.map(() => 'cancelled'))
  })

  it('stops where it is paused, continues from there, and keeps a new rate', async () => {
    const ids = await cancelled(20)
    const { id } = await chancy().bulk.start(
      { action: 'delete', ids },
      { ratePerSecond: 1, undoWindow: 0 },
    )
    await begun(id)
    expect(await chancy().bulk.pause(id, { actor })).toMatchObject({ state: 'paused' })
    const paused = await chancy().bulk.get(id)
    expect(paused?.done).toBeGreaterThan(0)
    expect(paused?.done).toBeLessThan(20)
    expect((await chancy().getJobs(ids)).length).toBe(20 - (paused?.done ?? 0))
    await chancy().bulk.setRate(id, 1_000, { actor })
    expect((await chancy().bulk.get(id))?.done).toBe(paused?.done)
    const end = ended(id)
    await chancy().bulk.resume(id, { actor })
    await end
    expect(await chancy().bulk.get(id)).toMatchObject({
      state: 'done',
      done: 20,
      ratePerSecond: 1_000,
    })
    expect(await chancy().getJobs(ids)).toEqual([])
    await expect(chancy().bulk.pause(id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
    const { items } = await chancy().audit.list({ target: `bulk:${id}` })
    expect(items.map(({ verb, outcome }) => `${verb} ${outcome}`)).toEqual([
      ...['bulk.pause refused', 'bulk.resume done', 'bulk.setRate done', 'bulk.pause done'],
      'bulk.delete done',
    ])
  })

  it('that deletes waits out its window, and is undone within it', async () => {
    const ids = await cancelled(3)
    const { id, undoUntil } = await chancy().bulk.start({ action: 'delete', ids })
    expect(undoUntil).toBeInstanceOf(Date)
    expect(await chancy().bulk.undo(id, { actor })).toMatchObject({ state: 'stopped', done: 0 })
    expect((await chancy().getJobs(ids)).length).toBe(3)
    await expect(chancy().bulk.undo(id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
  })

  it('is previewed: what becomes of jobs in each state, and what is skipped', async () => {
    const ids = [...(await pushed(2)), ...(await cancelled(3))]
    const preview = await chancy().bulk.preview({ action: 'retry', ids }, { ratePerSecond: 1 })
    expect(preview).toMatchObject({
      ...{ jobs: 5, hasMore: false, takesMs: 5_000, canUndo: true, filter: null },
      states: [
        { state: 'pending', jobs: 2, what: 'skipped: pending', isSkipped: true },
        { state: 'cancelled', jobs: 3, what: 'retried', isSkipped: false },
      ],
    })
    expect(preview.samples.length).toBe(5)
  })

  it('is refused for a filter that bounds nothing, for too many ids, and for what it cannot do', async () => {
    const { bulk } = chancy()
    await expect(bulk.start({ action: 'retry', where: 'created:<2h' })).rejects.toThrow(
      /everything/,
    )
    await expect(bulk.start({ action: 'retry' })).rejects.toThrow(/either where or ids/)
    const many = Array.from(
      { length: 1_001 },
      (_, n) => `0198a000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    )
    await expect(bulk.start({ action: 'retry', ids: many })).rejects.toThrow(/1 to 1000 jobs/)
    await expect(bulk.start({ action: 'move', ids: [many[0]!] })).rejects.toThrow(/needs queue/)
    await expect(
      bulk.start({ action: 'retry', where: `state:failed ${'args.a:1 '.repeat(18)}` }),
    ).rejects.toThrow(/at most 18 terms/)
    expect(await bulk.get(many[0]!)).toBeNull()
    await expect(bulk.stop(many[0]!)).rejects.toMatchObject({ code: 'BULK_NOT_FOUND' })
  })
})

/** Starts an action and waits for its end, or for that of its undo. */
const run = async (start: () => Promise<{ readonly id: string }>) => {
  const { id } = await start()
  return ended(id)
}
const fast = { ratePerSecond: 2_000 }
const states = async (ids: readonly string[]) =>
  (await chancy().getJobs(ids)).map(({ state }) => state)
/** Rows as the database has them, without where a job stands in the line. */
const rows = (table: string, ids: readonly string[]) =>
  sql(
    schema,
    `SELECT to_jsonb(r) - '{seq,position,run_at}'::text[] AS row FROM $schema.${table} r WHERE id = ANY ($1) ORDER BY id`,
    [ids],
  )

describe('An action on what a filter finds', () => {
  it('leaves what was pushed later, and what has changed since it was found', async () => {
    const [mine, other] = ['filtered', 'elsewhere'].map((tenant) => one.job.withMeta({ tenant }))
    const pushedOf = async (work: typeof mine, count: number) =>
      (await chancy().pushMany(Array.from({ length: count }, () => work!))).map(String)
    const ids = await pushedOf(mine, 230)
    const others = await pushedOf(other, 3)
    // The step that finds this job waits for the transaction, which ends it first.
    const held = ids[100]!
    const client = new pg.Client({ connectionString: databaseUrl(schema) })
    await client.connect()
    await client.query('BEGIN')
    await client.query(`SELECT * FROM ${schema}.cancel_1($1, false)`, [held])
    const action = { action: 'cancel', where: 'queue:off meta.tenant:filtered' } as const
    const { id } = await chancy().bulk.start(action, fast)
    const [later] = await pushedOf(mine, 1)
    await until(async () => (await chancy().bulk.get(id))?.done === 229)
    await client.query('COMMIT')
    await client.end()
    const found = await run(async () => ({ id }))
    expect(found).toMatchObject({ done: 229, skipped: 1, reasons: { JOB_STATE_CONFLICT: 1 } })
    expect(new Set(await states(ids))).toEqual(new Set(['cancelled']))
    expect(await states([later!, ...others])).toEqual(Array(4).fill('pending'))
    await chancy().cancelAll({ queue: 'off' })
  })

  it('of some queues passes over jobs of others, also when their ids are given', async () => {
    const ids = await pushed(2)
    const [own] = (await chancy().pushMany([one.job.withQueue('mine')])).map(String)
    const request = { action: 'cancel', ids: [...ids, own!], queues: ['mi*'] } as const
    expect(await run(() => chancy().bulk.start(request, fast))).toMatchObject({
      ...{ done: 1, skipped: 2, reasons: { JOB_NOT_FOUND: 2 } },
    })
    expect(await states([...ids, own!])).toEqual(['pending', 'pending', 'cancelled'])
    await chancy().cancelAll({ queue: 'off' })
  })
})

describe('An action that changes waiting jobs', () => {
  it('moves them, changes their priority or lets them run now, and says what stayed as it was', async () => {
    const ids = await pushed(3)
    const later = String(await chancy().push(one.job.withDelay('1h')))
    const [gone] = await cancelled(1)
    const all = [...ids, later, gone!]
    const start = (request: object) =>
      run(() => chancy().bulk.start({ ids: all, ...request } as never, fast))
    expect(await start({ action: 'reprioritise', priority: 7 })).toMatchObject({
      ...{ done: 4, skipped: 1, priority: 7, reasons: { JOB_STATE_CONFLICT: 1 } },
    })
    expect(await start({ action: 'reprioritise', priority: 7 })).toMatchObject({
      ...{ done: 0, skipped: 5, reasons: { UNCHANGED: 4, JOB_STATE_CONFLICT: 1 } },
    })
    expect(await start({ action: 'move', queue: 'off2' })).toMatchObject({ done: 4, skipped: 1 })
    const before = await chancy().getJob(later)
    expect(before).toMatchObject({ priority: 7, queue: 'off2', scheduledAt: expect.any(Date) })
    expect(await start({ action: 'run-now' })).toMatchObject({
      ...{ done: 1, reasons: { UNCHANGED: 3, JOB_STATE_CONFLICT: 1 } },
    })
    expect((await chancy().getJob(later))?.scheduledAt?.getTime()).toBeLessThan(
      before!.scheduledAt!.getTime(),
    )
    const undo = async (action: string) => {
      const { items } = await chancy().bulk.list()
      const { id } = items.find((one) => one.action === action && one.done > 0)!
      return run(() => chancy().bulk.undo(id, { actor }))
    }
    expect(await undo('run-now')).toMatchObject({ action: 'undo', done: 1, skipped: 0 })
    expect((await chancy().getJob(later))?.scheduledAt).toEqual(before?.scheduledAt)
    await chancy().editJob(ids[0]!, { queue: 'off3' })
    expect(await undo('move')).toMatchObject({
      ...{ done: 3, skipped: 1, reasons: { CHANGED_MEANWHILE: 1 } },
    })
    expect(await undo('reprioritise')).toMatchObject({ done: 4, skipped: 0 })
    const jobs = await chancy().getJobs([...ids, later])
    expect(jobs.map(({ queue, priority }) => `${queue} ${priority}`)).toEqual([
      ...['off3 0', 'off 0', 'off 0', 'off 0'],
    ])
    await chancy().cancelAll({ name: 'one' })
  })
})

describe('An action that is undone', () => {
  it('puts cancelled jobs back as they were, except those that have changed since', async () => {
    const key = one.job.withUniqueKey('undone')
    const ids = [
      ...(await pushed(120)),
      ...(
        await chancy().pushMany([
          one.job.withDelay('2h'),
          one.job.withPriority(3).withMeta({ a: 1 }),
        ])
      ).map(String),
      String(await chancy().push(key)),
      String(await chancy().push(one.job.withUniqueKey('undone too'))),
    ].sort()
    const before = await rows('jobs', ids)
    const bulk = await run(() => chancy().bulk.start({ action: 'cancel', ids }, fast))
    expect(bulk).toMatchObject({ done: 124, undoUntil: expect.any(Date) })
    // One waits again by hand, one is gone, and the key of a third is taken.
    const [retried, deleted] = ids
    await chancy().retry(retried!)
    await chancy().deleteJob(deleted!)
    const taken = (await chancy().findJobs('unique:undone')).items.map(String)
    const holder = String(await chancy().push(key))
    const undone = await run(() => chancy().bulk.undo(bulk.id, { actor, reason: 'the wrong ones' }))
    expect(undone).toMatchObject({
      ...{ action: 'undo', undoOf: bulk.id, done: 121, skipped: 2, failed: 1, undoUntil: null },
      reasons: { CHANGED_MEANWHILE: 2, UNIQUE_KEY_TAKEN: 1 },
    })
    expect(taken.length).toBeLessThanOrEqual(1)
    const changed = [retried, deleted]
    const expected = before.filter(({ row }) => {
      const { id, unique_key: own } = row as { id: string; unique_key: string | null }
      return !changed.includes(id) && own !== 'undone'
    })
    const back = await rows(
      'jobs',
      expected.map(({ row }) => (row as { id: string }).id),
    )
    expect(back).toEqual(expected)
    expect(await chancy().bulk.get(bulk.id)).toMatchObject({ undoneBy: undone.id, undoUntil: null })
    await expect(chancy().bulk.undo(bulk.id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' })
    await expect(chancy().bulk.undo(undone.id)).rejects.toThrow(/is an undo itself/)
    const { items } = await chancy().audit.list({ bulkId: bulk.id, verb: 'bulk.undo' })
    expect(items.map(({ outcome }) => outcome)).toEqual(['refused', 'done'])
    await chancy().cancel(holder)
    await chancy().cancelAll({ name: 'one' })
  })

  it('ends jobs again that were retried and have not started, with their history and no second dead letter', async () => {
    const ids = (await chancy().pushMany(Array.from({ length: 105 }, () => dying)))
      .map(String)
      .sort()
    await sql(
      schema,
      `WITH gone AS (DELETE FROM $schema.jobs WHERE id = ANY ($1) RETURNING *)
       INSERT INTO $schema.finished_jobs (id, fence, created_at, finished_at, state, queue, name, args, priority, attempts,
              max_attempts, crashes, format, errors, fingerprint, wall_ms, extras)
       SELECT id, 3, created_at, now() - interval '1 ms', 'failed', queue, name, args, priority, 2, 2, 1, format,
              '[{"kind": "error", "attempt": 2}]', 77, 12.5, extras
         FROM gone`,
      [ids],
    )
    const letters = async () => (await chancy().listJobs({ queue: 'letters', limit: 1_000 })).length
    expect(await letters()).toBe(105)
    const before = await rows('finished_jobs', ids)
    const bulk = await run(() => chancy().bulk.start({ action: 'retry', ids }, fast))
    expect(bulk).toMatchObject({ done: 105 })
    // A worker has had one meanwhile.
    await sql(schema, `UPDATE $schema.jobs SET fence = 4, attempts = 3 WHERE id = $1`, [ids[0]])
    const waiting = chancy().waitForJob(ids[1]!, { timeout: '20s' })
    const undone = await run(() => chancy().bulk.undo(bulk.id))
    expect(undone).toMatchObject({ done: 104, skipped: 1, reasons: { CHANGED_MEANWHILE: 1 } })
    expect(await rows('finished_jobs', ids)).toEqual(
      before.filter(({ row }) => (row as { id: string }).id !== ids[0]),
    )
    expect((await waiting).state).toBe('failed')
    expect(await letters()).toBe(105)
    await chancy().cancelAll({ name: 'one' })
  })

  it('while it runs is stopped first, and its items are kept no longer than they are needed', async () => {
    const ids = await pushed(200)
    const { id } = await chancy().bulk.start({ action: 'cancel', ids }, { ratePerSecond: 20 })
    await begun(id)
    await chancy().bulk.pause(id)
    const paused = await chancy().bulk.get(id)
    expect(paused?.done).toBeLessThan(200)
    const undone = await run(() => chancy().bulk.undo(id))
    expect(undone).toMatchObject({ done: paused?.done, skipped: 0 })
    expect(await chancy().bulk.get(id)).toMatchObject({ state: 'stopped' })
    expect(new Set(await states(ids))).toEqual(new Set(['pending']))
    await sql(
      schema,
      `UPDATE $schema.bulk_actions SET undo_until = now() WHERE finished_at IS NOT NULL`,
    )
    await chancy().cancelAll({ name: 'one' })
  })
})

it('A filter is frozen: its times are dates, and what is pushed later does not fit', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  const frozen = frozenFilter('state:failed created:<2h', now, false)
  expect(frozen).toContain('state:failed')
  expect(frozen).toContain('2026-03-01T10:00:00.000Z')
  expect(frozen).toContain('2026-03-01T12:00:00.000Z')
  expect(frozen).not.toContain('2h')
})
