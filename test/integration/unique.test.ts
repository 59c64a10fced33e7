import { job, pgDriver } from 'chancy'
import { describe, expect, it } from 'vitest'
import { noting, pushesOf, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const task = job({ name: 'task' }, () => 'done')
const keyed = (key: string) => task.job.withUniqueKey(key)

/** Resolves when a session waits for a lock on behalf of a push. */
const someoneWaits = () =>
  until(async () => {
    const [row] = await app.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND application_name = $1`,
      [app.schema],
    )
    return row!.n > 0
  })

describe('a unique key', () => {
  it('gives the reference of the job that has it, also of a running one', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(keyed('a'))
    expect(first.created).toBe(true)
    expect(await chancy.push(keyed('a'))).toMatchObject({ id: first.id, created: false })
    await app.sql("UPDATE $jobs SET state = 'running', worker_id = gen_random_uuid()")
    expect(await chancy.push(keyed('a'))).toMatchObject({ id: first.id, created: false })
    expect(await chancy.push(keyed('A'))).toMatchObject({ created: true })
    expect(await app.count()).toBe(2)
  })

  it('gives one job to pushes that are gathered in one statement', async () => {
    const driver = noting(pgDriver(app.pool()))
    const chancy = app.chancy({ notifications: false }, driver)
    const refs = await Promise.all(Array.from({ length: 50 }, () => chancy.push(keyed('a'))))
    expect(pushesOf(driver)).toBe(1)
    expect(new Set(refs.map(({ id }) => id)).size).toBe(1)
    expect(refs.map(({ created }) => created)).toEqual([true, ...Array(49).fill(false)])
  })

  it('holds among the jobs of one pushMany and against those there before', async () => {
    const chancy = app.chancy()
    const before = await chancy.push(keyed('b'))
    const keys = ['a', 'b', 'c', 'a', null, 'c', null]
    const jobs = keys.map((key) => (key === null ? task.job : keyed(key)))
    const refs = await chancy.pushMany(jobs)
    expect(refs.map(({ created }) => created)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
    ])
    expect(refs[1]?.id).toBe(before.id)
    expect(refs[3]?.id).toBe(refs[0]?.id)
    expect(refs[5]?.id).toBe(refs[2]?.id)
    expect(await app.count()).toBe(5)
  })

  it('keeps the places of a batch in the order of the call', async () => {
    const keys = ['m', 'z', 'a', 'k']
    await app.chancy().pushMany(keys.map(keyed))
    const rows = await app.sql('SELECT unique_key FROM $jobs ORDER BY position')
    expect(rows.map(({ unique_key: key }) => key)).toEqual(keys)
  })

  it('is free again once its job has finished, was cancelled or deleted', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const first = await chancy.push(keyed('a'))
    await app.worker(chancy)
    await chancy.waitForJob(first)
    const second = await chancy.push(keyed('a').withDelay('1h'))
    expect(second).toMatchObject({ created: true })
    expect(await chancy.cancel(second)).toBe('cancelled')
    const third = await chancy.push(keyed('a').withDelay('1h'))
    expect(third.created).toBe(true)
    expect(new Set([first.id, second.id, third.id]).size).toBe(3)
  })

  it.each([
    ['COMMIT', false],
    ['ROLLBACK', true],
  ])('of an open transaction makes a second push wait for its %s', async (end, created) => {
    const chancy = app.chancy()
    const client = await app.client()
    await client.query('BEGIN')
    const first = await chancy.push(keyed('a'), { session: client })
    const second = chancy.push(keyed('a'))
    await someoneWaits()
    await client.query(end)
    expect(await second).toMatchObject({ created })
    expect((await second).id === first.id).toBe(!created)
    expect(await app.count()).toBe(1)
  })

  it('that stays busy fails at the deadline, while all other pushes succeed immediately', async () => {
    const chancy = app.chancy({ pushDeadline: '6s' })
    const client = await app.client()
    await client.query('BEGIN')
    await chancy.push(keyed('busy'), { session: client })
    const startedAt = performance.now()
    const busy = chancy.push(keyed('busy')).then(
      () => null,
      (error: unknown) => ({ error, tookMs: performance.now() - startedAt }),
    )
    let isOver = false
    void busy.then(() => {
      isOver = true
    })
    const batched = chancy.pushMany([keyed('y'), keyed('busy')])
    const manyFailed = expect(batched).rejects.toMatchObject({ code: 'UNIQUE_KEY_BUSY' })
    await someoneWaits()
    await Promise.all(Array.from({ length: 20 }, () => chancy.push(task)))
    expect(isOver).toBe(false)
    // Those with a key stand behind the first try for a busy one, and not behind its deadline.
    await Promise.all([chancy.push(keyed('x')), chancy.push(keyed('z'))])
    expect(isOver).toBe(false)
    const failed = await busy
    expect(failed?.error).toMatchObject({
      name: 'UniqueKeyError',
      code: 'UNIQUE_KEY_BUSY',
      message: expect.stringContaining('"busy"'),
    })
    expect(failed?.tookMs).toBeGreaterThan(5_800)
    await manyFailed
    await client.query('ROLLBACK')
    expect(await app.count()).toBe(22)
  })

  it('stays with one job while its holders finish and others push', async () => {
    const chancy = app.chancy({ jobs: [task] })
    await app.worker(chancy)
    const producers = Array.from({ length: 4 }, () => app.chancy())
    const refs = new Set<string>()
    const push = async (producer: typeof chancy) => {
      for (let n = 0; n < 40; n++) refs.add((await producer.push(keyed('hot'))).id)
    }
    await Promise.all(producers.map(push))
    await chancy.waitForJobs([...refs])
    // Every reference that was given is of a job that ran, and of no other.
    const rows = await app.sql('SELECT id::text AS id, state, attempts FROM $all_jobs')
    expect(new Set(rows.map(({ id }) => id))).toEqual(refs)
    expect(rows.every(({ state, attempts }) => state === 'succeeded' && attempts === 1)).toBe(true)
  })

  it('makes no deadlock of overlapping batches in different orders', async () => {
    // Deadlocks are counted by database, and other tests make some on purpose.
    await app.sql(`CREATE DATABASE ${app.schema}`)
    const url = new URL(databaseUrl(app.schema))
    url.pathname = app.schema
    // Found sooner than the wait for a key is given up.
    url.searchParams.set('options', '-c deadlock_timeout=20ms')
    const sessions = Array.from({ length: 8 }, () => app.chancy({ notifications: false }, url.href))
    await sessions[0]?.migrate()
    const rounds = 30
    for (let round = 0; round < rounds; round++) {
      const keys = Array.from({ length: 60 }, (_, n) => keyed(`${round} ${n}`))
      const turned = (by: number) => [...keys.slice(by), ...keys.slice(0, by)]
      const pushes = sessions.map((chancy, index) => {
        const order = turned((index * 7) % keys.length)
        return chancy.pushMany(index % 2 ? order.reverse() : order)
      })
      const given = (await Promise.all(pushes)).map((refs) => new Set(refs.map(({ id }) => id)))
      // Every push returned the same jobs.
      for (const ids of given) expect(ids).toEqual(given[0])
    }
    await Promise.all(sessions.map((chancy) => chancy.close()))
    // The sessions have ended, so their counts are in.
    const [counted] = await app.sql('SELECT deadlocks FROM pg_stat_database WHERE datname = $1', [
      app.schema,
    ])
    expect(counted).toEqual({ deadlocks: '0' })
    await app.sql(`DROP DATABASE ${app.schema}`)
  })
})
