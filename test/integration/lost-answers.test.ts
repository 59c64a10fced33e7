import { job, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { orphanRunningJobs } from '../support/orphan-running-jobs.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

const history = () =>
  sql<{ state: string; attempts: number; crashes: number }>(
    schema,
    'SELECT state, attempts, crashes FROM $schema.finished_jobs',
  )

describe('the answer is lost after the commit', () => {
  it('of a claim: its jobs are reclaimed long before the lease ends, and run once', async () => {
    const runs: string[] = []
    const note = job({ name: 'note' }, (_: object, { job: { id } }) => void runs.push(id))
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: note, url: proxy.url })
    await using direct = await startApp({ schema })
    const polled = app.next('queue.polled')
    await app.start({ lease: '1m', heartbeat: '1s' })
    await polled
    const cut = proxy.cutReplies('claim_1')
    const reclaimed = app.next('jobs.reclaimed')
    const refs = await direct.chancy.pushMany(Array.from({ length: 50 }, () => note))
    await cut.hit
    await reclaimed
    await direct.chancy.waitForJobs(refs)
    expect(runs).toHaveLength(50)
    expect(new Set(runs).size).toBe(50)
    const once = { state: 'succeeded', attempts: 1, crashes: 0 }
    expect(await history()).toEqual(runs.map(() => once))
  })

  it('of a finish: it is sent again, found saved, and not run twice', async () => {
    const runs: string[] = []
    const note = job({ name: 'note' }, ({ fails }: { fails: boolean }, { job: { id } }) => {
      runs.push(id)
      if (fails) throw new Error('no')
      return id
    })
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: note, url: proxy.url })
    const lost = app.all('outcome.rejected')
    const saved = app.all('job.saved')
    const failed = app.all('job.failed')
    const cut = proxy.cutReplies('finish_2', { times: 3 })
    await app.start()
    const refs = await app.chancy.pushMany(
      [false, true, false].map((fails) => note.job.withArgs({ fails })),
    )
    const done = await app.chancy.waitForJobs(refs)
    await until(() => saved.length === 3)
    expect(cut.hits).toBe(3)
    expect(done.map(({ state }) => state)).toEqual(['succeeded', 'failed', 'succeeded'])
    expect(done[0]).toMatchObject({ result: refs[0]?.id, errors: [] })
    expect(done[1]?.errors).toHaveLength(1)
    expect(runs).toHaveLength(3)
    expect(await history()).toHaveLength(3)
    expect(lost).toEqual([])
    expect(failed).toHaveLength(1)
  })

  it('of a finish after which the job tries again: it does so once', async () => {
    const attempts: number[] = []
    const again = job(
      { name: 'again', maxAttempts: 3, backoff: { base: '600ms', jitter: 0 } },
      (_: object, { attempt }) => {
        attempts.push(attempt)
        if (attempt < 3) throw new Error(`no ${attempt}`)
      },
    )
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: again, url: proxy.url })
    const lost = app.all('outcome.rejected')
    const cut = proxy.cutReplies('finish_2', { times: 3 })
    await app.start()
    const done = await app.chancy.waitForJob(await app.chancy.push(again))
    expect(done).toMatchObject({ state: 'succeeded', attempts: 3 })
    expect(done.errors.map(({ attempt }) => attempt)).toEqual([1, 2])
    expect(attempts).toEqual([1, 2, 3])
    expect(cut.hits).toBe(3)
    expect(lost).toEqual([])
  })

  it('of a finish after which the job runs again: no outcome is reported as rejected', async () => {
    const again = job(
      { name: 'again', maxAttempts: 3, backoff: 'none' },
      (_: object, { attempt }) => {
        if (attempt < 3) throw new Error(`no ${attempt}`)
      },
    )
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: again, url: proxy.url })
    await using other = await startApp({ schema, jobs: again })
    const lost = app.all('outcome.rejected')
    const failed = app.all('job.failed')
    await app.chancy.declare(
      new Queue('default', { executor: 'inline', pollingInterval: '100ms' }),
      {
        upsert: true,
      },
    )
    await app.start()
    // Few, since the wait between two tries grows: long enough for the other one to start.
    const cut = proxy.cutReplies('finish_2', { times: 5 })
    const refs = await other.chancy.pushMany(Array.from({ length: 60 }, () => again))
    await cut.hit
    await other.start()
    const done = await other.chancy.waitForJobs(refs)
    for (const one of done) expect(one).toMatchObject({ state: 'succeeded', attempts: 3 })
    expect(cut.hits).toBeGreaterThan(0)
    expect(lost).toEqual([])
    const here = new Set(failed.map(({ id, attempt }) => `${id} ${attempt}`))
    expect(here.size).toBe(failed.length)
  })

  it('of the worker’s own registration: it starts nevertheless', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: ok, url: proxy.url })
    const cut = proxy.cutReplies((text) => /INSERT INTO \S+workers/.test(text))
    await app.start()
    expect(cut.hits).toBe(1)
    expect(await app.chancy.getWorkers()).toHaveLength(1)
    expect(await app.chancy.waitForJob(await app.chancy.push(ok))).toMatchObject({ result: 'ok' })
  })

  it('of a recovery: no job is counted as crashed twice', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: ok, url: proxy.url })
    await app.chancy.migrate()
    const ref = await app.chancy.push(ok)
    await orphanRunningJobs(schema)
    const cut = proxy.cutReplies('recover_2')
    await app.start()
    await cut.hit
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(await history()).toMatchObject([{ crashes: 1 }])
  })
})

