import { type Chancy, type Driver, job, NotFoundError, WaitTimedOutError } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import { describe, expect, it } from 'vitest'
import { hooked, noting, testApplication } from '../support/application.ts'
import { databaseUrl } from '../support/database.ts'
import { startProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const NOWHERE = '01890000-0000-7000-8000-000000000000'
const task = job({ name: 'task' }, ({ n }: { n: number }) => n)
const numbered = (n: number) => task.job.withArgs({ n })

/** How many waits stand in the table. */
async function waiters(): Promise<number> {
  const [row] = await app.sql<{ n: number }>('SELECT count(*)::int AS n FROM $waiters')
  return row!.n
}
/** What was sent to register a wait: a wait that is over immediately sends nothing. */
const registrations = ({ texts }: { readonly texts: readonly string[] }) =>
  texts.filter((text) => text.includes('"waiters"'))
const registered = (count: number) => until(async () => (await waiters()) === count)

describe('waitForJob', () => {
  it('returns a job that has finished before immediately', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const ref = await chancy.push(numbered(3))
    await app.worker(chancy)
    await chancy.waitForJob(ref)
    const driver = noting(pgDriver(app.pool()))
    const done = await app.chancy({}, driver).waitForJob(ref)
    expect(done).toMatchObject({ state: 'succeeded', result: 3 })
    expect(registrations(driver)).toEqual([])
  })

  it('is notified by another process', { timeout: 60_000 }, async () => {
    const chancy = app.chancy()
    const connected = new Promise((resolve) => chancy.on('notifier.connected', resolve))
    const refs = await chancy.pushMany([1, 2, 3, 4, 5].map(numbered))
    const left = new Set(refs.map(({ id }) => id))
    const allHeard = new Promise<void>((resolve) => {
      chancy.on('job.finished', ({ id }) => {
        if (left.delete(id) && left.size === 0) resolve()
      })
    })
    const waiting = chancy.waitForJobs(refs)
    // A job that finishes before its wait is registered sends no notification: none starts before.
    await Promise.all([connected, registered(5)])
    const script = new URL('../support/processes/worker-of.mjs', import.meta.url)
    await using process = startProcess(script, { args: [databaseUrl(app.schema), app.schema] })
    expect((await waiting).map(({ result }) => result)).toEqual([1, 2, 3, 4, 5])
    await allHeard
    process.send('stop')
    expect(await process.exited).toMatchObject({ code: 0 })
  })

  it('finds by its poll what no notification said', async () => {
    const chancy = app.chancy({ notifications: false })
    const ref = await chancy.push(numbered(1))
    const waiting = chancy.waitForJob(ref)
    const other = app.chancy({ jobs: [task], notifications: false })
    await app.worker(other)
    expect(await waiting).toMatchObject({ state: 'succeeded', result: 1 })
    expect(await waiters()).toBe(0)
  })

  it('waits for many, and gives one snapshot a reference, in order', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const refs = await chancy.pushMany([1, 2, 3, 4].map(numbered))
    const asked = [...refs, refs[0]!]
    const waiting = chancy.waitForJobs(asked)
    await app.worker(chancy)
    expect((await waiting).map(({ result }) => result)).toEqual([1, 2, 3, 4, 1])
    expect(await chancy.waitForJobs([])).toEqual([])
  })

  it('waits for the states of the call', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1))
    expect(await chancy.waitForJob(ref, { states: ['pending', 'running'] })).toMatchObject({
      state: 'pending',
    })
    const running = chancy.waitForJob(ref, { states: ['running'], timeout: '40s' })
    await app.sql("UPDATE $jobs SET state = 'running', worker_id = gen_random_uuid()")
    expect(await running).toMatchObject({ state: 'running' })
  })

  it('returns the snapshot of the state that was waited for, whatever follows immediately', async () => {
    const changes: (() => Promise<unknown>)[] = []
    const driver = pgDriver(app.pool())
    const query = driver.query.bind(driver)
    const hasty: Driver = Object.assign(driver, {
      async query<Row>(one: Parameters<typeof query>[0]): Promise<Row[]> {
        const rows = await query<Row>(one)
        // The answer is on its way when the job is already in another state.
        if (one.text.includes('get_states')) for (const change of changes.splice(0)) await change()
        return rows
      },
    })
    const chancy = app.chancy({ notifications: false }, hasty)
    const refs = await chancy.pushMany([1, 2].map(numbered))
    await app.sql("UPDATE $jobs SET state = 'running', worker_id = gen_random_uuid()")
    const back = () => app.sql("UPDATE $jobs SET state = 'pending'")
    changes.push(back)
    expect(await chancy.waitForJob(refs[0]!, { states: ['running'] })).toMatchObject({
      id: refs[0]!.id,
      state: 'running',
    })
    // One is found immediately, the other later: each as it was when it was found.
    const running = () => app.sql("UPDATE $jobs SET state = 'running' WHERE id = $1", [refs[1]!.id])
    await app.sql("UPDATE $jobs SET state = 'running' WHERE id = $1", [refs[0]!.id])
    changes.push(() => back().then(running))
    const both = await chancy.waitForJobs([refs[1]!, refs[0]!], { states: ['running'] })
    expect(both).toMatchObject([
      { id: refs[1]!.id, state: 'running' },
      { id: refs[0]!.id, state: 'running' },
    ])
  })

  it('rejects immediately when there is no such job', async () => {
    const driver = noting(pgDriver(app.pool()))
    const chancy = app.chancy({}, driver)
    const ref = await chancy.push(numbered(1))
    await expect(chancy.waitForJob(NOWHERE)).rejects.toBeInstanceOf(NotFoundError)
    await expect(chancy.waitForJobs([ref, NOWHERE])).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
      details: { id: NOWHERE },
    })
    expect(registrations(driver)).toEqual([])
  })

  it('rejects when the job is pruned during the wait', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1))
    const waiting = expect(chancy.waitForJob(ref)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
    await registered(1)
    await app.sql('DELETE FROM $jobs')
    await waiting
  })

  it('ends after its time with an error that names what was waited for', async () => {
    const chancy = app.chancy()
    const refs = await chancy.pushMany([1, 2].map(numbered))
    const one = chancy.waitForJob(refs[0]!, { timeout: 80 })
    await expect(one).rejects.toBeInstanceOf(WaitTimedOutError)
    await expect(one).rejects.toThrow(new RegExp(`${refs[0]!.id} was not succeeded or .*80 ms`))
    await expect(chancy.waitForJobs(refs, { timeout: '50ms' })).rejects.toThrow(/2 jobs were not/)
    await registered(0)
  })

  it('takes a time longer than one timer can wait', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1))
    const waiting = chancy.waitForJob(ref, { timeout: '60d' })
    await registered(1)
    await chancy.cancel(ref)
    expect(await waiting).toMatchObject({ state: 'cancelled' })
  })

  it('ends with the reason of its signal', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1))
    const reason = new Error('enough')
    const aborted = chancy.waitForJob(ref, { signal: AbortSignal.abort(reason) })
    await expect(aborted).rejects.toBe(reason)
    const controller = new AbortController()
    const waiting = expect(chancy.waitForJob(ref, { signal: controller.signal })).rejects.toBe(
      reason,
    )
    await registered(1)
    controller.abort(reason)
    await waiting
    await registered(0)
  })

  it('ends with the reason of its signal when that aborts during the first read', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const driver = hooked(pgDriver(app.pool()), async (_, send) => {
      const rows = await send()
      controller.abort(reason)
      return rows
    })
    const ref = await app.chancy().push(numbered(1))
    const waiting = app.chancy({}, driver).waitForJob(ref, { signal: controller.signal })
    await expect(waiting).rejects.toBe(reason)
    await registered(0)
  })

  it('ends when the Chancy is closed during the first read', async () => {
    const ref = await app.chancy().push(numbered(1))
    let closed: Promise<void> | undefined
    const driver = hooked(pgDriver(app.pool()), async (_, send) => {
      const rows = await send()
      closed ??= chancy.close()
      return rows
    })
    const chancy: Chancy = app.chancy({}, driver)
    await expect(chancy.waitForJob(ref)).rejects.toMatchObject({ code: 'CLOSED' })
    await closed
    expect(await waiters()).toBe(0)
  })

  it('leaves the wait of another process alone when its own ends', async () => {
    const [here, there] = [app.chancy(), app.chancy()]
    const ref = await here.push(numbered(1))
    const controller = new AbortController()
    const short = expect(here.waitForJob(ref, { signal: controller.signal })).rejects.toThrow()
    const alsoHere = here.waitForJob(ref)
    const long = there.waitForJob(ref)
    await registered(2)
    controller.abort(new Error('enough'))
    await short
    expect(await waiters()).toBe(2)
    await here.cancel(ref)
    await Promise.all([alsoHere, long])
    await registered(0)
  })

  it('ends when the Chancy is closed, and leaves nothing behind', async () => {
    const chancy = app.chancy()
    const ref = await chancy.push(numbered(1))
    const waiting = expect(chancy.waitForJob(ref)).rejects.toMatchObject({ code: 'CLOSED' })
    await registered(1)
    await chancy.close()
    await waiting
    expect(await waiters()).toBe(0)
    await expect(chancy.waitForJob(ref)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('leaves nothing behind when a close follows immediately', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const ref = await chancy.push(numbered(1))
    const reader = app.chancy()
    const waiting = reader.waitForJob(ref)
    await registered(1)
    await app.worker(chancy)
    await waiting
    await reader.close()
    expect(await waiters()).toBe(0)
  })

  it('continues after the loss of its own session', async () => {
    const chancy: Chancy = app.chancy()
    const ref = await chancy.push(numbered(1))
    const connected = new Promise((resolve) => chancy.on('notifier.connected', resolve))
    const resumed = new Promise((resolve) => chancy.on('notifier.reconnected', resolve))
    const waiting = chancy.waitForJob(ref)
    await Promise.all([connected, registered(1)])
    await app.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`,
      [app.schema],
    )
    await resumed
    const other = app.chancy()
    await other.cancel(ref)
    expect(await waiting).toMatchObject({ state: 'cancelled' })
  })

  it('resolves a thousand concurrent waits', async () => {
    const chancy = app.chancy({ jobs: [task] })
    const refs = await chancy.pushMany(Array.from({ length: 1_000 }, (_, n) => numbered(n)))
    const waits = refs.map((ref) => chancy.waitForJob(ref))
    await registered(1_000)
    await app.worker(chancy)
    const done = await Promise.all(waits)
    expect(done.map(({ result }) => result)).toEqual(refs.map((_, n) => n))
    await registered(0)
  })
})
