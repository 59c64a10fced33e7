import { job, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const QUEUES = 40
const names = Array.from({ length: QUEUES }, (_, n) => `queue-${n}`)

/** Without the engine: no notification is sent. */
const insertSilently = (queue: string, columns = 'position', values = '1') =>
  app.sql(
    `INSERT INTO $jobs (id, queue, name, seq, ${columns})
     VALUES (gen_random_uuid(), $1, 'noted', 1, ${values})`,
    [queue],
  )

const ready = async (known = ['noted']): Promise<string[]> =>
  (
    await app.sql<{ name: string }>(
      'SELECT name FROM $ready_queues_1($1, $2) AS r(name) ORDER BY name',
      [names, known],
    )
  ).map(({ name }) => name)

describe('a worker with many idle queues', () => {
  it('polls all of them by one statement, and claims from the one with a job', {
    timeout: 60_000,
  }, async () => {
    let ran = 0
    const noted = job({ name: 'noted' }, () => void ran++)
    const chancy = app.chancy({ jobs: [noted], notifications: false })
    // Each of them would poll by itself after 21 seconds at the earliest.
    for (const name of names) {
      await chancy.declare(new Queue(name, { executor: 'inline', pollingInterval: '30s' }))
    }
    const polled: string[] = []
    chancy.on('queue.polled', ({ queue }) => void polled.push(queue))
    await app.worker(chancy)
    await until(() => names.every((name) => polled.includes(name)))
    polled.length = 0
    await insertSilently('queue-7')
    await until(() => ran === 1, { timeoutMs: 30_000 })
    expect(names.filter((name) => polled.includes(name))).toEqual(['queue-7'])
  })

  it('claims from no other queue when outcomes are saved again', { timeout: 60_000 }, async () => {
    let ran = 0
    const noted = job({ name: 'noted' }, () => void ran++)
    const chancy = app.chancy({ jobs: [noted], notifications: false })
    const settings = { executor: 'inline', pollingInterval: '1h' } as const
    for (const name of names) await chancy.declare(new Queue(name, settings))
    const polled: string[] = []
    chancy.on('queue.polled', ({ queue }) => void polled.push(queue))
    await app.worker(chancy)
    await until(() => names.every((name) => polled.includes(name)))
    polled.length = 0
    const blocker = await app.client()
    await blocker.query(`BEGIN; LOCK TABLE ${app.schema}.finished_jobs IN SHARE MODE`)
    const count = 12_000
    await chancy.pushMany(Array.from({ length: count }, () => noted.job.withQueue('queue-7')))
    // One or two batches of outcomes are in flight, 4,000 wait, and claims are suspended.
    await until(() => ran >= 5_000, { timeoutMs: 30_000 })
    let last = 0
    await until(
      () => {
        const before = last
        last = ran
        return ran === before
      },
      { everyMs: 200 },
    )
    await blocker.query('COMMIT')
    await until(async () => (await chancy.listJobs({ state: 'pending', limit: 1 })).length === 0, {
      timeoutMs: 30_000,
    })
    await until(() => ran === count)
    expect(names.filter((name) => polled.includes(name))).toEqual(['queue-7'])
  })
})

describe('the queues that a claim may find something in', () => {
  it('are those with a job that is ready, and no other', async () => {
    expect(await ready()).toEqual([])
    await insertSilently('queue-1')
    await insertSilently('queue-2', 'run_at', "now() + interval '1 hour'")
    await insertSilently('queue-3', 'state, position, worker_id', "'running', 1, gen_random_uuid()")
    await insertSilently('queue-4', 'blocked, concurrency_key, concurrency_max', "true, 'a:b', 1")
    expect(await ready()).toEqual(['queue-1'])
  })

  it('are those with a parked job whose function the worker has', async () => {
    await insertSilently('queue-5', 'parked', 'true')
    expect(await ready(['other'])).toEqual([])
    expect(await ready(['other', 'noted'])).toEqual(['queue-5'])
  })

  it('are those with watermarks', async () => {
    await app.sql(`SELECT $advance_watermarks_1('queue-6', '{0}')`)
    expect(await ready()).toEqual(['queue-6'])
  })
})
