import { Job, type Plugin, Queue } from 'chancy'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const module = new URL('../support/plugins/around.mjs', import.meta.url)
const jobs = new URL('../support/plugins/around-jobs.mjs', import.meta.url)
const around = (name: string, mode = 'pass'): Plugin => ({
  name: `test.${name}`,
  around: { module, options: { mark: name, mode } },
})

describe.each(['inline', 'thread', 'process'] as const)(
  'around jobs of the executor %s',
  (executor) => {
    it('modules nest, the first plugin outermost, and each fault stays with its plugin', async () => {
      const plugins = [
        around('outer'),
        around('broken', 'throws-before'),
        around('late', 'throws-after'),
        around('twice', 'twice'),
        around('inner', 'replaces'),
      ]
      await using app = await startApp({ schema, jobs, plugins })
      await app.chancy.declare(new Queue('default', { executor, concurrency: 1 }), { upsert: true })
      await app.start()
      const refs = await app.chancy.pushMany([Job.named('wrapped'), Job.named('wrapped')])
      const [first, second] = await app.chancy.waitForJobs(refs)
      // What is around it does not change its outcome.
      const nested = ['outer>', 'late>', 'twice>', 'inner>']
      expect(first).toMatchObject({ state: 'succeeded', result: nested })
      expect(second).toMatchObject({
        result: ['<inner', '<twice', '<late', '<outer', ...nested],
        progress: ['twice:run was called a second time, or too late'],
      })
      const failed = await app.chancy.waitForJob(await app.chancy.push(Job.named('failing')))
      expect(failed).toMatchObject({ state: 'failed', errors: [{ message: 'of the job' }] })

      const faults = () => app.lines.filter(({ message }) => message === 'plugin hook failed')
      await until(() => faults().length >= 2)
      // Of each plugin once a minute, though three jobs have run, and nothing of those that only pass on.
      expect(
        faults()
          .map(({ fields }) => [fields.plugin, fields.hook])
          .sort(),
      ).toEqual([
        ['test.broken', 'around'],
        ['test.late', 'around'],
      ])
    })

    it('a module that never calls run fails the attempt, and names the plugin', async () => {
      await using app = await startApp({ schema, jobs, plugins: [around('never', 'never')] })
      await app.chancy.declare(new Queue('default', { executor }), { upsert: true })
      await app.start()
      const done = await app.chancy.waitForJob(await app.chancy.push(Job.named('wrapped')))
      expect(done).toMatchObject({
        state: 'failed',
        result: null,
        errors: [{ message: expect.stringContaining('"around" of the plugin "test.never"') }],
      })
    })
  },
)

describe('a module that cannot be loaded', () => {
  it('is refused when the worker starts, with the name of its plugin', async () => {
    const lost = { module: new URL('./no-such-file.mjs', import.meta.url) }
    const plugins = [{ name: 'test.lost', around: lost }]
    await using app = await startApp({ schema, jobs, plugins })
    await expect(app.start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/The plugin "test.lost": around: .*no-such-file/),
    })
  })
})
