// Run by node:test: a plugin that keeps the contract, and one that does not.
import { describe, it } from 'node:test'
import { definePlugin, migration } from 'chancy/plugin'
import { describePlugin } from 'chancy/testing'

const good = () =>
  definePlugin({
    name: 'test.good',
    migrations: [
      migration(1, {
        up: (t) => [`CREATE TABLE ${t.own('test_good_all')} (n int)`],
        down: (t) => [`DROP TABLE ${t.own('test_good_all')}`],
      }),
    ],
    onPush: (job) => ({ ...job, meta: { ...job.meta, 'test.good': 1 } }),
    beforeAttempt: (job) => job,
    afterAttempt: (update) => update,
    onSaved: () => {},
    loops: [{ name: 'round', on: 'leader', pass: async () => '1m' }],
    cleanup: () => 0,
  })
const bad = () =>
  definePlugin({
    name: 'test.bad',
    migrations: [
      migration(1, {
        up: (t) => [`CREATE TABLE IF NOT EXISTS ${t.own('test_bad_left')} (n int)`],
        down: () => [],
      }),
    ],
    loops: [
      {
        name: 'round',
        on: 'leader',
        pass: async () => {
          throw new Error('bad round')
        },
      },
      {
        name: 'deaf',
        on: 'worker',
        pass: () => new Promise((resolve) => setTimeout(() => resolve('1m'), 7_000)),
      },
    ],
  })

describePlugin(good, { runner: { describe, it }, jobs: 50 })
describePlugin(bad, { runner: { describe, it }, jobs: 50 })
