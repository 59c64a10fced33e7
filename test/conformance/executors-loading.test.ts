import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Queue } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { resultOf, start } from '../support/executors.ts'
import { jobModule, keptLog, testPools } from '../support/pools.ts'

const schema = testSchema()
const pools = testPools()
const never = jobModule('never-loads')

describe.each(['process', 'thread'] as const)('the modules of children, in %s', (kind) => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'chancy-modules-'))
    const { href } = new URL('../../dist/core/job-function.js', import.meta.url)
    const text = `import { job } from '${href}'\nexport const typed = job({ name: 'typed' }, (): number => 7)`
    await writeFile(path.join(folder, 'typed.mts'), text)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('may be TypeScript that a glob finds', async () => {
    const executor = pools[kind]({ jobs: [path.join(folder, 't*.*')], concurrency: 1 })
    expect(await resultOf(start(executor, 'typed'))).toBe(7)
  })

  it('stay where they were when the working directory changes', async () => {
    const before = process.cwd()
    const executor = pools[kind]({ jobs: ['test/support/jobs/rude.mjs'], concurrency: 1 })
    try {
      process.chdir(tmpdir())
      expect(await resultOf(start(executor, 'ok', { value: 1 }))).toBe(1)
    } finally {
      process.chdir(before)
    }
  })
})

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
      expect(performance.now() - startedAt).toBeLessThan(10_000)
      await started
    })
  },
)
