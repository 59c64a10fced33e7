import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, testPools } from '../support/pools.ts'

const schema = testSchema()
const pools = testPools()

describe.each(['process', 'thread'] as const)('a job module in a child of %s', (kind) => {
  const executor = () => pools[kind]({ jobs: [jobModule('face')], concurrency: 1 })

  it('has neither the database nor the logger loaded', async () => {
    const pool = executor()
    expect(await resultOf(start(pool, 'looks'))).toEqual({ loaded: [] })
    expect(await start(pool, 'discards').ended).toMatchObject({ kind: 'discarded' })
  })

  it('can make a Chancy of its own', async () => {
    await using app = await startApp({ schema })
    const received = await resultOf(
      start(executor(), 'pushes', { url: databaseUrl(schema), schema }),
    )
    const { id, ...rest } = received as { id: string }
    expect(rest).toEqual({ isChancy: [true, true, false], hasLoaded: true })
    expect(await app.chancy.getJob(id)).toMatchObject({ name: 'looks', state: 'pending' })
  })

  it('is notified that a worker cannot start there', async () => {
    const url = 'postgresql://127.0.0.1:1/nowhere'
    expect(await start(executor(), 'works', { url }).ended).toMatchObject({
      kind: 'threw',
      error: { name: 'ConfigError', message: expect.stringContaining('inside a child') },
    })
  })
})
