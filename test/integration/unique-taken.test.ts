import { type Chancy, job, pgDriver, type WhenTaken } from 'chancy'
import { describe, expect, it } from 'vitest'
import { hooked, isPush, noting, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const ran: number[] = []
const task = job({ name: 'task' }, ({ n = 0 }: { n?: number }) => {
  ran.push(n)
  return n
})
const other = job({ name: 'other' }, (_: { n?: number }) => {})
const keyed = (n: number, whenTaken: WhenTaken, key = 'k') =>
  task.job.withArgs({ n }).withUniqueKey(key, { whenTaken })

interface Row extends Record<string, unknown> {
  readonly n: number
  readonly priority: number
  readonly is_ready: boolean
  readonly blocked: boolean
  /** Seconds from the push of the row, or from now. */
  readonly waits: number | null
  readonly age: number | null
}
/** A busy machine takes some seconds between a push and the query of its row. */
const about = (seconds: number): number => expect.closeTo(seconds, -1)

const rows = (): Promise<Row[]> =>
  app.sql<Row>(`SELECT (args->>'n')::int AS n, priority, position IS NOT NULL AS is_ready, blocked,
                       round(extract(epoch FROM run_at - now()))::int AS waits,
                       round(extract(epoch FROM run_at - created_at))::int AS age
                  FROM $jobs ORDER BY id`)
const numbers = async (): Promise<unknown[]> =>
  (await app.sql("SELECT args->'n' AS n FROM $all_jobs ORDER BY id")).map(({ n }) => n)

/** Resolves when that many sessions wait for a lock. */
const waiting = (count = 1) =>
  until(async () => {
    const [row] = await app.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND application_name = $1`,
      [app.schema],
    )
    return row!.n >= count
  })

async function runAll(): Promise<void> {
  const worker = await app.worker(app.chancy({ jobs: [task] }))
  await worker.idle(AbortSignal.timeout(50_000))
  await worker.stop()
}

describe('a taken unique key', () => {
  it('leaves the job that has it as it is, unless the push says otherwise', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(keyed(1, 'keep').withPriority(3))
    expect(await chancy.push(keyed(2, 'keep'))).toMatchObject({ id: first.id, created: false })
    expect(await chancy.push(task.job.withUniqueKey('k'))).toMatchObject({ created: false })
    expect(await rows()).toMatchObject([{ n: 1, priority: 3, is_ready: true }])
  })

  it('costs a push that asks for nothing no statement and no row', async () => {
    const driver = noting(pgDriver(app.pool()))
    const chancy = app.chancy({}, driver)
    await Promise.all([chancy.push(task.job.withUniqueKey('a')), chancy.push(task)])
    await chancy.pushMany([keyed(1, 'keep'), task.job])
    expect(driver.texts.some((text) => text.includes('push_taken'))).toBe(false)
    await chancy.push(keyed(2, 'replace'))
    expect(driver.texts.some((text) => text.includes('push_taken'))).toBe(true)
  })
})

describe('replace', () => {
  it('gives a waiting job the new arguments, priority and time', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(keyed(1, 'replace').withDelay('1h'))
    expect(first.created).toBe(true)
    expect(await chancy.push(keyed(2, 'replace').withPriority(7).withDelay('2h'))).toMatchObject({
      id: first.id,
      created: false,
    })
    expect(await rows()).toEqual([
      { n: 2, priority: 7, is_ready: false, blocked: false, waits: about(7200), age: about(7200) },
    ])
    expect(await chancy.getJob(first)).toMatchObject({ args: { n: 2 }, priority: 7 })
    // Without a time it runs now, and its first position is its age.
    await chancy.push(keyed(3, 'replace'))
    expect(await rows()).toMatchObject([{ n: 3, priority: 0, is_ready: true, waits: null }])
    expect(await app.sql('SELECT 1 FROM $jobs WHERE seq = position')).toHaveLength(1)
    await runAll()
    expect(await chancy.getJob(first)).toMatchObject({ state: 'succeeded', result: 3 })
  })

  it('keeps the position of a ready job with the same priority, and draws one with another', async () => {
    const chancy = app.chancy()
    await chancy.push(keyed(1, 'keep'))
    await chancy.pushMany([task.job, task.job])
    const position = async () =>
      (await app.sql("SELECT position::int AS p FROM $jobs WHERE unique_key = 'k'"))[0]!.p as number
    const before = await position()
    await chancy.push(keyed(2, 'replace'))
    expect(await position()).toBe(before)
    await chancy.push(keyed(3, 'replace').withPriority(1))
    expect(await position()).toBeGreaterThan(before)
  })

  it('makes a job that waits for its next attempt run with the new arguments, and keeps its errors', async () => {
    let fails = true
    const flaky = job(
      { name: 'task', maxAttempts: 5, backoff: { base: '1h' } },
      ({ n = 0 }: { n?: number }) => {
        if (fails) throw new Error('not yet')
        return n
      },
    )
    const chancy = app.chancy({ jobs: [flaky] })
    const ref = await chancy.push(keyed(1, 'replace').withMaxAttempts(5))
    await app.worker(chancy)
    await chancy.waitForJob(ref, { states: ['retrying'] })
    fails = false
    await chancy.push(keyed(2, 'replace'))
    const done = await chancy.waitForJob(ref)
    expect(done).toMatchObject({ state: 'succeeded', result: 2, attempts: 2 })
    expect(done.errors).toHaveLength(1)
  })

  it('never changes a running job, nor a job of another name', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(keyed(1, 'replace'))
    await app.sql("UPDATE $jobs SET state = 'running', worker_id = gen_random_uuid()")
    for (const whenTaken of ['replace', { debounce: '5s' }] as const) {
      expect(await chancy.push(keyed(2, whenTaken))).toMatchObject({ id: first.id, created: false })
    }
    const second = await chancy.push(other.job.withArgs({ n: 5 }).withUniqueKey('o'))
    expect(await chancy.push(keyed(6, 'replace', 'o'))).toMatchObject({ id: second.id })
    expect(await numbers()).toEqual([1, 5])
  })

  it('counts the last one of a batch, whatever else is in it', async () => {
    const chancy = app.chancy()
    const held = await chancy.push(keyed(0, 'keep', 'b'))
    const refs = await chancy.pushMany([
      keyed(1, 'replace', 'a'),
      keyed(2, 'replace', 'b'),
      task.job.withArgs({ n: 3 }),
      keyed(4, 'replace', 'a'),
      keyed(5, 'keep', 'b'),
      keyed(6, 'replace', 'b'),
      keyed(7, 'replace', 'a'),
    ])
    expect(refs.map(({ created }) => created)).toEqual([true, false, true, ...Array(4).fill(false)])
    expect(refs[3]!.id).toBe(refs[0]!.id)
    expect(refs[6]!.id).toBe(refs[0]!.id)
    expect(new Set([1, 4, 5].map((i) => refs[i]!.id))).toEqual(new Set([held.id]))
    expect(await numbers()).toEqual([6, 7, 3])
  })

  it('moves a job between concurrency groups with its arguments', async () => {
    const limited = (n: number) =>
      keyed(n, 'replace').withConcurrency(1, (args: { n?: number }) => args.n ?? 0)
    const chancy = app.chancy()
    await chancy.push(limited(1))
    await app.sql('UPDATE $jobs SET position = NULL, blocked = true')
    await chancy.push(limited(1))
    expect(await rows()).toMatchObject([{ blocked: true, is_ready: false }])
    await chancy.push(limited(2))
    expect(await rows()).toMatchObject([{ n: 2, blocked: false, is_ready: true }])
    expect(await app.sql('SELECT concurrency_key AS key FROM $jobs')).toEqual([
      { key: expect.stringContaining('2') },
    ])
  })

  it('belongs to the transaction of its session', async () => {
    const chancy = app.chancy()
    await chancy.push(keyed(1, 'keep'))
    const client = await app.client()
    for (const [end, n] of [
      ['ROLLBACK', 1],
      ['COMMIT', 2],
    ] as const) {
      await client.query('BEGIN')
      await chancy.push(keyed(2, 'replace'), { session: client })
      await client.query(end)
      expect(await numbers()).toEqual([n])
    }
    // It is not sent again, so nothing is kept for that.
    expect(await app.sql('SELECT 1 FROM $key_replacements')).toEqual([])
  })

  it('in a transaction waits for a claim, and holds nothing of the job that runs then', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(keyed(1, 'keep'))
    const claim = await app.client()
    await claim.query('BEGIN')
    await claim.query(
      `UPDATE ${app.schema}.jobs SET state = 'running', worker_id = gen_random_uuid(), fence = 1`,
    )
    const caller = await app.client()
    await caller.query('BEGIN')
    const pushed = chancy.push(keyed(2, 'replace'), { session: caller })
    await waiting()
    await claim.query('COMMIT')
    expect(await pushed).toMatchObject({ id: ref.id, created: false })
    // A finish would take this lock; the caller's transaction is still open.
    expect(await app.sql('SELECT 1 FROM $jobs FOR UPDATE NOWAIT')).toHaveLength(1)
    await caller.query('COMMIT')
    expect(await numbers()).toEqual([1])
  })

  it('whose reply is lost after the commit changes nothing twice, also when the job ran meanwhile', async () => {
    const proxy = await startProxy(databaseUrl(app.schema))
    try {
      const chancy = app.chancy({ notifications: false }, proxy.url)
      const first = await app.chancy().push(keyed(1, 'keep'))
      const fault = proxy.cutReplies(isPush)
      const pushed = chancy.push(keyed(2, 'replace'))
      await fault.hit
      proxy.refuse()
      ran.length = 0
      await runAll()
      const next = await app.chancy().push(keyed(3, 'keep').withDelay('1h'))
      proxy.refuse(false)
      expect(await pushed).toMatchObject({ id: first.id, created: false })
      expect(ran).toEqual([2])
      expect(await numbers()).toEqual([2, 3])
      expect(next.created).toBe(true)
    } finally {
      await proxy.close()
    }
  })

  it('of the same jobs in two orders makes neither wait for the other in a circle', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`)
    const states: unknown[] = []
    const watched = (): Chancy => {
      const note = (_: string, send: () => Promise<unknown[]>) =>
        send().catch((error: unknown) => {
          states.push((error as { code?: unknown }).code)
          throw error
        })
      return app.chancy({}, hooked(pgDriver(app.pool()), note))
    }
    const chancies = [watched(), watched()]
    await chancies[0]!.pushMany(keys.map((key) => keyed(0, 'keep', key)))
    const push = async (chancy: Chancy, order: readonly string[], n: number) => {
      for (let round = 0; round < 15; round++)
        await chancy.pushMany(order.map((key) => keyed(n, 'replace', key)))
    }
    await Promise.all([push(chancies[0]!, keys, 1), push(chancies[1]!, [...keys].reverse(), 2)])
    expect(await app.count()).toBe(40)
    expect(states).not.toContain('40P01')
  })
})

