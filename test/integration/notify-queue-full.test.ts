import { Chancy, job, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'

// Half a megabyte instead of 8 GB.
const database = embeddedPostgres({ settings: { max_notify_queue_pages: '64' } })
const open: pg.Client[] = []

async function connect(): Promise<pg.Client> {
  const client = new pg.Client(await database.url())
  client.on('error', () => {})
  await client.connect()
  open.push(client)
  return client
}

let end = (): void => {}
const gate = new Promise<void>((resolve) => {
  end = resolve
})
const slow = job({ name: 'slow' }, async () => {
  await gate
  return 'done'
})
const quick = job({ name: 'quick' }, () => 'done')
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const chancy = new Chancy(database, { jobs: [slow, quick], logger })
let worker: Worker

beforeAll(async () => {
  await chancy.migrate()
  worker = new Worker(chancy, { signals: false })
  await worker.start()
}, 60_000)
afterAll(async () => {
  await worker.stop()
  for (const client of open) await client.end()
  await chancy.close()
})

/** Fills the queue of a reader that does not come to read. */
async function fill(): Promise<void> {
  const [reader, writer] = [await connect(), await connect()]
  await reader.query('LISTEN other')
  await reader.query('BEGIN')
  await reader.query('SELECT 1')
  for (const length of [7_900, 1]) {
    const text = `SELECT pg_notify('other', repeat('x', ${length}) || gen_random_uuid())`
    let error: unknown
    while (error === undefined) await writer.query(text).catch((one) => (error = one))
    expect(error).toMatchObject({ code: '54000' })
  }
}

describe('while the queue of notifications is full', () => {
  it('jobs are pushed, run, saved, cancelled and retried, and waits end', async () => {
    const before = await chancy.push(slow)
    await chancy.waitForJob(before, { states: ['running'] })
    const waited = chancy.waitForJob(before)
    // The wait is registered, so the finish would notify.
    const reader = await connect()
    await until(async () => (await reader.query('SELECT 1 FROM chancy.waiters')).rowCount! > 0)
    await fill()

    end()
    expect(await waited).toMatchObject({ state: 'succeeded', result: 'done' })
    const one = await chancy.push(quick)
    const many = await chancy.pushMany(Array.from({ length: 300 }, () => quick))
    const unique = await chancy.push(quick.job.withUniqueKey('u').withConcurrency(1))
    const client = await connect()
    await client.query('BEGIN')
    const within = await chancy.push(quick, { session: client })
    const { rows } = await client.query(`SELECT chancy.push('quick') AS id`)
    await client.query('COMMIT')
    const done = await chancy.waitForJobs([one, ...many, unique, within, rows[0].id as string])
    expect(done.every(({ state }) => state === 'succeeded')).toBe(true)

    const later = await chancy.push(quick.job.withDelay('1h'))
    expect(await chancy.cancel(later)).toBe('cancelled')
    await chancy.retry(later)
    expect(await chancy.getJob(later)).toMatchObject({ state: 'pending' })
  }, 120_000)
})
