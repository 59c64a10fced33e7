import assert from 'node:assert/strict'
import { type Chancy, type Driver, type EventMap, job, type Plugin, Worker } from '../index.ts'
import { alwaysLeads, passesOf, sabotaged } from './plugin-doubles.ts'
import { type TestRunner, testRunner } from './test-runner.ts'
import { type TestSchema, testSchema } from './test-schema.ts'

/** Options of `describePlugin(make, options)`. */
export interface DescribePluginOptions {
  /** The functions of the test runner. Default: the global ones. */
  readonly runner?: TestRunner
  /** A server, by its address or a driver. Default: CHANCY_TEST_URL, else PGlite. */
  readonly database?: string | Driver
  /** What the plugin needs beside the default plugins. Default: none. */
  readonly with?: () => readonly Plugin[]
  /** How many jobs run beside hooks that throw. Default: 500. */
  readonly jobs?: number
  /**
   * Uses the plugin as its users do. Called once its tables are there and two workers run that both lead;
   * what it throws fails the test.
   */
  readonly use?: (chancy: Chancy) => Promise<void>
}

const DEFAULT_JOBS = 500
/** How long a worker with the plugin may take to stop, in milliseconds. */
const STOP_MS = 1_000

type Passed = EventMap['plugin.passed']

const ok = job({ name: 'chancy-test-ok' }, () => 'ok')

/**
 * Tests what must hold for every plugin: its tables are made and taken away, its names are its own, two
 * leaders do no harm, a hook of it that throws costs no job, and it lets a worker stop within a second.
 *
 * @param make Makes a new plugin at each call.
 * @throws {ConfigError} when there is no test runner
 */
export function describePlugin(make: () => Plugin, options: DescribePluginOptions = {}): void {
  const { describe, it } = testRunner(options.runner)
  const { name } = make()
  const test = (title: string, body: (schema: TestSchema) => Promise<void>): void => {
    it(title, async () => {
      const schema = await testSchema(options.database)
      try {
        await body(schema)
      } finally {
        await schema.close()
      }
    })
  }
  const plugins = (): readonly Plugin[] => [...(options.with?.() ?? []), make()]

  describe(`the plugin ${name}`, () => {
    test('makes its tables, takes all of them away, and makes them again', async (schema) => {
      const chancy = schema.open({ plugins: plugins() })
      await chancy.migrate()
      assert.equal(await chancy.isUpToDate(), true)
      if (make().migrations !== undefined) {
        await chancy.migrate({ plugin: name, to: 0 })
        assert.equal(await chancy.isUpToDate(), false)
      }
      await chancy.migrate({ to: 0 })
      await chancy.migrate()
      assert.equal(await chancy.isUpToDate(), true)
    })

    test('owns its names: no second plugin may have them', async (schema) => {
      const open = (): unknown => schema.open({ plugins: [...plugins(), make()] })
      assert.throws(open, { code: 'PLUGIN_NAME_TAKEN' })
      const others = plugins().flatMap(({ commands = [] }) => commands.map((one) => one.name))
      assert.equal(new Set(others).size, others.length, 'two commands have one name')
    })

    test('does no harm under two leaders', async (schema) => {
      const [first, second] = [0, 1].map(() => {
        const led = name === 'chancy.leadership' ? [] : [alwaysLeads()]
        return schema.open({ plugins: [...plugins(), ...led], jobs: ok })
      }) as [Chancy, Chancy]
      await first.migrate()
      const failed: Passed[] = []
      const passes = [first, second].map((chancy) => passesOf(chancy, plugins(), failed))
      const workers = [await started(first), await started(second)]
      try {
        await Promise.all(passes)
        await options.use?.(first)
        const ref = await second.push(ok)
        assert.equal((await second.waitForJob(ref)).state, 'succeeded')
      } finally {
        await Promise.all(workers.map((worker) => worker.stop()))
      }
      assert.deepEqual(
        failed.map(({ plugin, loop, error }) => `${plugin}/${loop}: ${String(error)}`),
        [],
      )
    })

    test('costs no job when a hook of it throws', async (schema) => {
      const count = options.jobs ?? DEFAULT_JOBS
      const broken = plugins().map((one) => (one.name === name ? sabotaged(one) : one))
      const chancy = schema.open({ plugins: broken, jobs: ok })
      await chancy.migrate()
      const worker = await started(chancy)
      try {
        const refs = await chancy.pushMany(Array.from({ length: count }, () => ok))
        const done = await chancy.waitForJobs(refs)
        assert.equal(done.filter(({ state }) => state === 'succeeded').length, count)
      } finally {
        await worker.stop()
      }
    })

    test('lets a worker stop within a second', async (schema) => {
      const all = plugins()
      const chancy = schema.open({ plugins: all, jobs: ok })
      await chancy.migrate()
      const passed = passesOf(chancy, all, [])
      const worker = await started(chancy)
      await chancy.waitForJob(await chancy.push(ok))
      await passed
      const startedAt = performance.now()
      await worker.stop()
      const tookMs = performance.now() - startedAt
      assert.ok(tookMs < STOP_MS, `the worker took ${Math.round(tookMs)} ms to stop`)
    })
  })
}

async function started(chancy: Chancy): Promise<Worker> {
  const worker = new Worker(chancy, { signals: false, shutdownTimeout: '5s' })
  await worker.start()
  return worker
}
