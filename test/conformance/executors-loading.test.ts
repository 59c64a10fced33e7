import { Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { jobModule, keptLog, testPools } from '../support/pools.ts'

const schema = testSchema()
const pools = testPools()
const never = jobModule('never-loads')

describe.each(['process', 'thread'] as const)(
  'a module that never finishes loading, in %s',
  (kind) => {
    it('is named when nothing is left to wait for', async () => {
      const executor = pools[kind]({ jobs: [`${never}?await`], concurrency: 1 })
      await expect(executor.start()).rejects.toThrow(
        /never-loads.mjs\?await never finishes loading/,
      )
    })

    it.each(['loop', 'timer'])('is named in a warning after some seconds: %s', async (how) => {
      const { log, said } = keptLog()
      const executor = pools[kind]({ jobs: [`${never}?${how}`], concurrency: 1, log })
      const started = executor.start()
      expect(await said(/has not finished loading/)).toMatchObject({
        level: 'warn',
        fields: { module: `${never}?${how}` },
      })
      await executor.stop({ graceMs: 10_000 })
      await started
    })

    it('does not keep a worker from stopping', async () => {
      const { log, said } = keptLog()
      await using app = await startApp({ schema, jobs: new URL(never), logger: log })
      await app.chancy.declare(new Queue(`never ${kind}`, { executor: kind }))
      const started = app.start({ queues: [`never ${kind}`], shutdownTimeout: '20s' })
      await said(/has not finished loading/)
      const startedAt = performance.now()
      await Promise.all(app.workers.map((worker) => worker.stop()))
      expect(performance.now() - startedAt).toBeLessThan(3_000)
      await started
    })
  },
)
