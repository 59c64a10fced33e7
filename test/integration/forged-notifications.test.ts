import { type Driver, job, Queue } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import pg from 'pg'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { empty, startApp } from '../support/app.ts'
import { hooked } from '../support/application.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const CHANNEL = `chancy_${schema}`
const OTHER_ROLE = `${schema}_other`

/** Sends payloads as a role that may connect and nothing else. */
async function forge(payloads: readonly string[]): Promise<void> {
  const url = new URL(databaseUrl())
  await withClient((client) => client.query(`CREATE ROLE ${OTHER_ROLE} LOGIN PASSWORD 'pw'`))
  url.username = OTHER_ROLE
  url.password = 'pw'
  try {
    await withClient(async (client) => {
      const denied = client.query(`SELECT 1 FROM ${schema}.jobs`)
      await expect(denied).rejects.toThrow('permission denied')
      await client.query('SELECT pg_notify($1, p) FROM unnest($2::text[]) p', [CHANNEL, payloads])
    }, url.href)
  } finally {
    await withClient((client) => client.query(`DROP ROLE ${OTHER_ROLE}`))
  }
}

/** A driver that counts how often each function of the schema is called. */
function counting(): { driver: Driver; calls: (name: string) => number; end: () => Promise<void> } {
  const pool = new pg.Pool({ connectionString: databaseUrl(schema), max: 6 })
  const texts: string[] = []
  const driver = hooked(pgDriver(pool), (text, send) => {
    texts.push(text)
    return send()
  })
  return {
    driver,
    calls: (name) => texts.filter((text) => text.includes(`"${name}"`)).length,
    end: () => pool.end(),
  }
}

/** A job that ends when it is released, and returns whether its signal had aborted. */
function held() {
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const fn = job({ name: 'held', maxAttempts: 5 }, async (_: object, { signal }) => {
    const stopped = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    await Promise.race([released, stopped])
    signal.throwIfAborted()
    return 'paid'
  })
  return { fn, release }
}

beforeAll(async () => {
  await using _ = await startApp({ schema })
})
afterEach(() => empty(schema))

describe('a notification that another role sends', () => {
  it('about a cancel does not end a running job', async () => {
    const { fn, release } = held()
    const { driver, calls, end } = counting()
    {
      await using app = await startApp({ schema, jobs: fn, url: driver })
      const cancelled = app.all('job.cancelled')
      const started = app.next('job.started')
      await app.start({ heartbeat: '5s', lease: '15s' })
      const ref = await app.chancy.push(fn)
      await started
      const before = calls('cancelling_1')
      await forge([`job.cancelled ${ref.id}`])
      // The row was read, and is in another state.
      await until(() => calls('cancelling_1') > before, { what: 'a read of the row' })
      release()
      expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded', result: 'paid' })
      expect(cancelled).toEqual([])
    }
    await end()
  })

  it('about a finish does not end a wait', async () => {
    const { fn, release } = held()
    const { driver, calls, end } = counting()
    {
      await using app = await startApp({ schema, jobs: fn, url: driver })
      const started = app.next('job.started')
      await app.start()
      const ref = await app.chancy.push(fn)
      const wait = app.chancy.waitForJob(ref)
      await started
      const before = calls('get_states_1')
      await forge([`job.finished ${ref.id}`])
      await until(() => calls('get_states_1') > before)
      release()
      expect(await wait).toMatchObject({ state: 'succeeded', result: 'paid' })
    }
    await end()
  })

  it('that makes no sense is passed over', async () => {
    const ok = job({ name: 'ok' }, () => 'ok')
    await using app = await startApp({ schema, jobs: ok })
    await app.start()
    const long = 'x'.repeat(7_900)
    await forge([
      '',
      ' ',
      '/',
      long,
      'job.cancelled',
      'job.cancelled not-an-id',
      `job.cancelled ${long}`,
      'job.finished',
      'job.finished __proto__',
      'queue.pushed',
      `queue.pushed ${long}`,
      'queue.pushed/__proto__ constructor',
      'queue.changed',
      'job.scheduled',
      'worker.revoked 7',
      'notifier.lost',
      '__proto__ x',
      'constructor x',
    ])
    const ref = await app.chancy.push(ok)
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('thousands of times costs a bounded number of queries', async () => {
    const { fn, release } = held()
    const { driver, calls, end } = counting()
    {
      await using app = await startApp({ schema, jobs: fn, url: driver })
      const started = app.next('job.started')
      await app.start({ heartbeat: '5s', lease: '15s' })
      await app.chancy.declare(new Queue('quiet', { executor: 'inline', pollingInterval: '1d' }))
      const ref = await app.chancy.push(fn)
      const wait = app.chancy.waitForJob(ref)
      await started
      const names = ['claim_1', 'stage_1', 'cancelling_1', 'get_states_1', 'queues']
      const before = new Map(names.map((name) => [name, calls(name)]))
      const begun = performance.now()
      const received = app.all('queue.pushed')
      // Duplicates in one transaction are sent once by the server, so each has an origin of its own.
      const flood = Array.from({ length: 20_000 }, (_, n) => [
        `queue.pushed/${n} quiet`,
        `queue.changed/${n} quiet`,
        `job.scheduled/${n} quiet`,
        `job.cancelled/${n} ${ref.id}`,
        `job.finished/${n} ${ref.id}`,
      ])
      await forge([...flood.flat(), 'queue.pushed last'])
      await until(() => received.some(({ queue }) => queue === 'last'), { timeoutMs: 30_000 })
      const seconds = (performance.now() - begun) / 1_000
      for (const name of names) {
        const made = calls(name) - before.get(name)!
        expect(made, `${name} in ${seconds} s`).toBeLessThan(100 + 500 * seconds)
      }
      expect(received.length).toBeLessThan(100 + 500 * seconds)
      release()
      expect(await wait).toMatchObject({ state: 'succeeded' })
    }
    await end()
  })
})

describe('a cancel from another process', () => {
  it('still stops the job long before the next renewal', async () => {
    const { fn } = held()
    await using app = await startApp({ schema, jobs: fn })
    await using other = await startApp({ schema })
    const started = app.next('job.started')
    const cancelled = app.next('job.cancelled')
    const renewals = app.all('lease.renewed')
    await app.start({ heartbeat: '20s', lease: '60s' })
    const ref = await other.chancy.push(fn)
    await started
    const before = renewals.length
    expect(await other.chancy.cancel(ref)).toBe('requested')
    expect(await cancelled).toEqual({ id: ref.id })
    expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'cancelled' })
    expect(renewals.length).toBe(before)
  })
})