describe('debounce', () => {
  const debounced = (n: number) => keyed(n, { debounce: '5s', most: '1m' })

  it('waits from the last push, with its arguments, and at most from the first one', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(debounced(1))
    expect(first.created).toBe(true)
    expect(await rows()).toMatchObject([{ n: 1, waits: about(5), age: about(5), is_ready: false }])
    for (const [ago, age] of [
      [10, 15],
      [50, 55],
      [58, 60],
    ] as const) {
      await app.sql(`UPDATE $jobs SET created_at = now() - interval '${ago} s'`)
      expect(await chancy.push(debounced(ago))).toMatchObject({ id: first.id, created: false })
      expect(await rows()).toMatchObject([{ n: ago, age: about(age), is_ready: false }])
    }
    // Later than the most: it runs now.
    await app.sql("UPDATE $jobs SET created_at = now() - interval '70 s'")
    await chancy.push(debounced(9))
    expect(await rows()).toMatchObject([{ n: 9, is_ready: true }])
  })

  it('without a most waits its time again from each push', async () => {
    const chancy = app.chancy()
    await chancy.push(keyed(1, { debounce: '5s' }))
    await app.sql("UPDATE $jobs SET created_at = now() - interval '1 day', run_at = now()")
    await chancy.push(keyed(2, { debounce: '5s' }))
    expect(await rows()).toMatchObject([{ n: 2, waits: about(5) }])
  })

  it('takes back a job that is ready and was not claimed', async () => {
    const chancy = app.chancy()
    await chancy.push(keyed(1, 'keep'))
    await chancy.push(debounced(2))
    expect(await rows()).toMatchObject([{ n: 2, is_ready: false, waits: about(5) }])
  })

  it('of 16 producers runs once, with the arguments of one of them', async () => {
    const fast = (n: number) => keyed(n, { debounce: '2s' })
    ran.length = 0
    const chancies = Array.from({ length: 16 }, () => app.chancy())
    // Each has its connection by now.
    await Promise.all(chancies.map((chancy) => chancy.getQueues()))
    const worker = await app.worker(app.chancy({ jobs: [task] }))
    const refs = await Promise.all(chancies.map((chancy, n) => chancy.push(fast(n))))
    expect(refs.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(refs.map(({ id }) => id)).size).toBe(1)
    await chancies[0]!.waitForJob(refs[0]!)
    expect(ran).toHaveLength(1)
    await worker.stop()
  })

  it('beside claims loses no push: what came too late made a job of its own', async () => {
    ran.length = 0
    const chancy = app.chancy()
    const worker = await app.worker(app.chancy({ jobs: [task] }))
    // Each push is either the start of a job, part of one that waited, or the reference of a job that runs already.
    const made = new Set<string>()
    for (let n = 1; n <= 50; n++) made.add((await chancy.push(keyed(n, { debounce: '1ms' }))).id)
    await worker.idle(AbortSignal.timeout(50_000))
    const rows = await app.sql("SELECT id::text AS id, args->'n' AS n FROM $all_jobs ORDER BY id")
    expect(new Set(rows.map(({ id }) => id))).toEqual(made)
    expect(ran).toEqual(rows.map(({ n }) => n))
    expect(ran.length).toBe(new Set(ran).size)
    await worker.stop()
  })
})

