import { type EventMap, job, pgDriver, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { connectionLost, hooked, isPush, testApplication } from '../support/application.ts'
import { databaseUrl, withClient } from '../support/database.ts'
import { ownDatabase } from '../support/own-database.ts'
import { until } from '../support/until.ts'

const app = testApplication()
const QUICK = { lease: '3s', heartbeat: '300ms' } as const

type Send = () => Promise<unknown[]>

/** An application whose statements go through `hook`, with an inline queue. */
async function behind(hook: (text: string, send: Send) => Promise<unknown[]>, jobs: object[]) {
  const driver = hooked(pgDriver(app.pool(10)), hook)
  // The thread of the heartbeat does not use the hook.
  const chancy = app.chancy(
    { jobs: jobs as never },
    { ...driver, address: async () => databaseUrl(app.schema) },
  )
  await chancy.declare(new Queue('default', { executor: 'inline', pollingInterval: '200ms' }))
  return chancy
}

describe('a claim whose answer is lost', () => {
  it('is reclaimed, also after the answer to the previous outcome of the job was lost', async () => {
    const attempts: number[] = []
    const again = job(
      { name: 'again', maxAttempts: 5, backoff: 'none' },
      (_: object, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw new Error('first')
      },
    )
    let isFinishLost = false
    let isClaimLost = false
    const chancy = await behind(
      async (text, send) => {
        const rows = await send()
        if (text.includes('finish_2') && !isFinishLost) {
          isFinishLost = true
          // This push wakes the runner: it claims the job before its outcome is known to be saved.
          void chancy.push(again.job.withConcurrency(1))
          throw connectionLost()
        }
        if (text.includes('claim_1') && isFinishLost && !isClaimLost && rows.length > 1) {
          isClaimLost = true
          throw connectionLost()
        }
        return rows
      },
      [again],
    )
    await app.worker(chancy, QUICK)
    const ref = await chancy.push(again.job.withConcurrency(1))
    expect(await chancy.waitForJob(ref, { timeout: '50s' })).toMatchObject({
      state: 'succeeded',
    })
    expect([isFinishLost, isClaimLost]).toEqual([true, true])
    await until(async () => (await app.sql('SELECT 1 FROM $jobs')).length === 0)
    await until(async () => (await app.sql('SELECT 1 FROM $claims')).length === 0)
  })
})

describe('a claim whose answer is late', () => {
  it('is not reclaimed by a pass that read its row before its answer arrived', async () => {
    const runs: number[] = []
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const work = job({ name: 'work' }, async (_: object, { fence }) => {
      runs.push(fence)
      await held
    })
    let isArmed = false
    let isSlow = false
    let sayCommitted = (): void => {}
    const committed = new Promise<void>((resolve) => {
      sayCommitted = resolve
    })
    let sayRead = (): void => {}
    const read = new Promise<void>((resolve) => {
      sayRead = resolve
    })
    const chancy = await behind(
      async (text, send) => {
        if (isArmed && text.includes('SELECT c.claim_seq')) {
          // The pass reads; a claim begins after that, and commits before the read is answered.
          isArmed = false
          isSlow = true
          await app.sql("SELECT $push('work')")
          await committed
          const rows = await send()
          expect(rows.length).toBeGreaterThan(0)
          setImmediate(sayRead)
          return rows
        }
        if (isSlow && text.includes('claim_1')) {
          const rows = await send()
          if (rows.length > 1) {
            isSlow = false
            sayCommitted()
            await read
            // Longer than the pass would take if it did not wait for this answer.
            for (let turn = 0; turn < 50; turn++) await new Promise((r) => setTimeout(r, 1))
          }
          return rows
        }
        return send()
      },
      [work],
    )
    const checks: EventMap['claims.reconciled'][] = []
    chancy.on('claims.reconciled', (check) => checks.push(check))
    await app.worker(chancy, { lease: '1m', heartbeat: '1s' })
    await until(() => checks.length === 1)
    isArmed = true
    await until(() => checks.length === 2)
    expect(checks[1]).toEqual({ reclaimed: 0 })
    expect(runs).toEqual([1])
    expect(await app.sql('SELECT 1 FROM $claims')).toHaveLength(1)
    release()
    await until(async () => (await app.sql('SELECT 1 FROM $jobs')).length === 0)
  })

  it('starts nothing when the lease was revoked in between', async () => {
    const runs: { fence: number; aborted: boolean }[] = []
    const work = job({ name: 'work' }, (_: object, { fence, signal }) => {
      runs.push({ fence, aborted: signal.aborted })
    })
    let isFirst = true
    const chancy = await behind(
      async (text, send) => {
        const rows = await send()
        if (isFirst && text.includes('claim_1') && rows.length > 1) {
          isFirst = false
          const lost = new Promise<void>(
            (resolve) => void chancy.on('worker.revoked', () => resolve()),
          )
          await app.sql('UPDATE $workers SET revoked_at = now()')
          await lost
        }
        return rows
      },
      [work],
    )
    await app.worker(chancy, QUICK)
    const ref = await chancy.push(work)
    await chancy.waitForJob(ref, { timeout: '50s' })
    // By recovery, under a later fence; the claim under the lost lease began nothing.
    expect(runs).toEqual([{ fence: 3, aborted: false }])
  })
})

describe('a push with unique keys whose answer is lost', () => {
  it('is one job each, also when a key is busy at the second try', async () => {
    const runs: string[] = []
    const work = job({ name: 'work' }, ({ n }: { n: string }) => void runs.push(n))
    const blocker = await app.client()
    let isFirst = true
    const chancy = await behind(
      async (text, send) => {
        const rows = await send()
        if (isFirst && isPush(text)) {
          isFirst = false
          // Committed. Both run and are moved before the second try, which finds one key busy.
          await until(async () => (await app.sql('SELECT 1 FROM $finished_jobs')).length === 2)
          await blocker.query('BEGIN')
          await blocker.query(`SELECT ${app.schema}.push('work', unique_key => 'b')`)
          throw connectionLost()
        }
        return rows
      },
      [work],
    )
    await app.worker(chancy)
    const pushes = ['a', 'b'].map((n) => chancy.push(work.job.withArgs({ n }).withUniqueKey(n)))
    const [first] = await Promise.all([pushes[0], until(() => !isFirst)])
    await blocker.query('ROLLBACK')
    const second = await pushes[1]
    expect([first?.created, second?.created]).toEqual([true, true])
    expect(runs.toSorted()).toEqual(['a', 'b'])
    const rows = await app.sql<{ id: string }>('SELECT id::text AS id FROM $all_jobs')
    expect(rows.map(({ id }) => id).toSorted()).toEqual([first?.id, second?.id].toSorted())
  })
})

describe('progress that is set while many jobs end', () => {
  // Deadlocks are counted by database, and other tests make some on purpose.
  const url = ownDatabase()

  it('causes no deadlock, and the last value is in the outcome', async () => {
    const each = 1_500
    // The younger report first, and all end about when progress is written.
    let endAt = 0
    const work = job({ name: 'work' }, async ({ n }: { n: number }, { progress }) => {
      await new Promise((resolve) => setTimeout(resolve, 150 - n / 15))
      progress(n)
      await new Promise((resolve) =>
        setTimeout(resolve, endAt - performance.now() + 160 * Math.random()),
      )
    })
    const chancy = app.chancy({ jobs: [work] }, url())
    await chancy.migrate()
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: each }))
    await app.worker(chancy)
    for (let round = 0; round < 6; round++) {
      const numbers = Array.from({ length: each }, (_, n) => n)
      endAt = performance.now() + 430
      const refs = await chancy.pushMany(numbers.map((n) => work.job.withArgs({ n })))
      await chancy.waitForJobs(refs)
    }
    const differ = `SELECT 1 FROM ${app.schema}.finished_jobs WHERE progress IS DISTINCT FROM args -> 'n'`
    const counted =
      'SELECT deadlocks::int AS deadlocks FROM pg_stat_database WHERE datname = current_database()'
    await withClient(async (client) => {
      expect((await client.query(counted)).rows).toEqual([{ deadlocks: 0 }])
      expect((await client.query(differ)).rows).toEqual([])
    }, url())
  })
})