describe('the listener', () => {
  it('that lost its connection polls immediately when it is back', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using proxy = await startProxy(databaseUrl(schema))
    await using app = await startApp({ schema, jobs: ok, url: proxy.url })
    await using direct = await startApp({ schema })
    // So rare that it cannot be what finds the job.
    await app.chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    const connected = app.next('notifier.connected')
    await app.start({ lease: '1m', heartbeat: '1s' })
    await connected
    const lost = app.next('notifier.lost')
    const resumed = app.next('notifier.reconnected')
    proxy.refuse()
    proxy.cut()
    await lost
    const ref = await direct.chancy.push(ok)
    const later = await direct.chancy.push(ok.job.withDelay('100ms'))
    proxy.refuse(false)
    await resumed
    await direct.chancy.waitForJobs([ref, later])
  })

  it('alone may be terminated: jobs that are pushed meanwhile are found', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using app = await startApp({ schema, jobs: ok })
    await using direct = await startApp({ schema, url: databaseUrl() })
    await app.chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '1h' }))
    const connected = app.next('notifier.connected')
    await app.start()
    await connected
    for (let i = 0; i < 3; i++) {
      const resumed = app.next('notifier.reconnected')
      const [listener] = await sql<{ pid: number }>(
        schema,
        `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = '$schema' AND query LIKE 'LISTEN%'`,
      )
      expect(listener).toBeDefined()
      const ref = await direct.chancy.push(ok)
      await resumed
      expect(await direct.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
    }
  })
})

describe('a storm of terminated backends', () => {
  it('costs time and nothing else: each job is finished once', async () => {
    const runs = new Map<string, number>()
    const note = job({ name: 'note', maxAttempts: 1 }, async (_: object, { job: { id } }) => {
      runs.set(id, (runs.get(id) ?? 0) + 1)
      await new Promise((resolve) => setImmediate(resolve))
    })
    await using app = await startApp({ schema, jobs: note })
    const losses = app.all('worker.revoked')
    await app.start({ lease: '10s', heartbeat: '500ms' })
    const ids: string[] = []
    let killed = 0
    const end = performance.now() + 4_000
    const push = async () => {
      while (performance.now() < end) {
        const refs = await Promise.all(Array.from({ length: 20 }, () => app.chancy.push(note)))
        ids.push(...refs.map(({ id }) => id))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const pushing = push()
    await withClient(async (client) => {
      const text = `SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
        WHERE application_name = $1`
      while (performance.now() < end) {
        killed += (await client.query(text, [schema])).rows[0].count
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })
    await pushing
    await app.chancy.waitForJobs(ids, { timeout: '50s' })
    expect(killed).toBeGreaterThan(20)
    expect(losses).toEqual([])
    const rows = await history()
    expect(rows).toHaveLength(ids.length)
    const once = { state: 'succeeded', attempts: 1, crashes: 0 }
    for (const row of rows) expect(row).toEqual(once)
    for (const id of ids) expect(runs.get(id)).toBe(1)
  })
})
