import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Job, rule } from 'chancy'
import { metricsText } from 'chancy/metrics/prometheus'
import { cron, getSchedules, schedule } from 'chancy/plugins/cron'
import { failureActions, failures } from 'chancy/plugins/failures'
import { getLeader, leadership } from 'chancy/plugins/leadership'
import { getGauges, getMetrics, increment, metrics } from 'chancy/plugins/metrics'
import { openTelemetry } from 'chancy/plugins/opentelemetry'
import { prune, pruner } from 'chancy/plugins/pruner'
import { reprioritize } from 'chancy/plugins/reprioritize'
import { retries } from 'chancy/plugins/retries'
import { sentry } from 'chancy/plugins/sentry'
import { addTrigger, getTriggers, triggers } from 'chancy/plugins/triggers'
import { describePlugin } from 'chancy/testing'
import { describe, expect, inject, it } from 'vitest'
import { audit, entries } from '../../examples/audit/audit.ts'
import { sized } from '../support/size.ts'

const runner = { describe, it }
const database = inject('databaseUrl')
/** Plugins without a table of their own: the suite of CI leaves them to the full size. */
const describeFully = sized<typeof describePlugin>(() => {}, describePlugin)

describePlugin(() => leadership(), {
  runner,
  database,
  use: async (chancy) => assert.notEqual(await getLeader(chancy), null),
})
describePlugin(() => metrics({ flush: '1s' }), {
  runner,
  database,
  use: async (chancy) => {
    await increment(chancy, 'used')
    assert.ok(Array.isArray(await getMetrics(chancy)))
    assert.equal((await getGauges(chancy)).workers, 2)
    assert.match(await metricsText(chancy), /^chancy_workers 2$/m)
  },
})
describePlugin(() => failures(), {
  runner,
  database,
  use: async (chancy) => {
    const { items } = await (await failureActions(chancy)).list()
    assert.deepEqual(items, [])
  },
})
describeFully(() => openTelemetry(), { runner, database })
describeFully(() => sentry(), { runner, database })
describePlugin(() => pruner({ rules: [rule.name.eq('tick')] }), {
  runner,
  database,
  use: async (chancy) => {
    const none = { matched: 0, removed: 0 }
    assert.deepEqual(await prune(chancy, rule.name.eq('tick')), none)
  },
})
describeFully(() => reprioritize([{ where: rule.waiting.gt('1m'), by: 1, per: '1m', to: 10 }]), {
  runner,
  database,
})
describeFully(() => retries([{ when: { error: 'TypeError' }, then: 'never' }]), {
  runner,
  database,
})
describePlugin(() => triggers(), {
  runner,
  database,
  use: async (chancy) => {
    assert.deepEqual(await getTriggers(chancy), [])
    const options = { key: 'a', on: ['insert'], each: 'row', job: Job.named('a') } as const
    const wrong = addTrigger(chancy, { ...options, table: 'public.nowhere' })
    await assert.rejects(wrong, { code: 'CONFIG_INVALID' })
  },
})
describePlugin(audit, {
  runner,
  database,
  use: async (chancy) => assert.deepEqual(await entries(chancy), []),
})
describePlugin(
  () =>
    cron({
      schedules: [{ key: 'declared', cron: '@hourly', job: Job.named('chancy-test-ok') }],
      set: 'test',
    }),
  {
    runner,
    database,
    use: async (chancy) => {
      await schedule(chancy, { key: 'each', every: '1s', job: Job.named('chancy-test-ok') })
      const keys = (await getSchedules(chancy)).map(({ key }) => key)
      assert.deepEqual(keys, ['declared', 'each'])
    },
  },
)

describe('describePlugin', () => {
  it.runIf(sized(false, true))(
    'runs under node:test, and finds what is wrong',
    { timeout: 180_000 },
    async () => {
      const file = fileURLToPath(new URL('../support/plugins/suite.mjs', import.meta.url))
      const args = ['--test', '--test-reporter=tap', file]
      const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...rest } = process.env
      const env = { ...rest, CHANCY_TEST_URL: database }
      const ran = promisify(execFile)(process.execPath, args, { env })
      const { stdout } = await ran.catch((error: { stdout: string }) => error)
      const results = [...stdout.matchAll(/^ +(not ok|ok) \d+ - (.*)$/gm)].map(([, how, what]) => [
        what,
        how,
      ])
      expect(results).toEqual([
        ['makes its tables, takes all of them away, and makes them again', 'ok'],
        ['owns its names: no second plugin may have them', 'ok'],
        ['does no harm under two leaders', 'ok'],
        ['costs no job when a hook of it throws', 'ok'],
        ['lets a worker stop within a second', 'ok'],
        ['makes its tables, takes all of them away, and makes them again', 'not ok'],
        ['owns its names: no second plugin may have them', 'ok'],
        ['does no harm under two leaders', 'not ok'],
        ['costs no job when a hook of it throws', 'ok'],
        ['lets a worker stop within a second', 'not ok'],
      ])
      expect(stdout).toContain('leave "test_bad_left" behind')
    },
  )
})