describe('throttle', () => {
  const throttled = (n: number, key = 'k') => keyed(n, { throttle: '1h' }, key)

  it('takes the key for its time, whether the job has finished or not', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(throttled(1))
    expect(first.created).toBe(true)
    expect(await chancy.push(throttled(2))).toMatchObject({ id: first.id, created: false })
    await runAll()
    expect(await chancy.push(throttled(3))).toMatchObject({ id: first.id, created: false })
    await app.sql("UPDATE $key_throttles SET until = now() - interval '1 s'")
    const second = await chancy.push(throttled(4))
    expect(second.created).toBe(true)
    expect(await chancy.push(throttled(5))).toMatchObject({ id: second.id })
    expect(await numbers()).toEqual([1, 4])
    const [row] = await app.sql<{ s: number }>(
      'SELECT extract(epoch FROM until - now())::int AS s FROM $key_throttles',
    )
    expect(row!.s).toBeGreaterThan(3_500)
  })

  it('is also that of a living job when its time has passed', async () => {
    const chancy = app.chancy()
    const first = await chancy.push(throttled(1))
    await app.sql("UPDATE $key_throttles SET until = now() - interval '1 s'")
    expect(await chancy.push(throttled(2))).toMatchObject({ id: first.id, created: false })
  })

  it('makes one job of the pushes of 16 producers, while jobs come and go', async () => {
    const chancies = Array.from({ length: 16 }, () => app.chancy())
    const worker = await app.worker(app.chancy({ jobs: [task] }))
    for (let round = 0; round < 5; round++) {
      const refs = await Promise.all(
        chancies.flatMap((chancy) => [1, 2].map((n) => chancy.push(throttled(n, `r${round}`)))),
      )
      expect(new Set(refs.map(({ id }) => id)).size).toBe(1)
    }
    await worker.idle(AbortSignal.timeout(50_000))
    expect(await app.count()).toBe(5)
    await worker.stop()
  })

  it('holds against a job that came and went while the push waited for its key', async () => {
    const chancy = app.chancy()
    const client = await app.client()
    await client.query('BEGIN')
    const first = await chancy.push(throttled(1), { session: client })
    const pushed = chancy.push(throttled(2))
    await waiting()
    // As if it had been run at the moment of the commit.
    await client.query(`DELETE FROM ${app.schema}.jobs`)
    await client.query('COMMIT')
    expect(await pushed).toMatchObject({ id: first.id, created: false })
    expect(await numbers()).toEqual([])
  })

  it('ends with the transaction that is rolled back', async () => {
    const chancy = app.chancy()
    const client = await app.client()
    await client.query('BEGIN')
    await chancy.push(throttled(1), { session: client })
    await client.query('ROLLBACK')
    expect((await chancy.push(throttled(2))).created).toBe(true)
  })

  it('of a push whose reply is lost is its own', async () => {
    const proxy = await startProxy(databaseUrl(app.schema))
    try {
      const chancy = app.chancy({ notifications: false }, proxy.url)
      await chancy.getQueues()
      const fault = proxy.cutReplies(isPush)
      const pushed = chancy.push(throttled(1))
      await fault.hit
      proxy.refuse()
      await runAll()
      proxy.refuse(false)
      expect((await pushed).created).toBe(true)
      expect(await numbers()).toEqual([1])
    } finally {
      await proxy.close()
    }
  })

  it('in a batch holds for each key by itself', async () => {
    const chancy = app.chancy()
    await chancy.push(throttled(0, 'b'))
    await runAll()
    const keys = ['a', 'b', 'a', 'c']
    const refs = await chancy.pushMany(keys.map((key, n) => throttled(n + 1, key)))
    expect(refs.map(({ created }) => created)).toEqual([true, false, false, true])
    expect(refs[2]!.id).toBe(refs[0]!.id)
    expect(await numbers()).toEqual([0, 1, 4])
  })

  it('is swept by workers when its time has passed', async () => {
    const chancy = app.chancy({ jobs: [task] })
    await chancy.pushMany([throttled(1, 'a'), throttled(2, 'b')])
    await chancy.push(keyed(3, 'replace', 'a'))
    await app.sql("UPDATE $key_throttles SET until = now() - interval '1 s' WHERE key = 'a'")
    await app.sql("UPDATE $key_replacements SET until = now() - interval '1 s'")
    const swept = new Promise<number>((resolve) => {
      chancy.on('unique_keys.swept', ({ removed }) => resolve(removed))
    })
    await app.worker(chancy)
    expect(await swept).toBe(2)
    expect(await app.sql('SELECT key FROM $key_throttles')).toEqual([{ key: 'b' }])
  })
})
