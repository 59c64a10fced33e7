import { job, Queue } from 'chancy'
import type { Client } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { orphanRunningJobs } from '../support/orphan-running-jobs.ts'

const schema = testSchema()

/** Every session of this address begins with another isolation level than the engine needs. */
function urlWith(level: string): string {
  const url = new URL(databaseUrl(schema))
  url.searchParams.set(
    'options',
    `-c default_transaction_isolation=${level.replaceAll(' ', '\\ ')}`,
  )
  return url.href
}

beforeAll(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
})

describe.each(['repeatable read', 'serializable'])('a server that defaults to %s', (level) => {
  it('changes nothing', async () => {
    const fail = job({ name: 'fail', maxAttempts: 3, backoff: { base: 50 } }, (_: object, c) => {
      if (c.attempt < 3) throw new Error(`no ${c.attempt}`)
      return 'at last'
    })
    const ok = job({ name: 'ok' }, ({ n }: { n: number }) => n)
    const hang = job({ name: 'hang' }, (_: object, { signal }) => {
      return new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const url = urlWith(level)
    await using app = await startApp({ schema, jobs: [fail, ok, hang], url })
    const { chancy } = app
    const show = (client: Client) => client.query('SHOW transaction_isolation')
    expect((await withClient(show, url)).rows).toEqual([{ transaction_isolation: level }])
    await chancy.declare(new Queue('default', { executor: 'inline', concurrency: 5 }))
    const lost = app.all('outcome.rejected')
    await app.start()
    await app.start()

    const hanging = await chancy.push(hang)
    const refs = await chancy.pushMany(
      Array.from({ length: 500 }, (_, n) => ok.job.withArgs({ n })),
    )
    const others = await Promise.all([
      chancy.push(fail),
      chancy.push(ok.job.withArgs({ n: -1 }).withDelay('100ms')),
      chancy.push(ok.job.withArgs({ n: -2 }).withUniqueKey(level)),
      chancy.push(ok.job.withArgs({ n: -3 }).withUniqueKey(level)),
    ])
    const done = await chancy.waitForJobs([...refs, ...others])
    for (const one of done) expect(one.state, JSON.stringify(one)).toBe('succeeded')
    expect(done.slice(0, 500).map(({ result }) => result)).toEqual(refs.map((_, n) => n))
    expect(done[500]).toMatchObject({ attempts: 3, result: 'at last' })
    expect(await chancy.cancel(hanging)).toBe('requested')
    expect(await chancy.waitForJob(hanging)).toMatchObject({ state: 'cancelled' })
    await chancy.retry(hanging)
    expect(await chancy.waitForJob(hanging, { states: ['running'] })).toMatchObject({
      state: 'running',
    })
    await chancy.cancel(hanging)
    await chancy.waitForJob(hanging)
    expect(lost).toEqual([])

    // What a lost worker had comes back.
    await chancy.pauseQueue('default')
    const orphan = await chancy.push(ok.job.withArgs({ n: 7 }))
    await orphanRunningJobs(schema)
    await chancy.resumeQueue('default')
    expect(await chancy.waitForJob(orphan)).toMatchObject({ state: 'succeeded', attempts: 1 })
  })
})
