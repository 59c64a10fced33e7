import { type Chancy, ConfigError, Job, job, Limit, pgDriver, type Reference } from 'chancy'
import { describe, expect, it } from 'vitest'
import { hooked, isPush, noting, pushesOf, testApplication } from '../support/application.ts'

const app = testApplication()
const task = job({ name: 'task' }, ({ n }: { n: number }) => n)
const numbered = (n: number) => task.job.withArgs({ n })

/** The numbers of the waiting jobs in the order of their places. */
async function line(): Promise<number[]> {
  const text = "SELECT (args->>'n')::int AS n FROM $jobs ORDER BY position"
  return (await app.sql<{ n: number }>(text)).map(({ n }) => n)
}

function observed(options = {}): { chancy: Chancy; driver: ReturnType<typeof noting> } {
  const driver = noting(pgDriver(app.pool()))
  return { chancy: app.chancy({ notifications: false, ...options }, driver), driver }
}

describe('push', () => {
  it('gives the reference of a row that is there', async () => {
    const ref = await app.chancy().push(numbered(1))
    expect(ref.created).toBe(true)
    const rows = await app.sql('SELECT id::text AS id, state, attempts, queue, name FROM $jobs')
    expect(rows).toEqual([
      { id: ref.id, state: 'pending', attempts: 0, queue: 'default', name: 'task' },
    ])
  })

  it('stores every option of a job in its column', async () => {
    const at = new Date('2100-01-02T03:04:05.678Z')
    const full = numbered(7)
      .withQueue('mail')
      .withPriority(-5)
      .withMaxAttempts(9)
      .withScheduledAt(at)
      .withUniqueKey('only "one"')
      .withMeta({ from: 'test', deep: [1, { a: null }] })
      .withBackoff({ base: '2s', factor: 3, max: '1m', jitter: 0 })
      .withRetention('2d')
      .withLimits([Limit.time('5s'), Limit.memory('128MiB')])
    await app.chancy().push(full)
    const [row] = await app.sql(
      `SELECT queue, priority, max_attempts, scheduled_at, run_at, position, unique_key, meta,
              backoff, extract(epoch FROM retention)::int AS retention, limits, args FROM $jobs`,
    )
    expect(row).toEqual({
      queue: 'mail',
      priority: -5,
      max_attempts: 9,
      scheduled_at: at,
      run_at: at,
      position: null,
      unique_key: 'only "one"',
      meta: { from: 'test', deep: [1, { a: null }] },
      backoff: { baseMs: 2_000, factor: 3, maxMs: 60_000, jitter: 0 },
      retention: 172_800,
      limits: { timeMs: 5_000, memoryBytes: 134_217_728 },
      args: { n: 7 },
    })
  })

  it('counts a delay from the clock of the database', async () => {
    await app.chancy().push(numbered(1).withDelay('1h'))
    const [row] = await app.sql(
      `SELECT extract(epoch FROM run_at - created_at)::float8 AS seconds, position,
              scheduled_at = run_at AS same FROM $jobs`,
    )
    expect(row).toEqual({ seconds: 3_600, position: null, same: true })
  })

  it('gives a job whose time has passed its position immediately', async () => {
    await app.chancy().push(numbered(1).withScheduledAt(new Date(Date.now() - 60_000)))
    const [row] = await app.sql('SELECT position IS NOT NULL AS ready, run_at FROM $jobs')
    expect(row).toEqual({ ready: true, run_at: null })
  })

  it('keeps text that SQL, arrays and JSON treat as special', async () => {
    const text = `'"\\{},NULL$1;--\n\t\u{1F600}\u2028%_ü`
    const ref = await app
      .chancy()
      .push(Job.named('odd', { args: { text, [text]: [text] }, queue: text, meta: { text } }))
    const found = await app.chancy().getJob(ref)
    expect(found).toMatchObject({ queue: text, args: { text, [text]: [text] }, meta: { text } })
  })

  it('sends the calls that come while one is on its way in one statement', async () => {
    const { chancy, driver } = observed()
    await chancy.push(numbered(0))
    driver.texts.length = 0
    const first = chancy.push(numbered(1))
    await Promise.resolve().then(() => {})
    const others = Array.from({ length: 200 }, (_, n) => chancy.push(numbered(n + 2)))
    const refs = await Promise.all([first, ...others])
    expect(pushesOf(driver)).toBe(2)
    expect(new Set(refs.map(({ id }) => id)).size).toBe(201)
    expect(await line()).toEqual(Array.from({ length: 202 }, (_, n) => n))
  })

  it('cuts what is gathered by its size, so that a statement stays small', async () => {
    const { chancy, driver } = observed()
    const large = Job.named('large', { args: { text: 'x'.repeat(1_000_000) } })
    await Promise.all(Array.from({ length: 40 }, () => chancy.push(large)))
    expect(pushesOf(driver)).toBeGreaterThanOrEqual(3)
    expect(await app.count()).toBe(40)
  })

  it('lets one bad row fail alone', async () => {
    const chancy = app.chancy()
    await app.sql("ALTER TABLE $jobs ADD CONSTRAINT no_13 CHECK (args->>'n' <> '13')")
    try {
      const pushes = Array.from({ length: 40 }, (_, n) => chancy.push(numbered(n)))
      const results = await Promise.allSettled(pushes)
      const failed = results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))
      expect(failed).toEqual([13])
      expect(results[13]).toMatchObject({
        reason: { code: 'DATABASE_FAILED', details: { sqlState: '23514' } },
      })
      expect(await line()).toEqual(Array.from({ length: 40 }, (_, n) => n).filter((n) => n !== 13))
    } finally {
      await app.sql('ALTER TABLE $jobs DROP CONSTRAINT no_13')
    }
  })

  it('takes a job function, and refuses what is no job', async () => {
    const chancy = app.chancy()
    const ready = job({ name: 'ready' }, () => 1)
    await chancy.push(ready)
    await expect(chancy.push((() => 1) as never)).rejects.toThrow(/Make it a job first/)
    await expect(chancy.push({ name: 'x' } as never)).rejects.toThrow(ConfigError)
    expect(await app.count()).toBe(1)
  })

  it('sends on close what is gathered', async () => {
    const chancy = app.chancy()
    const pushes = Array.from({ length: 50 }, (_, n) => chancy.push(numbered(n)))
    const keyed = chancy.push(numbered(50).withUniqueKey('a'))
    await chancy.close()
    await Promise.all([...pushes, keyed])
    expect(await app.count()).toBe(51)
    await expect(chancy.push(numbered(1))).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(chancy.pushMany([numbered(1)])).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(chancy.getJob((await keyed).id)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('pushMany', () => {
  const some = (count: number) => Array.from({ length: count }, (_, n) => numbered(n))

  async function* slowly(jobs: Iterable<ReturnType<typeof numbered>>) {
    for (const one of jobs) yield one
  }

  it.each([
    ['an array', () => some(25)],
    ['a set', () => new Set(some(25))],
    ['an async iterable', () => slowly(some(25))],
  ])('pushes %s in order, a statement a batch', async (_name, jobs) => {
    const { chancy, driver } = observed()
    const refs = await chancy.pushMany(jobs(), { batchSize: 10 })
    expect(pushesOf(driver)).toBe(3)
    expect(await line()).toEqual(Array.from({ length: 25 }, (_, n) => n))
    const stored = await chancy.getJobs(refs)
    expect(stored.map(({ args }) => (args as { n: number }).n)).toEqual(await line())
  })

  it('pushes nothing for nothing', async () => {
    const { chancy, driver } = observed()
    expect(await chancy.pushMany([])).toEqual([])
    expect(pushesOf(driver)).toBe(0)
  })

  it('reads at most three batches ahead of what is written', async () => {
    const total = 60_000
    const batchSize = 5_000
    let written = 0
    let furthest = 0
    const counting = hooked(pgDriver(app.pool()), async (text, send) => {
      const rows = await send()
      if (isPush(text)) written += batchSize
      return rows
    })
    const chancy = app.chancy({ notifications: false }, counting)
    function* generate() {
      for (let n = 1; n <= total; n++) {
        furthest = Math.max(furthest, n - written)
        yield numbered(n)
      }
    }
    const refs = await chancy.pushMany(generate())
    expect(refs).toHaveLength(total)
    expect(furthest).toBeLessThanOrEqual(3 * batchSize + 1)
    expect(await app.count()).toBe(total)
  })

  it('keeps the batches before a bad job, and names what is wrong with it', async () => {
    const chancy = app.chancy()
    let isClosed = false
    function* generate() {
      try {
        for (let n = 0; n < 30; n++) {
          yield n === 17 ? Job.named('task', { args: { list: [1, Number.NaN] } }) : numbered(n)
        }
      } finally {
        isClosed = true
      }
    }
    const pushed = chancy.pushMany(generate() as Iterable<never>, { batchSize: 5 })
    await expect(pushed).rejects.toThrow(/args\.list\[1\] is NaN/)
    await expect(pushed).rejects.toThrow(/job 17/)
    expect(await line()).toEqual(Array.from({ length: 15 }, (_, n) => n))
    expect(isClosed).toBe(true)
  })

  it('passes on what the iterable throws, after the batches before it', async () => {
    const own = new Error('no more')
    async function* generate() {
      for (let n = 0; n < 12; n++) yield numbered(n)
      throw own
    }
    await expect(app.chancy().pushMany(generate(), { batchSize: 5 })).rejects.toBe(own)
    expect(await app.count()).toBe(10)
  })

  it('checks batchSize and the jobs before anything is written', async () => {
    const chancy = app.chancy()
    for (const batchSize of [0, -1, 1.5, 50_001, '10', Number.NaN]) {
      const pushed = chancy.pushMany(some(2), { batchSize: batchSize as number })
      await expect(pushed).rejects.toThrow(/batchSize: expected a whole number/)
    }
    for (const jobs of [undefined, null, 'text', 5, numbered(1)]) {
      await expect(chancy.pushMany(jobs as never)).rejects.toThrow(/expected an iterable of jobs/)
    }
    expect(await app.count()).toBe(0)
  })

  it('takes jobs of several functions in one call', async () => {
    const other = job({ name: 'other' }, ({ text }: { text: string }) => text)
    const jobs = [numbered(1), other.job.withArgs({ text: 'x' })] as readonly unknown[]
    const refs: Reference[] = await app.chancy().pushMany(jobs as never)
    expect(refs).toHaveLength(2)
    expect((await app.chancy().getJobs(refs)).map(({ name }) => name)).toEqual(['task', 'other'])
  })
})
